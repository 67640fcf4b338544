package engine

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"rewind/sandbox/internal/sql"
)

// node is an analyzed expression: its type, the SQLite expression that
// computes it, and its value where that is known already.
type node struct {
	typ       Type
	sql       string
	constant  *datum
	sources   uint64 // the tables of the nearest FROM clause that it reads, one bit each
	aggregate bool
}

// registered is a Go function that the emitted SQL calls by name.
type registered struct {
	name string
	args int
	typ  Type
	fn   function
	step func() accumulator // of an aggregate, instead of fn
}

// analyzer turns one statement into SQLite's SQL. Equal expressions become
// equal text, which is how GROUP BY recognises them.
type analyzer struct {
	conn      *sqlite3.Conn
	session   *Session
	now       time.Time
	functions []*registered
	byKey     map[string]*registered
	scans     []*avroScan
	aliases   int // t0, t1, … given so far
	common    []commonTable
	depth     int
}

type commonTable struct {
	name  string
	query *sql.Query
	names []string
	outer int // how many common tables it may see
}

func newAnalyzer(c *sqlite3.Conn, s *Session) *analyzer {
	return &analyzer{conn: c, session: s, now: time.Now().UTC(), byKey: map[string]*registered{}}
}

func (a *analyzer) alias() string {
	a.aliases++
	return "t" + strconv.Itoa(a.aliases-1)
}

// scope is where column names are looked up: one FROM clause, then the query
// around it.
type scope struct {
	sources []*source
	parent  *scope
	grouped map[string]bool // expressions of GROUP BY; nil when nothing is grouped
	windows bool            // analytic functions are allowed here
}

// source is one table or inline view of a FROM clause.
type source struct {
	alias    string
	database string // of a table without an alias
	columns  []sourceColumn
	from     string // SQLite's text
	hidden   bool   // the right side of a semi join
	table    *Table
}

type sourceColumn struct {
	name string
	typ  Type
	sql  string
}

func literal(t Type, d datum) node {
	n := node{typ: t, constant: &d}
	switch {
	case d.null:
		n.sql = "NULL"
	case t.storedAsInteger():
		n.sql = strconv.FormatInt(d.i, 10)
	default:
		n.sql = "x'" + hex.EncodeToString(d.b) + "'"
	}
	return n
}

var nullNode = literal(Type{Kind: NullType}, null)

// combine builds a node over others from SQLite text.
func combine(t Type, text string, parts ...node) node {
	n := node{typ: t, sql: text}
	for _, p := range parts {
		n.sources |= p.sources
		n.aggregate = n.aggregate || p.aggregate
	}
	return n
}

func texts(nodes []node) string {
	parts := make([]string, len(nodes))
	for i, n := range nodes {
		parts[i] = n.sql
	}
	return strings.Join(parts, ", ")
}

// strict gives NULL where an argument is NULL.
func strict(fn function) function {
	return func(args []datum) (datum, error) {
		for _, a := range args {
			if a.null {
				return null, nil
			}
		}
		return fn(args)
	}
}

// apply calls a Go function. key names what the function does, types
// included; constant arguments are computed now.
func (a *analyzer) apply(key string, t Type, fn function, args ...node) (node, error) {
	values := make([]datum, 0, len(args))
	for _, n := range args {
		if n.constant != nil {
			values = append(values, *n.constant)
		}
	}
	if len(values) == len(args) {
		d, err := fn(values)
		return literal(t, d), err
	}
	f := a.register(key, t, len(args))
	f.fn = fn
	return combine(t, f.name+"("+texts(args)+")", args...), nil
}

func (a *analyzer) register(key string, t Type, args int) *registered {
	key = fmt.Sprintf("%s/%d/%s", key, args, t)
	f, ok := a.byKey[key]
	if !ok {
		f = &registered{name: "f" + strconv.Itoa(len(a.functions)), args: args, typ: t}
		a.functions = append(a.functions, f)
		a.byKey[key] = f
	}
	return f
}

// cast is the explicit cast of n.
func (a *analyzer) cast(n node, to Type) (node, error) {
	fn, ok := convert(n.typ, to)
	if !ok {
		return node{}, analysis("Invalid type cast of %s from %s to %s", n.sql, n.typ, to)
	}
	if retypes(n.typ, to) {
		n.typ = to
		return n, nil
	}
	return a.apply("cast:"+n.typ.String(), to, strict(func(args []datum) (datum, error) { return fn(args[0]) }), n)
}

// assignable tells whether Impala casts one type to another by itself, losing nothing.
func assignable(n node, to Type) bool {
	from := n.typ
	switch {
	case from.Kind == Binary && to.Kind == String:
		return false
	case from.Kind == String && to.Kind == Binary:
		return n.constant != nil
	case retypes(from, to):
		return true
	case from.isInteger() && to.isFloat(), from.isFloat() && to.Kind == Double:
		return true
	case from.Kind == Decimal && to.isFloat():
		return true
	case from.isInteger() && to.Kind == Decimal:
		return n.constant != nil || decimalOf(from).Precision <= to.Precision-to.Scale
	case from.Kind == Decimal && to.Kind == Decimal:
		return from.Scale <= to.Scale && from.Precision-from.Scale <= to.Precision-to.Scale
	case from.Kind == Double && to.Kind == Float:
		return n.constant != nil
	case from.isText() && (to.Kind == Timestamp || to.Kind == Date), from.Kind == Date && to.Kind == Timestamp:
		return true
	case from.Kind == Char && to.Kind == Char:
		return from.Length <= to.Length
	}
	return false
}

// coerce casts n for an operand of the type.
func (a *analyzer) coerce(n node, to Type) (node, error) {
	if n.typ == to {
		return n, nil
	}
	return a.cast(n, to)
}

// unify brings nodes to one type.
func (a *analyzer) unify(nodes []node) (Type, error) {
	t := Type{Kind: NullType}
	for _, n := range nodes {
		c, ok := commonType(t, n.typ)
		if !ok {
			return t, analysis("Incompatible return types '%s' and '%s' of exprs", t, n.typ)
		}
		t = c
	}
	for i, n := range nodes {
		var err error
		if nodes[i], err = a.coerce(n, t); err != nil {
			return t, err
		}
	}
	return t, nil
}
