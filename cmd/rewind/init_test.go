package main

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// TestInitTextReadsBack writes configurations of any texts and reads them strictly.
func TestInitTextReadsBack(t *testing.T) {
	word := rapid.StringMatching(`[^\x00-\x1f$]{1,12}`)
	name := rapid.OneOf(rapid.SampledFrom(yamlWords), rapid.StringMatching(`[a-z0-9_]{1,8}`), rapid.StringMatching(`[0-9]{1,3}`))
	rapid.Check(t, func(t *rapid.T) {
		f := initFlags{brokers: rapid.SliceOfN(word, 1, 3).Draw(t, "brokers"), dsn: word.Draw(t, "dsn"), staging: word.Draw(t, "staging"), data: "/" + word.Draw(t, "data")}
		tables := []initTable{{Table: name.Draw(t, "database") + "." + name.Draw(t, "table"), given: true,
			Key: rapid.SliceOfN(name, 1, 3).Draw(t, "key"), Exclude: []string{name.Draw(t, "exclude")}, unsupported: []string{word.Draw(t, "unsupported")}}}
		c, err := parseConfig("rewind.yaml", []byte(f.text(tables)))
		if err != nil {
			t.Fatalf("%v\n%s", err, f.text(tables))
		}
		same := func(what string, want, got any) {
			if !reflect.DeepEqual(want, got) {
				t.Errorf("%s: wrote %q, read %q", what, want, got)
			}
		}
		same("brokers", f.brokers, []string(c.Kafka.Brokers))
		same("dsn", f.dsn, c.Impala.DSN)
		same("staging", f.staging, c.Impala.Staging.URI)
		same("data", f.data, c.Data)
		same("table", tables[0].Table, c.Tables[0].Name)
		same("key", tables[0].Key, c.Tables[0].Key)
		same("exclude", tables[0].Exclude, c.Tables[0].Exclude)
	})
}
