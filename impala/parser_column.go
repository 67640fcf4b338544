package impala

import (
	"fmt"
	"strings"
)

// column reads a column's definition up to the comma or parenthesis behind it.
func (p *parser) column() (ddlColumn, error) {
	name, err := p.name()
	if err != nil {
		return ddlColumn{}, err
	}
	c := ddlColumn{name: name, typeText: p.columnType()}
	for !p.done() && !p.peek(0).is(",") && !p.peek(0).is(")") {
		if err := p.columnOption(&c); err != nil {
			return c, fmt.Errorf("column %s: %w", name, err)
		}
	}
	return c, nil
}

// columnOptions are the words that can follow a column's type.
var columnOptions = map[string]bool{"NOT": true, "NULL": true, "COMMENT": true, "ENCODING": true, "COMPRESSION": true,
	"DEFAULT": true, "BLOCK_SIZE": true, "PRIMARY": true, "DISABLE": true, "NOVALIDATE": true, "RELY": true}

// columnType reads a type with everything between its <> and (), as text.
func (p *parser) columnType() string {
	var b strings.Builder
	depth := 0
	for !p.done() {
		t := p.peek(0)
		if depth == 0 && (t.is(",") || t.is(")") || columnOptions[strings.ToUpper(t.text)] && t.kind == wordToken) {
			break
		}
		switch {
		case t.is("<") || t.is("("):
			depth++
		case t.is(">") || t.is(")"):
			depth--
		}
		b.WriteString(t.text)
		p.at++
	}
	return b.String()
}

func (p *parser) columnOption(c *ddlColumn) error {
	switch {
	case p.accept("NOT", "NULL"):
		c.notNull = true
	case p.accept("NULL"), p.accept("DISABLE"), p.accept("NOVALIDATE"), p.accept("RELY"):
	case p.accept("PRIMARY", "KEY"):
	case p.accept("COMMENT"):
		var err error
		c.comment, err = p.comment()
		return err
	case p.accept("DEFAULT"):
		value, err := p.defaultValue()
		c.options = append(c.options, "DEFAULT "+value)
		return err
	case p.peek(0).is("ENCODING"), p.peek(0).is("COMPRESSION"), p.peek(0).is("BLOCK_SIZE"):
		option, value := p.next(), p.next()
		if value.kind != wordToken {
			return fmt.Errorf("%s without a value", option.text)
		}
		if !strings.EqualFold(value.text, "AUTO_ENCODING") && !strings.EqualFold(value.text, "DEFAULT_COMPRESSION") && value.text != "0" {
			c.options = append(c.options, strings.ToUpper(option.text)+" "+strings.ToUpper(value.text))
		}
	default:
		return fmt.Errorf("an option expected before %q", p.rest())
	}
	return nil
}

// defaultValue reads a literal or a function of literals, and writes it again.
func (p *parser) defaultValue() (string, error) {
	start := p.at
	for !p.done() && !p.peek(0).is(",") && !p.peek(0).is(")") {
		t := p.peek(0)
		if p.at > start && t.kind == wordToken && columnOptions[strings.ToUpper(t.text)] {
			break
		}
		if t.is("(") {
			if _, err := p.balanced(); err != nil {
				return "", err
			}
			continue
		}
		p.at++
	}
	return renderExpression(p.tokens[start:p.at])
}

var expressionSigns = map[string]bool{"(": true, ")": true, ",": true, "-": true, "+": true, ".": true, "=": true, "<": true, "<=": true}

// renderExpression writes an expression of literals, names, parentheses and a few signs again; anything else is refused.
func renderExpression(tokens []token) (string, error) {
	if len(tokens) == 0 {
		return "", fmt.Errorf("an expression expected")
	}
	var b strings.Builder
	for i, t := range tokens {
		if t.kind == signToken && !expressionSigns[t.text] {
			return "", fmt.Errorf("%q in an expression", t.text)
		}
		if t.kind == nameToken || t.kind == wordToken && !isPlainWord(t.text) {
			return "", fmt.Errorf("%q in an expression", t.text)
		}
		if i > 0 && spaced(tokens[i-1], t) {
			b.WriteByte(' ')
		}
		b.WriteString(t.sql())
	}
	return b.String(), nil
}

func isPlainWord(word string) bool {
	return !strings.ContainsFunc(word, func(r rune) bool { return r >= 0x80 })
}

// spaced says whether a space belongs between two tokens.
func spaced(a, b token) bool {
	switch {
	case a.is("("), a.is("-"), a.is("+"), a.is("."), b.is(")"), b.is(","), b.is("."):
		return false
	case b.is("("):
		return a.kind != wordToken
	case b.is("-"), b.is("+"): // 1e-5 came apart into three tokens
		return a.kind != wordToken || a.text[0] < '0' || a.text[0] > '9'
	}
	return true
}
