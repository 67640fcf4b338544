package change

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rewind/schemas"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestWireStays holds the contract: schemas, fingerprints and messages in the bytes in which they stand in topics and journals. A
// difference here means that what was written yesterday cannot be read today: schemas/README.md says how to change the contract.
func TestWireStays(t *testing.T) {
	var b strings.Builder
	b.WriteString(schemasOf(t, written(), schemas.Gap2))
	messages, encoded := sample(t)
	for i, msg := range encoded {
		record, err := AppendEntry(nil, int64(i), msg)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\nmessage %x\nrecord  %x\n", messages[i].Kind(), msg, record)
	}
	const path = "testdata/wire.2.golden"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if b.String() != golden(t, path) {
		t.Errorf("the wire changed; it is now\n%s", b.String())
	}
}

// TestFirstWireIsRead: what the first version wrote is read for good, though a Gap of it is not written any more. Its golden file is
// never written again.
func TestFirstWireIsRead(t *testing.T) {
	text, first := golden(t, "testdata/wire.golden"), contract()[1]
	head := schemasOf(t, first, schemas.Gap)
	if !strings.HasPrefix(text, head) {
		t.Fatalf("the schemas of the first version are now\n%s", head)
	}
	entries, err := NewEntryDecoder(first.schema(orders()))
	if err != nil || entries.TakesGap() {
		t.Fatal(err)
	}
	want := slices.Concat(controlMessages()[:4], []Message{{Gap: &Gap{Reason: "retention", NextOffset: 77, At: 8}}}, changes(t))
	d := learned(t)
	for i, lines := 0, strings.Split(strings.TrimSpace(text[len(head):]), "\n"); i < len(lines); i += 3 {
		var msg, record []byte
		if _, err := fmt.Sscanf(lines[i+1]+" "+lines[i+2], "message %x record  %x", &msg, &record); err != nil {
			t.Fatal(err)
		}
		offset, m, err := entries.Decode(record)
		if err != nil || offset != int64(i/3) || cmp.Diff(want[i/3], m) != "" {
			t.Errorf("record %d: %d, %v %s", i/3, offset, err, cmp.Diff(want[i/3], m))
		}
		if n, err := entries.RecordLen(append(record, 1, 2)); err != nil || n != len(record) {
			t.Errorf("record %d: RecordLen = %d, %v", i/3, n, err)
		}
		m, err = d.Decode(msg)
		if isGap := want[i/3].Gap != nil; isGap != (err != nil) {
			t.Errorf("message %d: %v", i/3, err) // no Gap of that time was ever in a topic
		} else if !isGap && cmp.Diff(want[i/3], m) != "" {
			t.Errorf("message %d: %s", i/3, cmp.Diff(want[i/3], m))
		}
	}
}

func golden(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// schemasOf writes down a version's schemas.
func schemasOf(t *testing.T, v *version, gap string) string {
	t.Helper()
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
	show("Gap", gap)
	show("Change", Schema(orders()))
	show("Entry", v.schema(orders()))
	show("Entry without Change", v.schema(nil))
	fmt.Fprintf(&b, "segment schema\n%s\n", v.schema(orders()))
	return b.String()
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
