package sql

import "strconv"

// query reads [WITH …] body [ORDER BY …] [LIMIT … [OFFSET …]].
func (p *parser) query() *Query {
	defer p.enter()()
	q := &Query{}
	if p.wordIf("with") {
		q.With = list(p, p.commonTable)
	}
	q.Body = p.setOperations()
	if p.wordIf("order", "by") {
		q.Order = list(p, p.orderItem)
	}
	if p.wordIf("limit") {
		q.Limit = p.expression()
	}
	if p.wordIf("offset") {
		q.Offset = p.expression()
	}
	return q
}

func (p *parser) commonTable() CommonTable {
	c := CommonTable{Name: p.name()}
	if p.isSymbol("(") {
		c.Columns = inParens(p, p.name)
	}
	p.word("as")
	p.symbol("(")
	c.Query = p.query()
	p.symbol(")")
	return c
}

// setOperations reads bodies from left to right; Impala gives INTERSECT no
// higher precedence.
func (p *parser) setOperations() QueryBody {
	l := p.queryTerm()
	for {
		var op string
		switch p.oneOf("union", "except", "minus", "intersect") {
		case "":
			return l
		case "union":
			op = "union"
			if p.wordIf("all") {
				op = "union all"
			}
		case "except", "minus":
			op = "except"
		case "intersect":
			op = "intersect"
		}
		if op != "union all" {
			p.wordIf("distinct")
		}
		l = &SetOperation{op, l, p.queryTerm()}
	}
}

func (p *parser) queryTerm() QueryBody {
	if p.symbolIf("(") {
		q := p.query()
		p.symbol(")")
		return q
	}
	if p.is("values") {
		return p.values()
	}
	return p.selectBody()
}

func (p *parser) values() QueryBody {
	p.word("values")
	if !p.isSymbol("(") {
		p.expected("(")
	}
	row := func() []SelectItem { return inParens(p, p.selectItem) }
	// VALUES ((1,2),(3,4)) is written too.
	if next := p.peekAt(1); next.kind == tokenSymbol && next.text == "(" {
		at := p.at
		p.symbol("(")
		if rows, ok := p.tryRows(row); ok {
			return &Values{rows}
		}
		p.at = at
	}
	return &Values{list(p, row)}
}

// tryRows reads rows up to a closing parenthesis; it gives up on anything else.
func (p *parser) tryRows(row func() []SelectItem) (rows [][]SelectItem, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, syntax := r.(*SyntaxError); !syntax {
				panic(r)
			}
			ok = false
		}
	}()
	rows = list(p, row)
	p.symbol(")")
	return rows, true
}

func (p *parser) selectBody() QueryBody {
	p.word("select")
	s := &Select{}
	s.Distinct = p.wordIf("distinct")
	if !s.Distinct {
		p.wordIf("all")
	}
	p.wordIf("straight_join")
	s.Items = list(p, p.selectItem)
	if p.wordIf("from") {
		s.From = p.fromClause()
	}
	if p.wordIf("where") {
		s.Where = p.expression()
	}
	if p.wordIf("group", "by") {
		s.Group = list(p, p.expression)
	}
	if p.wordIf("having") {
		s.Having = p.expression()
	}
	return s
}

func (p *parser) selectItem() SelectItem {
	if p.symbolIf("*") {
		return SelectItem{Star: true}
	}
	if table, ok := p.qualifiedStar(); ok {
		return SelectItem{Star: true, Table: table}
	}
	return SelectItem{Expr: p.expression(), Alias: p.alias()}
}

func (p *parser) qualifiedStar() ([]string, bool) {
	if !p.isName() {
		return nil, false
	}
	at := p.at
	parts := []string{p.name()}
	for p.symbolIf(".") {
		if p.symbolIf("*") {
			return parts, true
		}
		if !p.isName() {
			break
		}
		parts = append(parts, p.name())
	}
	p.at = at
	return nil, false
}

// alias reads [AS] name; Impala takes a string literal as a name too, which is
// why 'it”s' is the value it, called s.
func (p *parser) alias() string {
	if p.wordIf("as") {
		if p.peek().kind == tokenString {
			return p.advance().text
		}
		return p.name()
	}
	if p.peek().kind == tokenString {
		return p.advance().text
	}
	if p.isName() {
		return p.name()
	}
	return ""
}

func (p *parser) fromClause() []TableRef {
	refs := []TableRef{p.tableRef("")}
	for {
		if p.symbolIf(",") {
			refs = append(refs, p.tableRef("cross"))
			continue
		}
		join, ok := p.joinWords()
		if !ok {
			return refs
		}
		ref := p.tableRef(join)
		if p.wordIf("on") {
			ref.On = p.expression()
		} else if p.wordIf("using") {
			ref.Using = inParens(p, p.name)
		}
		refs = append(refs, ref)
	}
}

func (p *parser) joinWords() (string, bool) {
	at := p.at
	join := "inner"
	switch side := p.oneOf("cross", "inner", "left", "right", "full"); side {
	case "cross":
		join = side
	case "left", "right", "full":
		join = side
		if side != "full" {
			if kind := p.oneOf("semi", "anti"); kind != "" {
				join += " " + kind
				break
			}
		}
		p.wordIf("outer")
	}
	if !p.wordIf("join") {
		p.at = at
		return "", false
	}
	return join, true
}

func (p *parser) tableRef(join string) TableRef {
	ref := TableRef{Join: join}
	if p.isSymbol("(") {
		p.symbol("(")
		ref.Query = p.query()
		p.symbol(")")
	} else {
		ref.Parts = p.dotted()
	}
	if p.wordIf("for", "system_version", "as", "of") {
		ref.Version = strconv.Itoa(p.integer())
	} else if p.wordIf("for") {
		p.fail("FOR SYSTEM_TIME is not kept by the stand-in")
	}
	if p.wordIf("as") || p.isName() {
		ref.Alias = p.name()
	}
	return ref
}

func (p *parser) orderItem() OrderItem {
	o := OrderItem{Expr: p.expression()}
	if p.wordIf("desc") {
		o.Descending = true
	} else {
		p.wordIf("asc")
	}
	if p.wordIf("nulls") {
		first := p.wordIf("first")
		if !first {
			p.word("last")
		}
		o.NullsFirst = &first
	}
	return o
}
