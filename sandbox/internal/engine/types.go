// Package engine executes Impala's SQL over SQLite: a catalog, a typed
// analyzer that emits SQLite's SQL, Impala's functions in Go, and storage that
// keeps every value as it came.
package engine

import (
	"fmt"
	"strings"

	"rewind/sandbox/internal/sql"
)

// Kind is a scalar type of Impala without its parameters.
type Kind uint8

// The scalar types, and the type of NULL.
const (
	NullType Kind = iota + 1
	Boolean
	TinyInt
	SmallInt
	Int
	BigInt
	Float
	Double
	Decimal
	String
	VarChar
	Char
	Timestamp
	Date
	Binary
	Complex // ARRAY, MAP or STRUCT: a column may have one, and nothing can be read from it or written to it
)

var kindNames = [...]string{NullType: "NULL_TYPE", Boolean: "BOOLEAN", TinyInt: "TINYINT", SmallInt: "SMALLINT", Int: "INT",
	BigInt: "BIGINT", Float: "FLOAT", Double: "DOUBLE", Decimal: "DECIMAL", String: "STRING", VarChar: "VARCHAR",
	Char: "CHAR", Timestamp: "TIMESTAMP", Date: "DATE", Binary: "BINARY"}

// Type is a scalar type, or the name of a complex one.
type Type struct {
	Kind      Kind
	Precision int    `json:",omitempty"` // of DECIMAL
	Scale     int    `json:",omitempty"` // of DECIMAL
	Length    int    `json:",omitempty"` // of VARCHAR and CHAR
	Text      string `json:",omitempty"` // of complex types, as written
}

// String is the type as DESCRIBE prints it, in upper case.
func (t Type) String() string {
	switch t.Kind {
	case Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case VarChar, Char:
		return fmt.Sprintf("%s(%d)", kindNames[t.Kind], t.Length)
	case Complex:
		return t.Text
	}
	return kindNames[t.Kind]
}

func (t Type) isInteger() bool { return TinyInt <= t.Kind && t.Kind <= BigInt }
func (t Type) isFloat() bool   { return t.Kind == Float || t.Kind == Double }
func (t Type) isNumeric() bool { return TinyInt <= t.Kind && t.Kind <= Decimal }
func (t Type) isText() bool    { return t.Kind == String || t.Kind == VarChar || t.Kind == Char }

// storedAsInteger tells which SQLite type holds the values.
func (t Type) storedAsInteger() bool {
	return t.Kind == Boolean || t.isInteger() || t.Kind == Date
}

// limits of Impala's types.
const (
	maxPrecision  = 38
	maxCharLength = 255
	maxVarLength  = 65535
)

// columnType is typeOf for a column's definition.
func columnType(n sql.TypeName) (Type, error) {
	if n.Complex != "" {
		return Type{Kind: Complex, Text: n.Complex}, nil
	}
	return typeOf(n)
}

func typeOf(n sql.TypeName) (Type, error) {
	if n.Complex != "" {
		return Type{}, analysis("Complex types are not supported by the stand-in: %s", n.Complex)
	}
	for k, name := range kindNames {
		if name == n.Name && Kind(k) != NullType {
			return withParameters(Type{Kind: Kind(k)}, n)
		}
	}
	return Type{}, analysis("Unsupported type: %s", n.Name)
}

func withParameters(t Type, n sql.TypeName) (Type, error) {
	a := n.Args
	switch t.Kind {
	case Decimal:
		t.Precision = 9
		if len(a) > 0 {
			t.Precision = a[0]
		}
		if len(a) > 1 {
			t.Scale = a[1]
		}
		if t.Precision < 1 || t.Precision > maxPrecision {
			return t, analysis("Decimal precision must be > 0 and <= 38: %d", t.Precision)
		}
		if t.Scale > t.Precision {
			return t, analysis("Decimal scale (%d) must be <= precision (%d)", t.Scale, t.Precision)
		}
		return t, nil
	case VarChar, Char:
		limit := map[Kind]int{VarChar: maxVarLength, Char: maxCharLength}[t.Kind]
		if len(a) != 1 || a[0] < 1 || a[0] > limit {
			return t, analysis("%s size must be > 0 and <= %d", kindNames[t.Kind], limit)
		}
		t.Length = a[0]
		return t, nil
	}
	if len(a) > 0 {
		return t, analysis("Type %s takes no parameters", n.Name)
	}
	return t, nil
}

// decimalOf is the decimal type that holds every value of an integer type.
func decimalOf(t Type) Type {
	switch t.Kind {
	case TinyInt:
		return Type{Kind: Decimal, Precision: 3}
	case SmallInt:
		return Type{Kind: Decimal, Precision: 5}
	case Int:
		return Type{Kind: Decimal, Precision: 10}
	case BigInt:
		return Type{Kind: Decimal, Precision: 19}
	}
	return t
}

// commonType is the type to which two operands are brought for a comparison,
// a CASE or a set operation.
func commonType(a, b Type) (Type, bool) {
	if a.Kind > b.Kind {
		a, b = b, a
	}
	switch {
	case a == b, a.Kind == NullType:
		return b, true
	case a.isInteger() && b.isInteger():
		return b, true
	case a.isInteger() && b.isFloat():
		return Type{Kind: Double}, true
	case a.isFloat() && (b.isFloat() || b.Kind == Decimal):
		return Type{Kind: Double}, true
	case (a.isInteger() || a.Kind == Decimal) && b.Kind == Decimal:
		return commonDecimal(decimalOf(a), b), true
	case a.Kind == VarChar && b.Kind == VarChar, a.Kind == Char && b.Kind == Char:
		a.Length = max(a.Length, b.Length)
		return a, true
	case a.isText() && b.isText():
		return Type{Kind: String}, true
	case a.isText() && (b.Kind == Timestamp || b.Kind == Date):
		return b, true
	case a.Kind == Timestamp && b.Kind == Date:
		return a, true
	}
	return Type{}, false
}

func commonDecimal(a, b Type) Type {
	scale := max(a.Scale, b.Scale)
	whole := max(a.Precision-a.Scale, b.Precision-b.Scale)
	return boundedDecimal(whole+scale, scale)
}

// boundedDecimal cuts the scale where the precision would pass 38, keeping six
// places, as Impala's DECIMAL_V2 does.
func boundedDecimal(precision, scale int) Type {
	if precision > maxPrecision {
		least := min(scale, 6)
		scale = max(scale-(precision-maxPrecision), least)
		precision = maxPrecision
	}
	return Type{Kind: Decimal, Precision: precision, Scale: scale}
}

// Error is an error as Impala reports it to a client.
type Error struct {
	SQLState string
	Message  string
}

func (e *Error) Error() string { return e.Message }

// analysis is an AnalysisException.
func analysis(format string, args ...any) error {
	return &Error{"HY000", "AnalysisException: " + fmt.Sprintf(format, args...)}
}

// runtime is an error while a query runs.
func runtimeError(format string, args ...any) error {
	return &Error{"HY000", strings.TrimSpace("UDF ERROR: "+fmt.Sprintf(format, args...)) + "\n"}
}
