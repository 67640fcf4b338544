package sql

// Expr is an expression.
type Expr interface{ expr() }

// Expressions.
type (
	// ColumnRef names a column: [[database.]table.]column.
	ColumnRef struct{ Parts []string }
	// Null is the literal NULL.
	Null struct{}
	// Bool is TRUE or FALSE.
	Bool struct{ Value bool }
	// Number is a numeric literal as written, without a sign.
	Number struct{ Text string }
	// String is a decoded string literal; the bytes need not be UTF-8.
	String struct{ Value string }
	// Call of a function or an aggregate.
	Call struct {
		Name     string
		Args     []Expr
		Star     bool // count(*)
		Distinct bool
		Over     *Window
	}
	// Window of an analytic function.
	Window struct {
		Partition []Expr
		Order     []OrderItem
	}
	// Cast to a type.
	Cast struct {
		X    Expr
		Type TypeName
	}
	// Unary operator: "-", "+", "not", "~".
	Unary struct {
		Op string
		X  Expr
	}
	// Binary operator: arithmetic, comparison, "and", "or", "like", "rlike", "||", "<=>".
	Binary struct {
		Op   string
		L, R Expr
	}
	// IsNull is X IS [NOT] NULL.
	IsNull struct {
		X   Expr
		Not bool
	}
	// IsBool is X IS [NOT] TRUE|FALSE.
	IsBool struct {
		X          Expr
		Value, Not bool
	}
	// Between is X [NOT] BETWEEN Low AND High.
	Between struct {
		X, Low, High Expr
		Not          bool
	}
	// In is X [NOT] IN (list or query).
	In struct {
		X     Expr
		List  []Expr
		Query *Query
		Not   bool
	}
	// Case expression; Operand and Else may be nil.
	Case struct {
		Operand Expr
		Whens   []When
		Else    Expr
	}
	// When is one branch of a Case.
	When struct{ If, Then Expr }
	// Exists is [NOT] EXISTS (query); NOT is a Unary around it.
	Exists struct{ Query *Query }
	// Scalar is a query that gives one value.
	Scalar struct{ Query *Query }
	// Interval is INTERVAL n unit.
	Interval struct {
		X    Expr
		Unit string
	}
)

func (*ColumnRef) expr() {}
func (*Null) expr()      {}
func (*Bool) expr()      {}
func (*Number) expr()    {}
func (*String) expr()    {}
func (*Call) expr()      {}
func (*Cast) expr()      {}
func (*Unary) expr()     {}
func (*Binary) expr()    {}
func (*IsNull) expr()    {}
func (*IsBool) expr()    {}
func (*Between) expr()   {}
func (*In) expr()        {}
func (*Case) expr()      {}
func (*Exists) expr()    {}
func (*Scalar) expr()    {}
func (*Interval) expr()  {}

// TypeName is a type as written: DECIMAL(10,2). Complex holds the text of a
// type with parts (ARRAY<INT>), which no statement here can use.
type TypeName struct {
	Name    string
	Args    []int
	Complex string
}

// TableName is [database.]table.
type TableName struct{ Database, Table string }

// Query is a select, VALUES, or a set operation, with what follows it.
type Query struct {
	With   []CommonTable
	Body   QueryBody
	Order  []OrderItem
	Limit  Expr
	Offset Expr
}

// CommonTable is one name of a WITH clause.
type CommonTable struct {
	Name    string
	Columns []string
	Query   *Query
}

// QueryBody is *Select, *Values, *SetOperation or *Query (in parentheses).
type QueryBody interface{ queryBody() }

// Query bodies.
type (
	// Select is SELECT … FROM …
	Select struct {
		Distinct bool
		Items    []SelectItem
		From     []TableRef // joined by the Join of the second and later ones
		Where    Expr
		Group    []Expr
		Having   Expr
	}
	// Values is VALUES (…), (…).
	Values struct{ Rows [][]SelectItem }
	// SetOperation is L op R: "union all", "union", "except", "intersect".
	SetOperation struct {
		Op   string
		L, R QueryBody
	}
)

func (*Select) queryBody()       {}
func (*Values) queryBody()       {}
func (*SetOperation) queryBody() {}
func (*Query) queryBody()        {}

// SelectItem is one output of a select: an expression, or [table.]*.
type SelectItem struct {
	Expr  Expr
	Alias string
	Star  bool
	Table []string // before the star
}

// TableRef is one table or inline view of a FROM clause.
type TableRef struct {
	Parts   []string // of a table's name
	Version string   // FOR SYSTEM_VERSION AS OF; "": as it is now
	Query   *Query   // an inline view
	Alias   string
	Join    string // "", "cross", "inner", "left", "right", "full", "left semi", "left anti", "right semi", "right anti"
	On      Expr
	Using   []string
}

// OrderItem is one expression of ORDER BY.
type OrderItem struct {
	Expr       Expr
	Descending bool
	NullsFirst *bool // nil: Impala's default, nulls are the greatest
}
