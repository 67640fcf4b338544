package change

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkedin/goavro/v2"

	"rewind/table"
)

const testStream = "0123456789abcdef0123456789abcdef"

func orders() *table.Schema {
	column := func(id int, name, sql string) table.Column {
		typ, err := table.ParseType(sql)
		if err != nil {
			panic(err)
		}
		return table.Column{ID: id, Name: name, Type: typ}
	}
	return &table.Schema{
		Table:   table.Name{Database: "shop", Table: "orders"},
		Columns: []table.Column{column(2, "line", "INT"), column(1, "order_id", "BIGINT"), column(3, "note-é", "STRING"), column(5, "price", "DECIMAL(12,2)")},
		Key:     []int{1, 2}, NextColumnID: 7,
	}
}

func stamp() Stamp { return Stamp{3, [16]byte{1, 2, 3, 15: 16}} }

func pointer(s string) *string { return &s }

// controlMessages are the messages that do not depend on a table's columns.
func controlMessages() []Message {
	return []Message{
		{Open: &Open{stamp(), testStream, "shop.orders", 1_700_000_000_000_000}},
		{Begin: &Begin{stamp(), testStream, 1_700_000_000_000_001, 0, orders(), "CREATE TABLE `shop`.`orders` …", "impalad 4.4", map[string]string{"TIMEZONE": "UTC", "A": ""}, 4, PartitionerXXH3, nil, nil}},
		{Begin: &Begin{Stamp{}, testStream, 9, 8, orders(), "", "", nil, 1, PartitionerXXH3, pointer("x > 1"), pointer("s3://")}},
		{Commit: &Commit{stamp(), 1_700_000_000_000_001, 5, 6, Counts{1, 2, 3, 4}, Counts{0, 1, 2, 3}, 7, table.Digest{Rows: 9, M: 1 << 63, F: 5}}},
		{Gap: &Gap{Reason: "retention", NextOffset: 77, At: 8, Cause: CauseRemoved}},
		{Gap: &Gap{Reason: "shop.orders: 9 of 10 rows are gone", At: 8, Stamp: stamp(), Cause: CauseGuard}},
	}
}

func appendMessage(t testing.TB, m Message) []byte {
	t.Helper()
	var b []byte
	var err error
	switch {
	case m.Open != nil:
		b, err = AppendOpen(nil, m.Open)
	case m.Begin != nil:
		b, err = AppendBegin(nil, m.Begin)
	case m.Commit != nil:
		b, err = AppendCommit(nil, m.Commit)
	case m.Gap != nil:
		b, err = AppendGap(nil, m.Gap)
	case m.Change != nil:
		var e *Encoder
		if e, err = NewEncoder(orders()); err == nil {
			b = e.AppendChange(nil, m.Change)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func image(t testing.TB, order, line int64, note string) []byte {
	t.Helper()
	c, err := table.NewCodec(orders())
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.AppendImage(nil, []table.Value{{Int: line}, {Int: order}, {Bytes: []byte(note)}, {Decimal: table.Int128From(-order)}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func changes(t testing.TB) []Message {
	a, b := image(t, 1, 2, "Alice"), image(t, 1, 2, "Bob")
	return []Message{
		{Change: &Change{stamp(), 5, 1, Read, []byte("k"), nil, a}},
		{Change: &Change{stamp(), 5, 2, Create, []byte("k"), nil, b}},
		{Change: &Change{stamp(), 5, 300, Update, []byte("k"), a, b}},
		{Change: &Change{stamp(), 5, 1 << 40, Delete, []byte{}, a, nil}},
	}
}

func TestMessagesRoundTrip(t *testing.T) {
	d := NewDecoder()
	if err := d.Learn(orders()); err != nil {
		t.Fatal(err)
	}
	for _, want := range append(controlMessages(), changes(t)...) {
		got, err := d.Decode(appendMessage(t, want))
		if err != nil {
			t.Fatalf("%s: %v", want.Kind(), err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", want.Kind(), diff)
		}
	}
}

func TestEntriesRoundTripAndAreGoavros(t *testing.T) {
	schema := EntrySchema(orders())
	d, err := NewEntryDecoder(schema)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(orders(), d.Schema()); diff != "" {
		t.Error(diff)
	}
	oracle, err := goavro.NewCodecWithOptions(schema, &goavro.CodecOption{EnableDecimalBinarySpecCompliantEncoding: true})
	if err != nil {
		t.Fatal(err)
	}
	var block []byte
	var lengths []int
	all := append(controlMessages(), changes(t)...)
	for i, want := range all {
		record, err := AppendEntry(nil, int64(i)*1000, appendMessage(t, want))
		if err != nil {
			t.Fatal(err)
		}
		offset, got, err := d.Decode(record)
		if err != nil || offset != int64(i)*1000 {
			t.Fatalf("%s: offset %d, %v", want.Kind(), offset, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", want.Kind(), diff)
		}
		native, rest, err := oracle.NativeFromBinary(record)
		if err != nil || len(rest) > 0 {
			t.Fatalf("goavro: %s: %v", want.Kind(), err)
		}
		if again, err := oracle.BinaryFromNative(nil, native); err != nil || !bytes.Equal(again, record) {
			t.Errorf("goavro: %s: %v\ngot  %x\nwant %x", want.Kind(), err, again, record)
		}
		block, lengths = append(block, record...), append(lengths, len(record))
	}
	for i, want := range lengths {
		n, err := d.RecordLen(block)
		if err != nil || n != want {
			t.Fatalf("RecordLen of %s = %d, %v; want %d", all[i].Kind(), n, err, want)
		}
		block = block[n:]
	}
}

func TestControlEntriesFitEverySegment(t *testing.T) {
	d, err := NewEntryDecoder(EntrySchema(nil))
	if err != nil {
		t.Fatal(err)
	}
	if d.Schema() != nil {
		t.Error("a schema without Change has a row schema")
	}
	for _, want := range controlMessages() {
		record, err := AppendEntry(nil, 7, appendMessage(t, want))
		if err != nil {
			t.Fatal(err)
		}
		_, got, err := d.Decode(record)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(diff, err)
		}
	}
	record, err := AppendEntry(nil, 7, appendMessage(t, changes(t)[0]))
	if err != nil {
		t.Fatal(err)
	}
	var damaged *RecordError
	if _, _, err := d.Decode(record); !errors.As(err, &damaged) {
		t.Errorf("a Change without its branch: %v", err)
	}
}
