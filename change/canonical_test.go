package change

import (
	"encoding/binary"
	"testing"
)

// TestFingerprintsAreTheSpecifications: canonical forms and fingerprints from Apache Avro's own test data (share/test/data/schema-tests.txt).
func TestFingerprintsAreTheSpecifications(t *testing.T) {
	for _, test := range []struct {
		schema, canonical string
		fingerprint       int64
	}{
		{`"null"`, `"null"`, 7195948357588979594},
		{`{"type":"null"}`, `"null"`, 7195948357588979594},
		{`"boolean"`, `"boolean"`, -6970731678124411036},
		{`{"foo":"bar", "type":"boolean"}`, `"boolean"`, -6970731678124411036},
		{`"int"`, `"int"`, 8247732601305521295},
		{`"long"`, `"long"`, -3434872931120570953},
		{`"float"`, `"float"`, 5583340709985441680},
		{`"double"`, `"double"`, -8181574048448539266},
		{`"bytes"`, `"bytes"`, 5746618253357095269},
		{`"string"`, `"string"`, -8142146995180207161},
		{`[  ]`, `[]`, -1241056759729112623},
		{`[ "int"  ]`, `["int"]`, -5232228896498058493},
		{`[ "int" , {"type":"boolean"} ]`, `["int","boolean"]`, 5392556393470105090},
		{`{"fields":[], "type":"record", "name":"foo"}`, `{"name":"foo","type":"record","fields":[]}`, -4824392279771201922},
		{`{"fields":[], "type":"record", "name":"foo", "namespace":"x.y"}`, `{"name":"x.y.foo","type":"record","fields":[]}`, 5916914534497305771},
		{`{"fields":[], "type":"record", "name":"a.b.foo", "namespace":"x.y"}`, `{"name":"a.b.foo","type":"record","fields":[]}`, -4616218487480524110},
		{`{"type":"enum", "symbols":["A1"], "name":"foo"}`, `{"name":"foo","type":"enum","symbols":["A1"]}`, -6342190197741309591},
		{`{"namespace":"x.y.z", "type":"enum", "name":"foo", "doc":"foo bar", "symbols":["A1", "A2"]}`, `{"name":"x.y.z.foo","type":"enum","symbols":["A1","A2"]}`, -4448647247586288245},
		{`{"name":"foo","type":"fixed","size":15}`, `{"name":"foo","type":"fixed","size":15}`, 1756455273707447556},
		{`{ "items":{"type":"null"}, "type":"array"}`, `{"type":"array","items":"null"}`, -589620603366471059},
		{`{ "values":"string", "type":"map"}`, `{"type":"map","values":"string"}`, -8732877298790414990},
	} {
		form, err := CanonicalForm(test.schema)
		if err != nil || form != test.canonical {
			t.Errorf("CanonicalForm(%s) = %s, %v; want %s", test.schema, form, err, test.canonical)
		}
		got, err := Fingerprint(test.schema)
		if n := int64(binary.LittleEndian.Uint64(got[:])); err != nil || n != test.fingerprint {
			t.Errorf("Fingerprint(%s) = %d, %v; want %d", test.schema, n, err, test.fingerprint)
		}
	}
}
