package sql

func (p *parser) drop() Statement {
	p.word("drop")
	switch {
	case p.wordIf("database"), p.wordIf("schema"):
		s := &DropDatabase{IfExists: p.ifExists()}
		s.Name = p.databaseName()
		s.Cascade = p.wordIf("cascade")
		if !s.Cascade {
			p.wordIf("restrict")
		}
		return s
	case p.wordIf("view"):
		s := &DropTable{View: true, IfExists: p.ifExists()}
		s.Name = p.tableName()
		return s
	case p.wordIf("stats"), p.wordIf("incremental", "stats"):
		return &Refresh{What: "drop stats", Table: p.tableName()}
	}
	p.word("table")
	s := &DropTable{IfExists: p.ifExists()}
	s.Name = p.tableName()
	s.Purge = p.wordIf("purge")
	return s
}

func (p *parser) alter() Statement {
	p.word("alter")
	if p.wordIf("view") {
		return p.alterView()
	}
	p.word("table")
	s := &AlterTable{Name: p.tableName()}
	switch {
	case p.wordIf("rename", "to"):
		s.Action, s.Rename = "rename", p.tableName()
	case p.wordIf("add"):
		p.alterAdd(s)
	case p.wordIf("replace", "columns"):
		s.Action, s.Columns = "replace columns", inParens(p, p.columnDef)
	case p.wordIf("drop"):
		p.alterDrop(s)
	case p.wordIf("change"):
		p.wordIf("column")
		s.Action, s.Column = "change column", p.name()
		s.Columns = []ColumnDef{p.columnDef()}
	case p.wordIf("recover", "partitions"):
		s.Action = "recover partitions"
	case p.wordIf("unset"):
		p.word("tblproperties")
		s.Action, s.Properties = "unset properties", map[string]string{}
		for _, k := range inParens(p, p.stringLiteral) {
			s.Properties[k] = ""
		}
	default:
		p.alterSet(s)
	}
	return s
}

func (p *parser) alterView() Statement {
	at := p.at
	name := p.tableName()
	if p.wordIf("rename", "to") {
		return &AlterTable{Name: name, View: true, Action: "rename", Rename: p.tableName()}
	}
	p.at = at
	s := &CreateView{Alter: true}
	p.viewDefinition(s)
	return s
}

func (p *parser) alterAdd(s *AlterTable) {
	switch {
	case p.wordIf("range"):
		p.fail("Kudu's range partitions cannot be altered in the stand-in")
	case p.is("partition"), p.is("if", "not", "exists", "partition"):
		s.IfExists = p.ifNotExists()
		p.word("partition")
		s.Action, s.Partition = "add partition", inParens(p, p.partitionValue)
		if p.wordIf("location") {
			s.Location = p.rawLiteral()
		}
	case p.wordIf("column"):
		s.IfExists = p.ifNotExists()
		s.Action, s.Columns = "add columns", []ColumnDef{p.columnDef()}
	default:
		s.IfExists = p.ifNotExists()
		p.word("columns")
		s.Action, s.Columns = "add columns", inParens(p, p.columnDef)
	}
}

func (p *parser) alterDrop(s *AlterTable) {
	s.IfExists = p.ifExists()
	if p.wordIf("partition") {
		s.Action, s.Partition = "drop partition", inParens(p, p.partitionValue)
		s.Purge = p.wordIf("purge")
		return
	}
	p.wordIf("column")
	s.Action, s.Column = "drop column", p.name()
}

func (p *parser) alterSet(s *AlterTable) {
	p.word("set")
	switch {
	case p.wordIf("tblproperties"):
		s.Action, s.Properties = "set properties", p.properties()
	case p.wordIf("serdeproperties"):
		s.Action, s.Properties = "set serde", p.properties()
	case p.wordIf("location"):
		s.Action, s.Location = "set location", p.rawLiteral()
	case p.wordIf("fileformat"):
		s.Action, s.Format = "set format", fileFormat(p.advance().text)
	case p.wordIf("partition"):
		if p.advance().text != "spec" {
			p.fail("")
		}
		s.Action, s.Spec = "set spec", inParens(p, p.icebergPartition)
	case p.peek().text == "owner":
		p.advance()
		p.advance() // USER or ROLE
		p.name()
		s.Action = "set owner"
	default:
		p.fail("")
	}
}
