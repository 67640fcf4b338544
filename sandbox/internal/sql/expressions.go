package sql

import "strings"

// expression reads an expression; the methods below it go from the loosest
// binding operator to the tightest.
func (p *parser) expression() Expr {
	defer p.enter()()
	x := p.andExpression()
	for {
		switch {
		case p.wordIf("or"):
			x = &Binary{"or", x, p.andExpression()}
		case p.symbolIf("||"):
			x = &Binary{"||", x, p.andExpression()}
		default:
			return x
		}
	}
}

func (p *parser) andExpression() Expr {
	x := p.notExpression()
	for p.wordIf("and") || p.symbolIf("&&") {
		x = &Binary{"and", x, p.notExpression()}
	}
	return x
}

func (p *parser) notExpression() Expr {
	if p.is("not") && !p.peekIsNotExists() || p.isSymbol("!") {
		defer p.enter()()
		p.advance()
		return &Unary{"not", p.notExpression()}
	}
	if p.is("not", "exists") {
		p.advance()
		return &Unary{"not", p.predicate()}
	}
	return p.predicate()
}

func (p *parser) peekIsNotExists() bool { return p.is("not", "exists") }

var comparisons = map[string]string{"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "<=>": "<=>"}

// predicate reads comparisons, IS, BETWEEN, IN and LIKE.
func (p *parser) predicate() Expr {
	x := p.bitwise()
	for {
		t := p.peek()
		if op, ok := comparisons[t.text]; ok && t.kind == tokenSymbol {
			p.advance()
			x = &Binary{op, x, p.bitwise()}
			continue
		}
		if p.wordIf("is") {
			x = p.isPredicate(x)
			continue
		}
		not := p.is("not") && (p.peekAt(1).text == "between" || p.peekAt(1).text == "in" || likes[p.peekAt(1).text])
		if not {
			p.advance()
		}
		switch op := p.oneOf("between", "in", "like", "rlike", "regexp", "ilike", "iregexp"); op {
		case "":
			return x
		case "between":
			low := p.bitwise()
			p.word("and")
			x = &Between{x, low, p.bitwise(), not}
		case "in":
			x = p.inPredicate(x, not)
		default:
			x = negateIf(not, &Binary{op, x, p.bitwise()})
		}
	}
}

var likes = words("like rlike regexp ilike iregexp")

func negateIf(not bool, x Expr) Expr {
	if not {
		return &Unary{"not", x}
	}
	return x
}

func (p *parser) isPredicate(x Expr) Expr {
	not := p.wordIf("not")
	switch p.oneOf("null", "true", "false", "unknown", "distinct") {
	case "null", "unknown":
		return &IsNull{x, not}
	case "true":
		return &IsBool{x, true, not}
	case "false":
		return &IsBool{x, false, not}
	case "distinct":
		p.word("from")
		return negateIf(!not, &Binary{"<=>", x, p.bitwise()})
	}
	p.expected("NULL, TRUE, FALSE, DISTINCT FROM")
	return nil
}

func (p *parser) inPredicate(x Expr, not bool) Expr {
	if p.at++; !p.startsQuery() {
		p.at--
		return &In{X: x, List: inParens(p, p.expression), Not: not}
	}
	p.at--
	p.symbol("(")
	q := p.query()
	p.symbol(")")
	return &In{X: x, Query: q, Not: not}
}

// startsQuery tells whether a query begins here.
func (p *parser) startsQuery() bool {
	if p.is("select") || p.is("with") || p.is("values") {
		return true
	}
	for i := 0; p.peekAt(i).kind == tokenSymbol && p.peekAt(i).text == "("; i++ {
		if t := p.peekAt(i + 1); t.kind == tokenWord && (t.text == "select" || t.text == "with" || t.text == "values") {
			return true
		}
	}
	return false
}

func (p *parser) bitwise() Expr {
	x := p.additive()
	for {
		t := p.peek()
		if t.kind != tokenSymbol || t.text != "&" && t.text != "|" && t.text != "^" {
			return x
		}
		p.advance()
		x = &Binary{t.text, x, p.additive()}
	}
}

func (p *parser) additive() Expr {
	x := p.multiplicative()
	for p.isSymbol("+") || p.isSymbol("-") {
		op := p.advance().text
		x = &Binary{op, x, p.multiplicative()}
	}
	return x
}

func (p *parser) multiplicative() Expr {
	x := p.unary()
	for p.isSymbol("*") || p.isSymbol("/") || p.isSymbol("%") || p.is("div") {
		op := p.advance().text
		x = &Binary{op, x, p.unary()}
	}
	return x
}

func (p *parser) unary() Expr {
	if t := p.peek(); t.kind == tokenSymbol && (t.text == "-" || t.text == "+" || t.text == "~") {
		defer p.enter()()
		p.advance()
		return &Unary{t.text, p.unary()}
	}
	return p.primary()
}

func (p *parser) primary() Expr {
	switch t := p.peek(); t.kind {
	case tokenNumber:
		p.advance()
		return &Number{t.text}
	case tokenString:
		p.advance()
		return &String{t.text}
	case tokenQuoted:
		return p.reference()
	case tokenSymbol:
		if t.text == "(" {
			return p.parenthesised()
		}
	case tokenWord:
		return p.wordExpression(t)
	}
	p.fail("")
	return nil
}

func (p *parser) parenthesised() Expr {
	p.symbol("(")
	var x Expr
	if p.startsQuery() {
		x = &Scalar{p.query()}
	} else {
		x = p.expression()
	}
	p.symbol(")")
	return x
}

func (p *parser) wordExpression(t token) Expr {
	switch t.text {
	case "null":
		p.advance()
		return &Null{}
	case "true", "false":
		p.advance()
		return &Bool{t.text == "true"}
	case "cast":
		return p.cast()
	case "case":
		return p.caseExpression()
	case "exists":
		p.advance()
		p.symbol("(")
		q := p.query()
		p.symbol(")")
		return &Exists{q}
	case "interval":
		p.advance()
		x := p.unary()
		return &Interval{x, strings.TrimSuffix(p.advance().text, "s")}
	case "date":
		if p.peekAt(1).kind == tokenString {
			p.advance()
			return &Cast{&String{p.stringLiteral()}, TypeName{Name: "DATE"}}
		}
	}
	if next := p.peekAt(1); next.kind == tokenSymbol && next.text == "(" && (!reserved[t.text] || callable[t.text]) {
		p.advance()
		return p.call(t.text)
	}
	return p.reference()
}

func (p *parser) reference() Expr {
	parts := []string{p.name()}
	for p.symbolIf(".") {
		parts = append(parts, p.name())
	}
	if p.isSymbol("(") { // db.function(…)
		return p.call(strings.Join(parts, "."))
	}
	return &ColumnRef{parts}
}

func (p *parser) call(name string) Expr {
	c := &Call{Name: name}
	p.symbol("(")
	if p.symbolIf("*") {
		c.Star = true
	} else if !p.isSymbol(")") {
		c.Distinct = p.wordIf("distinct")
		if !c.Distinct {
			p.wordIf("all")
		}
		c.Args = list(p, p.expression)
	}
	p.symbol(")")
	if p.wordIf("over") {
		c.Over = p.window()
	}
	return c
}

func (p *parser) window() *Window {
	w := &Window{}
	p.symbol("(")
	if p.wordIf("partition", "by") {
		w.Partition = list(p, p.expression)
	}
	if p.wordIf("order", "by") {
		w.Order = list(p, p.orderItem)
	}
	p.symbol(")")
	return w
}

func (p *parser) cast() Expr {
	p.word("cast")
	p.symbol("(")
	x := p.expression()
	p.word("as")
	t := p.typeName()
	p.symbol(")")
	return &Cast{x, t}
}

func (p *parser) caseExpression() Expr {
	p.word("case")
	c := &Case{}
	if !p.is("when") {
		c.Operand = p.expression()
	}
	for p.wordIf("when") {
		x := p.expression()
		p.word("then")
		c.Whens = append(c.Whens, When{x, p.expression()})
	}
	if len(c.Whens) == 0 {
		p.expected("WHEN")
	}
	if p.wordIf("else") {
		c.Else = p.expression()
	}
	p.word("end")
	return c
}

// typeName reads a type; one with parts is kept as text.
func (p *parser) typeName() TypeName {
	t := p.peek()
	if t.kind != tokenWord {
		p.expected("a type")
	}
	p.advance()
	name := TypeName{Name: strings.ToUpper(t.text)}
	switch name.Name {
	case "ARRAY", "MAP", "STRUCT":
		return p.complexType(t)
	case "INTEGER":
		name.Name = "INT"
	case "REAL":
		name.Name = "DOUBLE"
	case "DEC":
		name.Name = "DECIMAL"
	}
	if p.isSymbol("(") {
		name.Args = inParens(p, p.integer)
	}
	return name
}

func (p *parser) complexType(t token) TypeName {
	p.symbol("<")
	for depth := 1; depth > 0; {
		switch n := p.advance(); {
		case n.kind == tokenEnd:
			p.expected(">")
		case n.kind == tokenSymbol && n.text == "<":
			depth++
		case n.kind == tokenSymbol && n.text == ">":
			depth--
		}
	}
	return TypeName{Name: strings.ToUpper(t.text), Complex: p.text[t.offset:p.tokens[p.at-1].end]}
}
