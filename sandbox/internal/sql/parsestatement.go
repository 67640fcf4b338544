package sql

import "strings"

func (p *parser) statement() Statement {
	t := p.peek()
	if p.startsQuery() {
		return p.withInsert()
	}
	if t.kind != tokenWord {
		p.fail("")
	}
	switch t.text {
	case "explain":
		p.advance()
		return &Explain{p.statement()}
	case "insert", "upsert":
		return p.insert(nil)
	case "update":
		return p.update()
	case "delete":
		return p.delete()
	case "create":
		return p.create()
	case "drop":
		return p.drop()
	case "alter":
		return p.alter()
	case "truncate":
		p.advance()
		p.wordIf("table")
		s := &Truncate{IfExists: p.ifExists()}
		s.Name = p.tableName()
		return s
	case "set":
		return p.set()
	case "use":
		p.advance()
		if p.wordIf("default") {
			return &Use{"default"}
		}
		return &Use{p.name()}
	case "show":
		return p.show()
	case "describe", "desc":
		return p.describe()
	case "refresh", "invalidate", "compute":
		return p.refresh()
	}
	p.fail("")
	return nil
}

// withInsert reads a query, or WITH … INSERT.
func (p *parser) withInsert() Statement {
	if !p.is("with") {
		return &SelectStatement{p.query()}
	}
	at := p.at
	p.advance()
	with := list(p, p.commonTable)
	if p.is("insert") || p.is("upsert") {
		return p.insert(with)
	}
	p.at = at
	return &SelectStatement{p.query()}
}

func (p *parser) insert(with []CommonTable) Statement {
	s := &Insert{Upsert: p.is("upsert")}
	p.advance()
	if !s.Upsert && p.wordIf("overwrite") {
		s.Overwrite = true
	} else {
		p.word("into")
	}
	p.wordIf("table")
	s.Table = p.tableName()
	if p.isSymbol("(") && !p.startsQuery() {
		s.Columns = []string{}
		p.symbol("(")
		if !p.isSymbol(")") {
			s.Columns = list(p, p.name)
		}
		p.symbol(")")
	}
	if p.wordIf("partition") {
		s.Partition = inParens(p, p.partitionValue)
	}
	s.Query = p.query()
	s.Query.With = append(with, s.Query.With...)
	return s
}

func (p *parser) partitionValue() PartitionValue {
	v := PartitionValue{Column: p.name()}
	if p.symbolIf("=") {
		v.Value = p.expression()
	}
	return v
}

func (p *parser) update() Statement {
	p.word("update")
	s := &Update{Target: p.dotted()}
	alias := ""
	if p.isName() {
		alias = p.name()
	}
	p.word("set")
	s.Set = list(p, func() Assignment {
		a := Assignment{Column: p.dotted()}
		p.symbol("=")
		a.Value = p.expression()
		return a
	})
	if p.wordIf("from") {
		s.From = p.fromClause()
	} else {
		s.From = []TableRef{{Parts: s.Target, Alias: alias}}
		if alias != "" {
			s.Target = []string{alias}
		}
	}
	if p.wordIf("where") {
		s.Where = p.expression()
	}
	return s
}

func (p *parser) delete() Statement {
	p.word("delete")
	s := &Delete{}
	if p.wordIf("from") || !p.deletesAlias() {
		s.Target = p.dotted()
		ref := TableRef{Parts: s.Target}
		if p.isName() {
			ref.Alias = p.name()
			s.Target = []string{ref.Alias}
		}
		s.From = []TableRef{ref}
	} else {
		s.Target = p.dotted()
		p.word("from")
		s.From = p.fromClause()
	}
	if p.wordIf("where") {
		s.Where = p.expression()
	}
	return s
}

// deletesAlias tells DELETE t FROM … from DELETE db.t.
func (p *parser) deletesAlias() bool {
	at := p.at
	defer func() { p.at = at }()
	p.dotted()
	return p.is("from")
}

// set reads SET, SET ALL and SET k=v, whose value may be any single token.
func (p *parser) set() Statement {
	p.word("set")
	if p.peek().kind == tokenEnd || p.isSymbol(";") || p.wordIf("all") {
		return &Set{All: true}
	}
	s := &Set{Name: strings.ToUpper(p.advance().text)}
	p.symbol("=")
	sign := ""
	if p.symbolIf("-") {
		sign = "-"
	}
	t := p.advance()
	switch t.kind {
	case tokenEnd:
		p.expected("a value")
	case tokenString:
		s.Value = p.text[t.offset+1 : t.end-1] // Impala reads no escapes here
	default:
		// 2g, 1.5gb, a/b: everything up to the next space belongs to it.
		end := t.end
		for n := p.peek(); n.kind != tokenEnd && n.offset == end && n.text != ";"; n = p.peek() {
			end = p.advance().end
		}
		s.Value = sign + p.text[t.offset:end]
	}
	return s
}

func (p *parser) show() Statement {
	p.word("show")
	s := &Show{}
	switch {
	case p.wordIf("databases"), p.wordIf("schemas"):
		s.What = "databases"
		s.Pattern = p.likePattern()
	case p.wordIf("tables"), p.wordIf("views"):
		s.What = "tables"
		if p.wordIf("in") {
			s.Database = p.databaseName()
		}
		s.Pattern = p.likePattern()
	case p.wordIf("create", "table"), p.wordIf("create", "view"):
		s.What = "create table"
		s.Table = p.tableName()
	case p.wordIf("table", "stats"):
		s.What = "table stats"
		s.Table = p.tableName()
	case p.wordIf("column", "stats"):
		s.What = "column stats"
		s.Table = p.tableName()
	case p.wordIf("files", "in"):
		s.What = "files"
		s.Table = p.tableName()
	case p.wordIf("range", "partitions"):
		s.What = "range partitions"
		s.Table = p.tableName()
	case p.wordIf("partitions"):
		s.What = "partitions"
		s.Table = p.tableName()
	default:
		p.fail("")
	}
	return s
}

func (p *parser) databaseName() string {
	if p.wordIf("default") {
		return "default"
	}
	return p.name()
}

func (p *parser) likePattern() string {
	if p.wordIf("like") || p.peek().kind == tokenString {
		return p.stringLiteral()
	}
	return ""
}

func (p *parser) describe() Statement {
	p.advance()
	s := &Describe{}
	if p.wordIf("database") {
		s.Database = true
		s.Formatted = p.wordIf("formatted") || p.wordIf("extended")
		s.Table = TableName{Database: p.databaseName()}
		return s
	}
	s.History = p.wordIf("history")
	s.Formatted = p.wordIf("formatted") || p.wordIf("extended")
	s.Table = p.tableName()
	return s
}

func (p *parser) refresh() Statement {
	s := &Refresh{}
	switch {
	case p.wordIf("refresh"):
		s.What = "refresh"
	case p.wordIf("invalidate", "metadata"):
		s.What = "invalidate metadata"
		if !p.isName() {
			return s
		}
	default:
		p.word("compute")
		p.wordIf("incremental")
		p.word("stats")
		s.What = "compute stats"
	}
	s.Table = p.tableName()
	if p.isSymbol("(") {
		inParens(p, p.name)
	}
	if p.wordIf("partition") {
		p.skipParens()
	}
	return s
}
