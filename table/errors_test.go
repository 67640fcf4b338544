package table

import (
	"errors"
	"testing"
)

// TestErrorsForOperators: what an operator reads, and the exit codes that cmd takes from the errors (0: none, which is 1).
func TestErrorsForOperators(t *testing.T) {
	decimal := Type{Kind: Decimal, Precision: 5, Scale: 2}
	for _, test := range []struct {
		err  error
		text string
		code int
		hint string
	}{
		{&NameError{"x", "it has no database"}, `table name "x": it has no database`, 2, "write it as database.table"},
		{&UnsupportedTypeError{"map<int,int>"}, "unsupported type map<int,int>", 2, "rewind carries Impala's scalar types; exclude the column in the table's configuration"},
		{&SchemaError{Reason: "r"}, "schema: r", 2, ""},
		{&SchemaError{"c", "r"}, `schema: column "c": r`, 2, ""},
		{&KeyTypeError{"c", Type{Kind: Float}}, `column "c" of type FLOAT cannot be part of a key`, 2, "name other columns as the table's key, any type but FLOAT and DOUBLE; or take the whole row, key: ['*']"},
		{&TextError{"c", []byte("a\xff")}, `column "c" holds text that is not UTF-8: "a\xff"`, 0, `carry the column as bytes: name "c" under bytes in the table's configuration`},
		{&ValueError{"c", decimal, "r"}, `column "c": no value of DECIMAL(5,2): r`, 0, ""},
		{&ParseError{decimal, "x"}, `"x" is no DECIMAL(5,2)`, 2, ""},
		{&ImageError{"c", "r"}, `row image: column "c": r`, 5, ""},
		{&ImageError{"", "r"}, "row image: r", 5, ""},
		{&KeyError{"c", "r"}, `key: column "c": r`, 5, ""},
		{&KeyError{"", "r"}, "key: r", 5, ""},
		{&KeyTextError{"x", "id=…", "r"}, `key "x": r`, 2, "write it as id=…; NULL stands for itself"},
		{&IncompatibleError{`column "c"`, "INT", "DATE"}, `column "c" changed from INT to DATE`, 6, "earlier rows cannot be read as rows of the new schema: the next capture must be a baseline"},
	} {
		if test.err.Error() != test.text {
			t.Errorf("%T reads %s, want %s", test.err, test.err, test.text)
		}
		code, hint := 0, ""
		var coded interface{ ExitCode() int }
		if errors.As(test.err, &coded) {
			code = coded.ExitCode()
		}
		var hinted interface{ Hint() string }
		if errors.As(test.err, &hinted) {
			hint = hinted.Hint()
		}
		if code != test.code || hint != test.hint {
			t.Errorf("%T: exit code %d, hint %q; want %d, %q", test.err, code, hint, test.code, test.hint)
		}
	}
}
