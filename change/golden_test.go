package change

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"rewind/schemas"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestWireStays holds the contract: schemas, fingerprints and messages in the bytes in which they stand in topics and journals. A
// difference here means that what was written yesterday cannot be read today: schemas/README.md says how to change the contract.
func TestWireStays(t *testing.T) {
	var b strings.Builder
	show := func(name, schema string) {
		form, err := CanonicalForm(schema)
		if err != nil {
			t.Fatal(err)
		}
		fingerprint, err := Fingerprint(schema)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %x\n%s\n", name, fingerprint, form)
	}
	show("Open", schemas.Open)
	show("Begin", schemas.Begin)
	show("Commit", schemas.Commit)
	show("Gap", schemas.Gap)
	show("Change", Schema(orders()))
	show("Entry", EntrySchema(orders()))
	show("Entry without Change", EntrySchema(nil))
	fmt.Fprintf(&b, "segment schema\n%s\n", EntrySchema(orders()))
	messages, encoded := sample(t)
	for i, msg := range encoded {
		record, err := AppendEntry(nil, int64(i), msg)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\nmessage %x\nrecord  %x\n", messages[i].Kind(), msg, record)
	}
	const path = "testdata/wire.golden"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the wire changed; it is now\n%s", b.String())
	}
}

// TestPartitionStays: where a row's changes are was decided when its topic was made.
func TestPartitionStays(t *testing.T) {
	for key, want := range map[string]int{"": 4, "a": 1, "order 42": 3, "\x01\x80\x00\x00\x00\x00\x00\x00\x2a": 6} {
		if got := Partition([]byte(key), 7); got != want {
			t.Errorf("Partition(%q, 7) = %d, want %d", key, got, want)
		}
		if got := Partition([]byte(key), 1); got != 0 {
			t.Errorf("Partition(%q, 1) = %d", key, got)
		}
	}
}
