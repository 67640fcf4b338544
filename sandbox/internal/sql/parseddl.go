package sql

import "strings"

func (p *parser) create() Statement {
	p.word("create")
	switch {
	case p.wordIf("database"), p.wordIf("schema"):
		s := &CreateDatabase{IfNotExists: p.ifNotExists()}
		s.Name = p.name()
		if p.wordIf("comment") {
			s.Comment = p.rawLiteral()
		}
		if p.wordIf("location") {
			s.Location = p.rawLiteral()
		}
		return s
	case p.wordIf("view"):
		s := &CreateView{IfNotExists: p.ifNotExists()}
		p.viewDefinition(s)
		return s
	}
	external := p.wordIf("external")
	p.word("table")
	return p.createTable(external)
}

func (p *parser) viewDefinition(s *CreateView) {
	s.Name = p.tableName()
	if p.isSymbol("(") {
		s.Columns = inParens(p, func() ColumnDef {
			c := ColumnDef{Name: p.name()}
			if p.wordIf("comment") {
				c.Comment = p.rawLiteral()
			}
			return c
		})
	}
	if p.wordIf("comment") {
		s.Comment = p.rawLiteral()
	}
	p.word("as")
	start := p.peek().offset
	s.Query = p.query()
	s.Text = p.text[start:p.tokens[p.at-1].end]
}

func (p *parser) createTable(external bool) Statement {
	s := &CreateTable{External: external, IfNotExists: p.ifNotExists()}
	s.Name = p.tableName()
	if p.wordIf("like") {
		p.createLike(s)
	} else {
		if p.isSymbol("(") {
			p.tableElements(s)
		} else if p.is("primary") || p.is("non") {
			p.primaryKey(s)
		}
		p.partitioning(s)
	}
	p.tableOptions(s)
	if p.wordIf("as") {
		s.Query = p.query()
	}
	return s
}

func (p *parser) createLike(s *CreateTable) {
	if p.wordIf("parquet") {
		s.LikeParquet = p.stringLiteral()
		return
	}
	n := p.tableName()
	s.Like = &n
}

// tableElements reads (column, …, PRIMARY KEY (…)).
func (p *parser) tableElements(s *CreateTable) {
	p.symbol("(")
	for {
		if p.is("primary") || p.is("non") {
			p.primaryKey(s)
		} else {
			s.Columns = append(s.Columns, p.columnDef())
		}
		if !p.symbolIf(",") {
			break
		}
	}
	p.symbol(")")
}

func (p *parser) primaryKey(s *CreateTable) {
	if p.wordIf("non") {
		p.word("unique")
		s.NonUnique = true
	}
	p.word("primary")
	if p.peek().text != "key" {
		p.expected("KEY")
	}
	p.advance()
	s.PrimaryKey = inParens(p, p.name)
	s.NotEnforced = p.wordIf("not", "enforced")
	for p.wordIf("disable") || p.wordIf("novalidate") || p.wordIf("rely") {
	}
}

func (p *parser) columnDef() ColumnDef {
	c := ColumnDef{Name: p.name(), Type: p.typeName()}
	for {
		switch {
		case p.wordIf("comment"):
			c.Comment = p.rawLiteral()
		case p.wordIf("not", "null"):
			c.NotNull = true
		case p.wordIf("null"):
			c.Nullable = true
		case p.is("primary"):
			p.advance()
			p.advance() // KEY is no reserved word
			c.PrimaryKey = true
		case p.wordIf("encoding"):
			c.Encoding = strings.ToUpper(p.advance().text)
		case p.wordIf("compression"):
			c.Compress = strings.ToUpper(p.advance().text)
		case p.wordIf("default"):
			c.Default = p.bitwise()
		case p.wordIf("block_size"):
			c.BlockSize = p.expression()
		default:
			return c
		}
	}
}

// partitioning reads PARTITIONED BY and Kudu's PARTITION BY.
func (p *parser) partitioning(s *CreateTable) {
	for {
		switch {
		case p.wordIf("partitioned", "by"):
			if p.peek().text == "spec" {
				p.advance()
				s.Spec = inParens(p, p.icebergPartition)
				continue
			}
			s.Partitions = inParens(p, func() ColumnDef {
				if n := p.peekAt(1); n.kind == tokenSymbol {
					return ColumnDef{Name: p.name()}
				}
				return p.columnDef()
			})
		case p.wordIf("partition", "by"):
			s.Hash = list(p, p.kuduPartition)
		default:
			return
		}
	}
}

func (p *parser) kuduPartition() KuduPartition {
	k := KuduPartition{Hash: p.wordIf("hash")}
	if !k.Hash {
		p.word("range")
	}
	if p.isSymbol("(") && (k.Hash || p.columnsFollow()) {
		k.Columns = inParens(p, p.name)
	}
	if k.Hash {
		p.word("partitions")
		k.Buckets = p.integer()
		return k
	}
	if p.isSymbol("(") {
		k.Ranges = p.skipParens()
	}
	return k
}

// RangePartitions cuts the text of RANGE (PARTITION …, PARTITION …) into its
// partitions, each without the word PARTITION.
func RangePartitions(text string) []string {
	tokens, err := lex(text)
	if err != nil {
		return nil
	}
	var parts []string
	start, depth := -1, 0
	for _, t := range tokens {
		switch {
		case t.text == "(" && t.kind == tokenSymbol:
			depth++
		case t.text == ")" && t.kind == tokenSymbol:
			if depth--; depth == 0 && start >= 0 {
				parts = append(parts, strings.TrimSpace(text[start:t.offset]))
			}
		case t.text == "," && t.kind == tokenSymbol && depth == 1 && start >= 0:
			parts = append(parts, strings.TrimSpace(text[start:t.offset]))
			start = -1
		case t.text == "partition" && t.kind == tokenWord && depth == 1:
			start = t.end
		}
	}
	return parts
}

// columnsFollow tells RANGE (column) from RANGE (PARTITION …).
func (p *parser) columnsFollow() bool {
	t := p.peekAt(1)
	return t.kind != tokenWord || t.text != "partition"
}

func (p *parser) icebergPartition() IcebergPartition {
	at := p.at
	name := p.advance().text
	if !p.isSymbol("(") {
		p.at = at
		return IcebergPartition{Column: p.name()}
	}
	f := IcebergPartition{Transform: strings.ToUpper(name)}
	p.symbol("(")
	for p.peek().kind == tokenNumber {
		f.Args = append(f.Args, p.advance().text)
		p.symbol(",")
	}
	f.Column = p.name()
	p.symbol(")")
	return f
}

// tableOptions reads what follows the columns, in any order that Impala takes.
func (p *parser) tableOptions(s *CreateTable) {
	for {
		switch {
		case p.wordIf("sort", "by"):
			s.SortOrder = p.oneOf("lexical", "zorder")
			s.Sort = p.optionalNames()
		case p.wordIf("comment"):
			s.Comment = p.rawLiteral()
		case p.wordIf("row", "format"):
			s.RowFormat = p.rowFormat()
		case p.wordIf("with", "serdeproperties"):
			s.Serde = p.properties()
		case p.wordIf("stored", "as"):
			s.Format = fileFormat(p.advance().text)
		case p.peek().text == "stored" && p.peekAt(1).text == "by":
			p.at += 2
			s.Format = fileFormat(p.advance().text)
		case p.wordIf("location"):
			s.Location = p.rawLiteral()
		case p.wordIf("cached"), p.wordIf("uncached"):
			p.fail("HDFS caching is not offered by the stand-in")
		case p.wordIf("tblproperties"):
			s.Properties = p.properties()
		case p.is("partitioned", "by"), p.is("partition", "by"):
			p.partitioning(s)
		default:
			return
		}
	}
}

func (p *parser) optionalNames() []string {
	p.symbol("(")
	var names []string
	if !p.isSymbol(")") {
		names = list(p, p.name)
	}
	p.symbol(")")
	return names
}

func (p *parser) rowFormat() map[string]string {
	m := map[string]string{}
	p.word("delimited")
	for {
		switch {
		case p.wordIf("fields"):
			p.word("terminated", "by")
			m["fields"] = p.stringLiteral()
			if p.wordIf("escaped") {
				p.word("by")
				m["escaped"] = p.stringLiteral()
			}
		case p.wordIf("escaped"):
			p.word("by")
			m["escaped"] = p.stringLiteral()
		case p.wordIf("lines"):
			p.word("terminated", "by")
			m["lines"] = p.stringLiteral()
		default:
			return m
		}
	}
}

// fileFormat normalises the names that Impala has for one format.
func fileFormat(word string) string {
	switch f := strings.ToUpper(word); f {
	case "PARQUETFILE":
		return "PARQUET"
	case "TEXT":
		return "TEXTFILE"
	case "AVROFILE":
		return "AVRO"
	default:
		return f
	}
}
