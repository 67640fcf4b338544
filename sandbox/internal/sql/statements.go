package sql

// Statement is one parsed statement.
type Statement interface{ statement() }

// Statements.
type (
	// SelectStatement is a query.
	SelectStatement struct{ Query *Query }
	// Explain of a statement.
	Explain struct{ Statement Statement }
	// Insert is INSERT INTO, INSERT OVERWRITE or UPSERT INTO.
	Insert struct {
		Table     TableName
		Overwrite bool
		Upsert    bool
		Columns   []string // nil: all
		Partition []PartitionValue
		Query     *Query
	}
	// PartitionValue is p=1 (static) or p (dynamic, Value nil).
	PartitionValue struct {
		Column string
		Value  Expr
	}
	// Update of a Kudu table.
	Update struct {
		Target []string // a table's name, or an alias of From
		Set    []Assignment
		From   []TableRef
		Where  Expr
	}
	// Assignment is column = expression.
	Assignment struct {
		Column []string
		Value  Expr
	}
	// Delete from a Kudu table.
	Delete struct {
		Target []string
		From   []TableRef // nil: DELETE FROM target
		Where  Expr
	}
	// CreateDatabase makes a database.
	CreateDatabase struct {
		Name        string
		IfNotExists bool
		Comment     string
		Location    string
	}
	// DropDatabase removes one.
	DropDatabase struct {
		Name     string
		IfExists bool
		Cascade  bool
	}
	// CreateTable makes a table.
	CreateTable struct {
		Name        TableName
		External    bool
		IfNotExists bool
		Columns     []ColumnDef
		PrimaryKey  []string
		NonUnique   bool
		NotEnforced bool               // of PrimaryKey
		Partitions  []ColumnDef        // PARTITIONED BY (cols); no type: names a column of the query
		Spec        []IcebergPartition // PARTITIONED BY SPEC (…)
		Hash        []KuduPartition
		Sort        []string
		SortOrder   string // "", "lexical", "zorder"
		Comment     string
		RowFormat   map[string]string // "fields", "escaped", "lines"
		Serde       map[string]string // SERDEPROPERTIES
		Format      string            // upper case; "" is the default
		Location    string
		Properties  map[string]string
		Like        *TableName
		LikeParquet string
		Query       *Query // AS SELECT
	}
	// ColumnDef is one column of CREATE TABLE.
	ColumnDef struct {
		Name       string
		Type       TypeName
		PrimaryKey bool
		NotNull    bool
		Nullable   bool
		Encoding   string
		Compress   string
		Default    Expr
		BlockSize  Expr
		Comment    string
	}
	// KuduPartition is one level of a Kudu table's PARTITION BY.
	KuduPartition struct {
		Hash    bool
		Columns []string
		Buckets int
		Ranges  string // of RANGE, as written
	}
	// IcebergPartition is one field of PARTITIONED BY SPEC.
	IcebergPartition struct {
		Transform string
		Args      []string
		Column    string
	}
	// DropTable removes a table or a view.
	DropTable struct {
		Name     TableName
		View     bool
		IfExists bool
		Purge    bool
	}
	// CreateView stores a query under a name.
	CreateView struct {
		Name        TableName
		IfNotExists bool
		Columns     []ColumnDef
		Comment     string
		Text        string // the query as written
		Alter       bool
		Query       *Query
	}
	// AlterTable is one change of a table; Action says which fields count.
	AlterTable struct {
		Name       TableName
		View       bool
		Action     string // "rename", "add columns", "replace columns", "drop column", "change column", "set properties", "set location", "set format", "set spec", "drop partition", "add partition", "set serde", "recover partitions"
		Rename     TableName
		Columns    []ColumnDef
		Column     string
		IfExists   bool // IF EXISTS or IF NOT EXISTS
		Properties map[string]string
		Location   string
		Format     string
		Spec       []IcebergPartition
		Partition  []PartitionValue
		Purge      bool
	}
	// Truncate empties a table.
	Truncate struct {
		Name     TableName
		IfExists bool
	}
	// Set of a query option; All shows every option.
	Set struct {
		Name, Value string
		All         bool
	}
	// Use changes the session's database.
	Use struct{ Database string }
	// Show is SHOW something.
	Show struct {
		What     string // "databases", "tables", "create table", "create view", "table stats", "column stats", "files", "partitions"
		Table    TableName
		Database string
		Pattern  string // of LIKE; "" all
	}
	// Describe a table, or a database.
	Describe struct {
		Table     TableName
		Formatted bool
		Database  bool
		History   bool
	}
	// Refresh is REFRESH, INVALIDATE METADATA or COMPUTE STATS, named by What.
	Refresh struct {
		What  string
		Table TableName // of INVALIDATE METADATA it may be empty
	}
)

func (*SelectStatement) statement() {}
func (*Explain) statement()         {}
func (*Insert) statement()          {}
func (*Update) statement()          {}
func (*Delete) statement()          {}
func (*CreateDatabase) statement()  {}
func (*DropDatabase) statement()    {}
func (*CreateTable) statement()     {}
func (*DropTable) statement()       {}
func (*CreateView) statement()      {}
func (*AlterTable) statement()      {}
func (*Truncate) statement()        {}
func (*Set) statement()             {}
func (*Use) statement()             {}
func (*Show) statement()            {}
func (*Describe) statement()        {}
func (*Refresh) statement()         {}
