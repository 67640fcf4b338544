package table

import (
	"fmt"
	"strconv"
	"strings"
)

// Kind is a scalar type of Impala without its parameters.
type Kind uint8

// The kinds. Their numbers are written nowhere: on the wire stands the type's SQL.
const (
	Boolean Kind = iota + 1
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
)

// Limits of Impala's parameters.
const (
	maxPrecision = 38
	maxVarChar   = 65535
	maxChar      = 255
)

// Type is a scalar type of Impala.
type Type struct {
	Kind      Kind
	Precision int // DECIMAL: 1..38
	Scale     int // DECIMAL: 0..Precision
	Length    int // VARCHAR 1..65535, CHAR 1..255
}

// UnsupportedTypeError is a type that rewind cannot carry (ARRAY, MAP, STRUCT, ...).
type UnsupportedTypeError struct{ SQL string }

// Error names the type.
func (e *UnsupportedTypeError) Error() string { return "unsupported type " + e.SQL }

// Hint says what can be done about it.
func (e *UnsupportedTypeError) Hint() string {
	return "rewind carries Impala's scalar types; exclude the column in the table's configuration"
}

// ExitCode is that of configuration: the column must be excluded there.
func (e *UnsupportedTypeError) ExitCode() int { return 2 }

// kindNamed maps the names that DESCRIBE prints, and the synonyms that people write, to kinds.
func kindNamed(name string) Kind {
	switch name {
	case "BOOLEAN":
		return Boolean
	case "TINYINT":
		return TinyInt
	case "SMALLINT":
		return SmallInt
	case "INT", "INTEGER":
		return Int
	case "BIGINT":
		return BigInt
	case "FLOAT":
		return Float
	case "DOUBLE", "REAL", "DOUBLE PRECISION":
		return Double
	case "DECIMAL", "NUMERIC":
		return Decimal
	case "STRING":
		return String
	case "VARCHAR":
		return VarChar
	case "CHAR":
		return Char
	case "TIMESTAMP":
		return Timestamp
	case "DATE":
		return Date
	case "BINARY":
		return Binary
	}
	return 0
}

// String is the kind's name in SQL.
func (k Kind) String() string {
	names := [...]string{"", "BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL",
		"STRING", "VARCHAR", "CHAR", "TIMESTAMP", "DATE", "BINARY"}
	if int(k) >= len(names) || k == 0 {
		return "Kind(" + strconv.Itoa(int(k)) + ")"
	}
	return names[k]
}

// ParseType reads a type as DESCRIBE prints it; complex and unknown types give *UnsupportedTypeError.
func ParseType(sql string) (Type, error) {
	name, rest, hasArguments := strings.Cut(strings.TrimSpace(sql), "(")
	t := Type{Kind: kindNamed(strings.ToUpper(strings.TrimSpace(name)))}
	var arguments []int
	if hasArguments {
		inner, found := strings.CutSuffix(rest, ")")
		if !found {
			return Type{}, &UnsupportedTypeError{sql}
		}
		for _, word := range strings.Split(inner, ",") {
			n, err := strconv.ParseUint(strings.TrimSpace(word), 10, 16)
			if err != nil {
				return Type{}, &UnsupportedTypeError{sql}
			}
			arguments = append(arguments, int(n))
		}
	}
	if !t.setArguments(arguments) || t.fault() != "" {
		return Type{}, &UnsupportedTypeError{sql}
	}
	return t, nil
}

func (t *Type) setArguments(arguments []int) bool {
	switch t.Kind {
	case Decimal:
		t.Precision = 9 // Impala's default
		if len(arguments) > 0 {
			t.Precision = arguments[0]
		}
		if len(arguments) > 1 {
			t.Scale = arguments[1]
		}
		return len(arguments) <= 2
	case VarChar, Char:
		if len(arguments) != 1 {
			return false
		}
		t.Length = arguments[0]
		return true
	default:
		return len(arguments) == 0
	}
}

// fault says what is wrong with a type's parameters, or nothing.
func (t Type) fault() string {
	if t.Kind < Boolean || t.Kind > Binary {
		return "unknown type"
	}
	switch t.Kind {
	case Decimal:
		if t.Precision < 1 || t.Precision > maxPrecision || t.Scale < 0 || t.Scale > t.Precision || t.Length != 0 {
			return "precision or scale out of range"
		}
		return ""
	case VarChar, Char:
		limit := maxVarChar
		if t.Kind == Char {
			limit = maxChar
		}
		if t.Length < 1 || t.Length > limit || t.Precision != 0 || t.Scale != 0 {
			return "length out of range"
		}
		return ""
	default:
		if t != (Type{Kind: t.Kind}) {
			return "parameters on a type that has none"
		}
		return ""
	}
}

// String is the type's SQL, in upper case: DECIMAL(10,2).
func (t Type) String() string {
	switch t.Kind {
	case Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case VarChar, Char:
		return fmt.Sprintf("%s(%d)", t.Kind, t.Length)
	default:
		return t.Kind.String()
	}
}

// isText tells the types whose values are UTF-8 text.
func (t Type) isText() bool { return t.Kind == String || t.Kind == VarChar || t.Kind == Char }

// isInteger tells the integer types.
func (t Type) isInteger() bool { return t.Kind >= TinyInt && t.Kind <= BigInt }
