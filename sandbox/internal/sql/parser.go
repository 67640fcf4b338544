package sql

import (
	"fmt"
	"strconv"
)

// depthLimit bounds nesting, so that no statement can exhaust the stack.
const depthLimit = 400

// parser reads tokens; an error is thrown as a *SyntaxError and caught by Parse.
type parser struct {
	text   string
	tokens []token
	at     int
	depth  int
}

// Parse reads one statement; a semicolon may end it.
func Parse(statement string) (s Statement, err error) {
	tokens, err := lex(statement)
	if err != nil {
		return nil, err
	}
	p := &parser{text: statement, tokens: tokens}
	defer p.recover(&err)
	s = p.statement()
	p.symbolIf(";")
	if p.peek().kind != tokenEnd {
		p.fail("")
	}
	return s, nil
}

// ParseQuery reads a query alone, as a view keeps it.
func ParseQuery(text string) (q *Query, err error) {
	s, err := Parse(text)
	if err != nil {
		return nil, err
	}
	if s, ok := s.(*SelectStatement); ok {
		return s.Query, nil
	}
	return nil, &SyntaxError{text, 0, "Expected: a query"}
}

// Split cuts a script into its statements at the semicolons between them.
func Split(script string) ([]string, error) {
	tokens, err := lex(script)
	if err != nil {
		return nil, err
	}
	var statements []string
	start := 0
	for i, t := range tokens {
		if t.kind != tokenEnd && (t.kind != tokenSymbol || t.text != ";") {
			continue
		}
		if start < i {
			statements = append(statements, script[tokens[start].offset:tokens[i-1].end])
		}
		start = i + 1
	}
	return statements, nil
}

func (p *parser) recover(err *error) {
	switch r := recover().(type) {
	case nil:
	case *SyntaxError:
		*err = r
	default:
		panic(r)
	}
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) peekAt(n int) token { return p.tokens[min(p.at+n, len(p.tokens)-1)] }

func (p *parser) advance() token {
	t := p.tokens[p.at]
	if t.kind != tokenEnd {
		p.at++
	}
	return t
}

// enter counts nesting; use as defer p.enter()().
func (p *parser) enter() func() {
	if p.depth++; p.depth > depthLimit {
		p.fail("Expression or query nested too deep")
	}
	return func() { p.depth-- }
}

func (p *parser) fail(message string, args ...any) {
	t := p.peek()
	if message == "" {
		found := "EOF"
		if t.kind != tokenEnd {
			found = p.text[t.offset:t.end]
		}
		message = "Encountered: " + found
	} else {
		message = fmt.Sprintf(message, args...)
	}
	panic(&SyntaxError{p.text, t.offset, message})
}

// is tells whether the next tokens are these words.
func (p *parser) is(words ...string) bool {
	for i, w := range words {
		if t := p.peekAt(i); t.kind != tokenWord || t.text != w {
			return false
		}
	}
	return true
}

// wordIf takes these words if they come next.
func (p *parser) wordIf(words ...string) bool {
	if p.is(words...) {
		p.at += len(words)
		return true
	}
	return false
}

// oneOf takes the next word if it is one of these, else returns "".
func (p *parser) oneOf(words ...string) string {
	for _, w := range words {
		if p.wordIf(w) {
			return w
		}
	}
	return ""
}

func (p *parser) word(words ...string) {
	for _, w := range words {
		if !p.wordIf(w) {
			p.expected(w)
		}
	}
}

func (p *parser) expected(what string) {
	t := p.peek()
	found := "EOF"
	if t.kind != tokenEnd {
		found = p.text[t.offset:t.end]
	}
	p.fail("Encountered: %s\nExpected: %s", found, what)
}

func (p *parser) isSymbol(s string) bool {
	t := p.peek()
	return t.kind == tokenSymbol && t.text == s
}

func (p *parser) symbolIf(s string) bool {
	if p.isSymbol(s) {
		p.at++
		return true
	}
	return false
}

func (p *parser) symbol(s string) {
	if !p.symbolIf(s) {
		p.expected(s)
	}
}

// isName tells whether the next token can be an identifier.
func (p *parser) isName() bool {
	t := p.peek()
	return t.kind == tokenQuoted || t.kind == tokenWord && (!reserved[t.text] || t.text == "default")
}

func (p *parser) name() string {
	if !p.isName() {
		t := p.peek()
		if t.kind == tokenWord {
			p.fail("Encountered: a reserved word: %s (write it in backquotes to use it as a name)", p.text[t.offset:t.end])
		}
		p.expected("IDENTIFIER")
	}
	return p.advance().text
}

func (p *parser) stringLiteral() string {
	if p.peek().kind != tokenString {
		p.expected("STRING LITERAL")
	}
	return p.advance().text
}

// rawLiteral reads a literal of COMMENT, LOCATION or SET: Impala takes those as they are written, escapes and all.
func (p *parser) rawLiteral() string {
	t := p.peek()
	p.stringLiteral()
	return p.text[t.offset+1 : t.end-1]
}

func (p *parser) integer() int {
	t := p.peek()
	n, err := strconv.Atoi(t.text)
	if t.kind != tokenNumber || err != nil {
		p.expected("INTEGER LITERAL")
	}
	p.advance()
	return n
}

// dotted reads a.b.c.
func (p *parser) dotted() []string {
	parts := []string{p.name()}
	for p.symbolIf(".") {
		parts = append(parts, p.name())
	}
	return parts
}

func (p *parser) tableName() TableName {
	at := p.at
	parts := p.dotted()
	switch len(parts) {
	case 1:
		return TableName{Table: parts[0]}
	case 2:
		return TableName{parts[0], parts[1]}
	}
	p.at = at
	p.fail("Invalid table name")
	return TableName{}
}

// list reads one or more items separated by commas.
func list[T any](p *parser, item func() T) []T {
	items := []T{item()}
	for p.symbolIf(",") {
		items = append(items, item())
	}
	return items
}

// inParens reads ( item, … ).
func inParens[T any](p *parser, item func() T) []T {
	p.symbol("(")
	items := list(p, item)
	p.symbol(")")
	return items
}

func (p *parser) ifNotExists() bool { return p.wordIf("if", "not", "exists") }
func (p *parser) ifExists() bool    { return p.wordIf("if", "exists") }

// properties reads ('k'='v', …).
func (p *parser) properties() map[string]string {
	m := map[string]string{}
	p.symbol("(")
	for {
		k := p.stringLiteral()
		p.symbol("=")
		m[k] = p.stringLiteral()
		if !p.symbolIf(",") {
			break
		}
	}
	p.symbol(")")
	return m
}

// skipParens passes over a balanced group and returns its text.
func (p *parser) skipParens() string {
	start := p.peek().offset
	p.symbol("(")
	for depth := 1; depth > 0; {
		switch t := p.advance(); {
		case t.kind == tokenEnd:
			p.expected(")")
		case t.kind == tokenSymbol && t.text == "(":
			depth++
		case t.kind == tokenSymbol && t.text == ")":
			depth--
		}
	}
	return p.text[start:p.tokens[p.at-1].end]
}
