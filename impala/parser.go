package impala

import (
	"fmt"
	"strings"
)

// parser reads the tokens of SHOW CREATE TABLE. It is tolerant: clauses in any order, both spellings of an Iceberg specification,
// and Hive's STORED AS INPUTFORMAT.
type parser struct {
	tokens []token
	at     int
}

func (p *parser) peek(ahead int) token {
	if p.at+ahead < len(p.tokens) {
		return p.tokens[p.at+ahead]
	}
	return token{}
}

// accept consumes the words if they all come next.
func (p *parser) accept(words ...string) bool {
	for i, w := range words {
		if !p.peek(i).is(w) {
			return false
		}
	}
	p.at += len(words)
	return true
}

func (p *parser) expect(words ...string) error {
	if p.accept(words...) {
		return nil
	}
	return fmt.Errorf("%s expected before %q", strings.Join(words, " "), p.rest())
}

// rest is the beginning of what is not read yet, for messages.
func (p *parser) rest() string {
	var words []string
	for i := p.at; i < len(p.tokens) && len(words) < 6; i++ {
		words = append(words, p.tokens[i].text)
	}
	return strings.Join(words, " ")
}

func (p *parser) next() token {
	t := p.peek(0)
	p.at++
	return t
}

func (p *parser) done() bool { return p.at >= len(p.tokens) }

func (p *parser) name() (string, error) {
	t := p.next()
	if t.kind != wordToken && t.kind != nameToken {
		return "", fmt.Errorf("a name expected at %q", t.text)
	}
	return strings.ToLower(t.text), nil
}

func (p *parser) text() (string, error) {
	t := p.next()
	if t.kind != stringToken {
		return "", fmt.Errorf("a string expected at %q", t.text)
	}
	return t.text, nil
}

// comment reads a comment as it is printed, which is as it is stored: Impala knows no escapes in it.
func (p *parser) comment() (*string, error) {
	t := p.peek(0)
	_, err := p.text()
	return &t.raw, err
}

// names reads (a, b, c).
func (p *parser) names() ([]string, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var names []string
	for !p.accept(")") {
		n, err := p.name()
		if err != nil {
			return nil, err
		}
		names = append(names, n)
		p.accept(",")
	}
	return names, nil
}

// balanced reads a parenthesis and what belongs to it, as tokens without the outer pair.
func (p *parser) balanced() ([]token, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	start, depth := p.at, 1
	for ; !p.done(); p.at++ {
		switch {
		case p.peek(0).is("("):
			depth++
		case p.peek(0).is(")"):
			depth--
		}
		if depth == 0 {
			p.at++
			return p.tokens[start : p.at-1], nil
		}
	}
	return nil, fmt.Errorf("a parenthesis does not end")
}

func (p *parser) table() (*ddl, error) {
	if err := p.expect("CREATE"); err != nil {
		return nil, err
	}
	d := &ddl{external: p.accept("EXTERNAL")}
	p.accept("TRANSACTIONAL")
	if p.accept("VIEW") || p.accept("MATERIALIZED", "VIEW") {
		return nil, errView
	}
	if err := p.expect("TABLE"); err != nil {
		return nil, err
	}
	p.accept("IF", "NOT", "EXISTS")
	if _, err := p.name(); err != nil {
		return nil, err
	}
	if p.accept(".") {
		if _, err := p.name(); err != nil {
			return nil, err
		}
	}
	if p.peek(0).is("(") {
		if err := p.columns(d); err != nil {
			return nil, err
		}
	}
	for !p.done() && !p.accept(";") {
		if err := p.clause(d); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (p *parser) columns(d *ddl) error {
	p.at++
	for !p.accept(")") {
		if p.done() {
			return fmt.Errorf("the column list does not end")
		}
		if err := p.columnOrConstraint(d); err != nil {
			return err
		}
		p.accept(",")
	}
	return nil
}

func (p *parser) columnOrConstraint(d *ddl) (err error) {
	d.nonUniqueKey = d.nonUniqueKey || p.accept("NON", "UNIQUE")
	switch {
	case p.accept("PRIMARY", "KEY"):
		d.primaryKey, err = p.names()
		p.skipTo(",", ")")
		return err
	case p.peek(0).is("FOREIGN") && p.peek(1).is("KEY"), p.peek(0).is("CONSTRAINT"):
		d.foreignKeys = true
		p.at++
		p.skipTo(",", ")")
		return nil
	}
	c, err := p.column()
	if err == nil {
		d.columns = append(d.columns, c)
	}
	return err
}

// skipTo moves to the next of these signs outside parentheses.
func (p *parser) skipTo(signs ...string) {
	for !p.done() {
		for _, s := range signs {
			if p.peek(0).is(s) {
				return
			}
		}
		if p.peek(0).is("(") {
			if _, err := p.balanced(); err != nil {
				return
			}
			continue
		}
		p.at++
	}
}
