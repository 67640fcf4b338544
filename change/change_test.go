package change

import (
	"errors"
	"testing"

	"rewind/table"
)

func TestCounts(t *testing.T) {
	var c Counts
	for _, op := range []Op{Read, Create, Create, Update, Delete, Delete, Delete} {
		c.Add(op)
	}
	if want := (Counts{1, 2, 1, 3}); c != want || c.Total() != 7 {
		t.Errorf("%+v, total %d", c, c.Total())
	}
	c.Merge(Counts{10, 20, 30, 40})
	if want := (Counts{11, 22, 31, 43}); c != want {
		t.Errorf("merged: %+v", c)
	}
	for op, want := range map[Op]string{Read: "r", Create: "c", Update: "u", Delete: "d", 0: "?", 9: "?"} {
		if op.String() != want {
			t.Errorf("Op(%d) is written %s", op, op)
		}
	}
}

func TestKindAndStamp(t *testing.T) {
	for _, test := range []struct {
		m       Message
		kind    string
		stamped bool
	}{
		{Message{Open: &Open{Stamp: stamp()}}, "Open", true},
		{Message{Begin: &Begin{Stamp: stamp()}}, "Begin", true},
		{Message{Change: &Change{Stamp: stamp()}}, "Change", true},
		{Message{Commit: &Commit{Stamp: stamp()}}, "Commit", true},
		{Message{Gap: &Gap{}}, "Gap", false},
		{Message{}, "none", false},
	} {
		got, stamped := test.m.Stamp()
		if test.m.Kind() != test.kind || stamped != test.stamped || stamped && got != stamp() {
			t.Errorf("%s: kind %s, stamp %+v, %t", test.kind, test.m.Kind(), got, stamped)
		}
	}
}

// TestDecoderLearnsFromBegins: the Changes behind a Begin are read by its schema, those of an earlier one still are, and each goes
// into segments of its own schema; a table that only reordered its columns keeps its Changes but not its segments.
func TestDecoderLearnsFromBegins(t *testing.T) {
	d := NewDecoder()
	begin := func(snapshot int64, s *table.Schema) {
		t.Helper()
		m := &Begin{Stream: testStream, Snapshot: snapshot, Schema: s, Partitions: 1, Partitioner: PartitionerXXH3}
		got, err := d.Decode(appendMessage(t, Message{Begin: m}))
		if err != nil {
			t.Fatal(err)
		}
		if d.SegmentSchema(got) != "" {
			t.Error("a Begin asks for a segment of its own")
		}
	}
	write := func(s *table.Schema, row ...table.Value) string {
		t.Helper()
		c, err := table.NewCodec(s)
		if err != nil {
			t.Fatal(err)
		}
		image, err := c.AppendImage(nil, row)
		if err != nil {
			t.Fatal(err)
		}
		e, err := NewEncoder(s)
		if err != nil {
			t.Fatal(err)
		}
		m, err := d.Decode(e.AppendChange(nil, &Change{Snapshot: 1, Seq: 1, Op: Read, After: image}))
		if err != nil {
			t.Fatal(err)
		}
		return d.SegmentSchema(m)
	}
	old, wider, reordered := orders(), orders(), orders()
	wider.Columns = append(wider.Columns, table.Column{ID: 7, Name: "new", Type: table.Type{Kind: table.Date}})
	wider.NextColumnID = 8
	reordered.Columns[0], reordered.Columns[1] = reordered.Columns[1], reordered.Columns[0]
	row := []table.Value{{Int: 1}, {Int: 2}, {Null: true}, {Null: true}}

	begin(1, old)
	if got := write(old, row...); got != EntrySchema(old) {
		t.Errorf("segment schema %s", got)
	}
	begin(2, wider)
	if got := write(wider, append(row, table.Value{Int: 3})...); got != EntrySchema(wider) {
		t.Errorf("segment schema %s", got)
	}
	if got := write(old, row...); got != EntrySchema(old) {
		t.Errorf("segment schema %s", got)
	}
	begin(3, reordered)
	if got := write(old, row...); got != EntrySchema(reordered) || got == EntrySchema(old) {
		t.Errorf("segment schema %s", got)
	}
}

func TestDecoderLearnsSoMuchOnly(t *testing.T) {
	d := NewDecoder()
	s := orders()
	for i := range maxRowSchemas + 1 {
		s.Columns[3].ID, s.NextColumnID = 5+i, 6+i
		err := d.Learn(s)
		if i < maxRowSchemas && err != nil || i == maxRowSchemas && !errors.Is(err, errManyTables) {
			t.Fatalf("schema %d: %v", i, err)
		}
	}
	if err := d.Learn(s); !errors.Is(err, errManyTables) {
		t.Errorf("one more: %v", err)
	}
	s.Columns[3].ID = 5
	if err := d.Learn(s); err != nil {
		t.Errorf("one that it knows: %v", err)
	}
	if err := d.Learn(&table.Schema{}); err == nil {
		t.Error("a schema without columns was learned")
	}
}
