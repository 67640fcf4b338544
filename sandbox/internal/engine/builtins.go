package engine

import (
	"bytes"
	"encoding/base64"
	"math"
	"math/big"
	"regexp"
	"strings"
	"time"
)

// builtins are the scalar functions by their lower-case names.
var builtins = map[string]builtin{
	"coalesce": coalesce,
	"nvl":      coalesce,
	"ifnull":   coalesce,
	"isnull":   coalesce, // two arguments, as nvl
	"zeroifnull": func(a *analyzer, args []node) (node, error) {
		return coalesce(a, append(append([]node(nil), args...), integerLiteral(0)))
	},
	"if":           ifCall,
	"nullif":       nullIf,
	"nonnullvalue": isNullCall(true),
	"nullvalue":    isNullCall(false),
	"concat":       func(a *analyzer, args []node) (node, error) { return a.concat(args) },
	"murmur_hash":  hashCall("murmur_hash"),
	"fnv_hash":     hashCall("fnv_hash"),
	"length":       textLength("length", true),
	"char_length":  textLength("char_length", false),
	"bytes":        textLength("bytes", false),
	"upper":        simple("upper", String, onBytes(upper), String),
	"ucase":        simple("upper", String, onBytes(upper), String),
	"lower":        simple("lower", String, onBytes(lower), String),
	"lcase":        simple("lower", String, onBytes(lower), String),
	"trim":         simple("trim", String, onBytes(func(b []byte) []byte { return bytes.Trim(b, " ") }), String),
	"ltrim":        trimCall("ltrim", bytes.TrimLeft),
	"rtrim":        trimCall("rtrim", bytes.TrimRight),
	"reverse":      simple("reverse", String, onBytes(reversed), String),
	"base64encode": simple("base64encode", String, func(x []datum) (datum, error) {
		return blob(base64.StdEncoding.AppendEncode(nil, x[0].b)), nil
	}, String),
	"base64decode": simple("base64decode", String, func(x []datum) (datum, error) {
		b, err := base64.StdEncoding.AppendDecode(nil, x[0].b)
		if err == nil {
			return blob(b), nil
		}
		return null, nil
	}, String),
	"substr":    substring,
	"substring": substring,
	"left":      simple("left", String, func(x []datum) (datum, error) { return blob(slice(x[0].b, 1, x[1].i)), nil }, String, BigInt),
	"strleft":   simple("left", String, func(x []datum) (datum, error) { return blob(slice(x[0].b, 1, x[1].i)), nil }, String, BigInt),
	"instr": simple("instr", Int, func(x []datum) (datum, error) {
		return integer(int64(bytes.Index(x[0].b, x[1].b) + 1)), nil
	}, String, String),
	"replace": simple("replace", String, func(x []datum) (datum, error) {
		if len(x[1].b) == 0 {
			return blob(bytes.Clone(x[0].b)), nil
		}
		return blob(bytes.ReplaceAll(x[0].b, x[1].b, x[2].b)), nil
	}, String, String, String),
	"repeat": simple("repeat", String, func(x []datum) (datum, error) {
		if x[1].i*int64(len(x[0].b)) > 1<<30 || x[1].i > 1<<30 {
			return null, runtimeError("repeat: the result is larger than 1GB")
		}
		return blob(bytes.Repeat(x[0].b, int(max(x[1].i, 0)))), nil
	}, String, BigInt),
	"chr": simple("chr", String, func(x []datum) (datum, error) {
		if x[0].i < 0 || x[0].i > 255 {
			return text(""), nil
		}
		return blob([]byte{byte(x[0].i)}), nil
	}, BigInt),
	"ascii": simple("ascii", Int, func(x []datum) (datum, error) {
		if len(x[0].b) == 0 {
			return integer(0), nil
		}
		return integer(int64(x[0].b[0])), nil
	}, String),
	"lpad": padCall(true),
	"rpad": padCall(false),
	"regexp_like": simple("regexp_like", Boolean, func(x []datum) (datum, error) {
		re, err := regexp.Compile(string(x[1].b))
		if err != nil {
			return null, runtimeError("Invalid regex expression: '%s'", x[1].b)
		}
		return boolean(re.Match(x[0].b)), nil
	}, String, String),
	"is_nan": simple("is_nan", Boolean, func(x []datum) (datum, error) { return boolean(math.IsNaN(x[0].double())), nil }, Double),
	"is_inf": simple("is_inf", Boolean, func(x []datum) (datum, error) { return boolean(math.IsInf(x[0].double(), 0)), nil }, Double),
	"abs":    absolute,
	"pmod":   pmod,
	"mod":    func(a *analyzer, args []node) (node, error) { return a.modulo(args) },
	"floor":  simple("floor", BigInt, func(x []datum) (datum, error) { return doubleToInteger(math.Floor(x[0].double()), BigInt), nil }, Double),
	"ceil":   simple("ceil", BigInt, func(x []datum) (datum, error) { return doubleToInteger(math.Ceil(x[0].double()), BigInt), nil }, Double),
	"sqrt":   simple("sqrt", Double, func(x []datum) (datum, error) { return double(math.Sqrt(x[0].double())), nil }, Double),
	"from_timestamp": simple("from_timestamp", String, func(x []datum) (datum, error) {
		return fromTimestamp(x[0].b, string(x[1].b)), nil
	}, Timestamp, String),
	"to_timestamp":   toTimestampCall,
	"to_date":        simple("to_date", String, func(x []datum) (datum, error) { return blob(bytes.Clone(x[0].b[:10])), nil }, Timestamp),
	"unix_timestamp": simple("unix_timestamp", BigInt, func(x []datum) (datum, error) { return integer(x[0].time().Unix()), nil }, Timestamp),
	"utc_to_unix_micros": simple("utc_to_unix_micros", BigInt, func(x []datum) (datum, error) {
		return integer(x[0].time().UnixMicro()), nil
	}, Timestamp),
	"unix_micros_to_utc_timestamp": simple("unix_micros_to_utc_timestamp", Timestamp, func(x []datum) (datum, error) {
		return timestamp(time.UnixMicro(x[0].i)), nil
	}, BigInt),
	"year":              datePart("year", func(t time.Time) int { return t.Year() }),
	"month":             datePart("month", func(t time.Time) int { return int(t.Month()) }),
	"day":               datePart("day", func(t time.Time) int { return t.Day() }),
	"hour":              datePart("hour", func(t time.Time) int { return t.Hour() }),
	"minute":            datePart("minute", func(t time.Time) int { return t.Minute() }),
	"second":            datePart("second", func(t time.Time) int { return t.Second() }),
	"now":               constantCall("now", func(a *analyzer) node { return literal(Type{Kind: Timestamp}, timestamp(a.now)) }),
	"current_timestamp": constantCall("current_timestamp", func(a *analyzer) node { return literal(Type{Kind: Timestamp}, timestamp(a.now)) }),
	"utc_timestamp":     constantCall("utc_timestamp", func(a *analyzer) node { return literal(Type{Kind: Timestamp}, timestamp(a.now)) }),
	"current_date":      constantCall("current_date", func(a *analyzer) node { return literal(Type{Kind: Date}, integer(daysOf(a.now))) }),
	"version":           constantCall("version", func(*analyzer) node { return literal(Type{Kind: String}, text(Version)) }),
	"current_database": constantCall("current_database", func(a *analyzer) node {
		return literal(Type{Kind: String}, text(a.session.Database()))
	}),
	"user":           constantCall("user", func(a *analyzer) node { return literal(Type{Kind: String}, text(a.session.User)) }),
	"effective_user": constantCall("effective_user", func(a *analyzer) node { return literal(Type{Kind: String}, text(a.session.User)) }),
}

func onBytes(fn func([]byte) []byte) function {
	return func(x []datum) (datum, error) { return blob(append([]byte{}, fn(x[0].b)...)), nil }
}

// upper and lower change ASCII only, as Impala does outside UTF-8 mode.
func upper(b []byte) []byte { return mapASCII(b, 'a', 'z', 'A'-'a') }
func lower(b []byte) []byte { return mapASCII(b, 'A', 'Z', 'a'-'A') }

func mapASCII(b []byte, from, to byte, by int) []byte {
	c := bytes.Clone(b)
	for i, x := range c {
		if from <= x && x <= to {
			c[i] = byte(int(x) + by)
		}
	}
	return c
}

func reversed(b []byte) []byte {
	c := make([]byte, len(b))
	for i, x := range b {
		c[len(b)-1-i] = x
	}
	return c
}

// slice is substr: positions count from 1, negative ones from the end.
func slice(b []byte, from, n int64) []byte {
	if from < 0 {
		from = int64(len(b)) + from + 1
	}
	if from < 1 || from > int64(len(b)) || n <= 0 {
		return []byte{}
	}
	return append([]byte{}, b[from-1:min(int64(len(b)), from-1+min(n, int64(len(b))))]...)
}

func substring(a *analyzer, args []node) (node, error) {
	if len(args) == 2 {
		args = append(args[:2:2], literal(Type{Kind: BigInt}, integer(math.MaxInt64)))
	}
	return simple("substr", String, func(x []datum) (datum, error) {
		return blob(slice(x[0].b, x[1].i, x[2].i)), nil
	}, String, BigInt, BigInt)(a, args)
}

func trimCall(name string, trim func([]byte, string) []byte) builtin {
	return func(a *analyzer, args []node) (node, error) {
		if len(args) == 1 {
			args = append(args[:1:1], literal(Type{Kind: String}, text(" ")))
		}
		return simple(name, String, func(x []datum) (datum, error) {
			return blob(append([]byte{}, trim(x[0].b, string(x[1].b))...)), nil
		}, String, String)(a, args)
	}
}

func padCall(left bool) builtin {
	name := map[bool]string{true: "lpad", false: "rpad"}[left]
	return simple(name, String, func(x []datum) (datum, error) {
		n := int(min(max(x[1].i, 0), 1<<20))
		if n <= len(x[0].b) || len(x[2].b) == 0 {
			return blob(slice(x[0].b, 1, int64(n))), nil
		}
		fill := bytes.Repeat(x[2].b, n/len(x[2].b)+1)[:n-len(x[0].b)]
		if left {
			return blob(append(fill, x[0].b...)), nil
		}
		return blob(append(bytes.Clone(x[0].b), fill...)), nil
	}, String, BigInt, String)
}

// textLength counts bytes; length() leaves a CHAR's padding out.
func textLength(name string, trims bool) builtin {
	return func(a *analyzer, args []node) (node, error) {
		if len(args) != 1 || !args[0].typ.isText() && args[0].typ.Kind != Binary && args[0].typ.Kind != NullType {
			return node{}, analysis("No matching function with signature: %s", name)
		}
		padded := trims && args[0].typ.Kind == Char
		key := name
		if padded {
			key += " of char"
		}
		return a.apply(key, Type{Kind: Int}, strict(func(x []datum) (datum, error) {
			if padded {
				return integer(int64(len(bytes.TrimRight(x[0].b, " ")))), nil
			}
			return integer(int64(len(x[0].b))), nil
		}), args[0])
	}
}

func absolute(a *analyzer, args []node) (node, error) {
	if len(args) != 1 || !args[0].typ.isNumeric() {
		return node{}, analysis("No matching function with signature: abs")
	}
	t := args[0].typ
	return a.apply("abs", t, strict(func(x []datum) (datum, error) {
		switch {
		case t.isInteger():
			return wrap(max(x[0].i, -x[0].i), t.Kind), nil
		case t.isFloat():
			return double(math.Abs(x[0].double())), nil
		}
		u, _ := unscaledOf(new(big.Int).Abs(x[0].unscaled().big()), maxPrecision)
		return u.datum(), nil
	}), args[0])
}

func pmod(a *analyzer, args []node) (node, error) {
	return simple("pmod", BigInt, func(x []datum) (datum, error) {
		m := x[1].i
		if m == 0 {
			return null, nil
		}
		return integer(((x[0].i % m) + m) % m), nil
	}, BigInt, BigInt)(a, args)
}

func (a *analyzer) modulo(args []node) (node, error) {
	if len(args) != 2 {
		return node{}, analysis("No matching function with signature: mod")
	}
	return a.integerOperation("%", args[0], args[1])
}

func fromTimestamp(b []byte, form string) datum {
	if form == "yyyy-MM-dd HH:mm:ss.SSSSSSSSS" {
		return blob(bytes.Clone(b)) // the stored form
	}
	return text(formatTimestamp(blob(b).time(), form))
}

// toTimestampCall reads to_timestamp(text, pattern) and to_timestamp(seconds).
func toTimestampCall(a *analyzer, args []node) (node, error) {
	if len(args) == 1 {
		if err := a.signature("to_timestamp", args, BigInt); err != nil {
			return node{}, err
		}
		return a.cast(args[0], Type{Kind: Timestamp})
	}
	return simple("to_timestamp", Timestamp, func(x []datum) (datum, error) {
		layout := strings.NewReplacer("yyyy", "2006", "MM", "01", "dd", "02", "HH", "15", "mm", "04", "ss", "05",
			"SSSSSSSSS", "000000000", "SSSSSS", "000000", "SSS", "000").Replace(string(x[1].b))
		t, err := time.Parse(layout, string(x[0].b))
		if err == nil {
			return timestamp(t), nil
		}
		return null, nil
	}, String, String)(a, args)
}

func datePart(name string, part func(time.Time) int) builtin {
	return simple(name, Int, func(x []datum) (datum, error) { return integer(int64(part(x[0].time()))), nil }, Timestamp)
}
