package change

import (
	"errors"
	"testing"
)

// TestErrorsForOperators: what an operator reads, and the exit codes that cmd takes from the errors.
func TestErrorsForOperators(t *testing.T) {
	for _, test := range []struct {
		err  error
		text string
		code int
		hint bool
	}{
		{&UnknownSchemaError{[8]byte{1, 0xab}}, "unknown schema, fingerprint 01ab000000000000", 5, true},
		{&ForeignError{errNoHeader}, "not a message of rewind: it does not begin as an Avro single-object message", 5, true},
		{&RecordError{errCutRecord}, "journal record: it is cut short or damaged", 5, false},
		{&MessageError{"Open", "x"}, "Open: x", 5, false},
	} {
		if test.err.Error() != test.text {
			t.Errorf("%T reads %q, want %q", test.err, test.err, test.text)
		}
		var coded interface{ ExitCode() int }
		if !errors.As(test.err, &coded) || coded.ExitCode() != test.code {
			t.Errorf("%T has another exit code than %d", test.err, test.code)
		}
		var hinted interface{ Hint() string }
		if errors.As(test.err, &hinted) != test.hint || test.hint && hinted.Hint() == "" {
			t.Errorf("%T: hint", test.err)
		}
	}
	if !errors.Is(&ForeignError{errNoHeader}, errNoHeader) || !errors.Is(&RecordError{errCutRecord}, errCutRecord) {
		t.Error("the reason is not unwrapped")
	}
}

func TestSchemasWithoutCanonicalForm(t *testing.T) {
	deep := `"int"`
	for range maxSchemaDepth + 1 {
		deep = "[" + deep + "]"
	}
	for _, schema := range []string{
		"", "{", `"int" "int"`, "1", "null", `{}`, `{"type":"record","name":"a"}`, `{"type":"record","fields":[]}`, `{"type":"record","name":"a","fields":[1]}`,
		`{"type":"record","name":"a","fields":[{"name":"b"}]}`, `{"type":"record","name":"a","fields":[{"type":"int"}]}`, `{"type":"array"}`, `{"type":"map","values":1}`,
		`{"type":"enum","name":"a","symbols":[1]}`, `{"type":"fixed","name":"a"}`, `{"type":"fixed","name":"a","size":-1}`, `{"type":"fixed","name":"a","size":1.5}`,
		`{"type":"record","name":"a\"b","fields":[]}`, `{"type":["null","int"]}`, deep,
	} {
		if form, err := CanonicalForm(schema); err == nil {
			t.Errorf("CanonicalForm(%s) = %s", schema, form)
		}
		if _, err := Fingerprint(schema); err == nil {
			t.Errorf("Fingerprint(%s) was given", schema)
		}
	}
}
