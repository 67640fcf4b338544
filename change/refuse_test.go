package change

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"

	"rewind/table"
)

// sample is one message of every kind, encoded.
func sample(t testing.TB) (messages []Message, encoded [][]byte) {
	t.Helper()
	messages = append(controlMessages(), changes(t)...)
	for _, m := range messages {
		encoded = append(encoded, appendMessage(t, m))
	}
	return messages, encoded
}

func learned(t testing.TB) *Decoder {
	t.Helper()
	d := NewDecoder()
	if err := d.Learn(orders()); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestCutAndLongMessagesAreRefused: every message cut at every byte, and with a byte behind it; the same for records.
func TestCutAndLongMessagesAreRefused(t *testing.T) {
	d := learned(t)
	entries, err := NewEntryDecoder(EntrySchema(orders()))
	if err != nil {
		t.Fatal(err)
	}
	messages, encoded := sample(t)
	for i, msg := range encoded {
		record, err := AppendEntry(nil, 1<<40, msg)
		if err != nil {
			t.Fatal(err)
		}
		for n := range msg {
			var foreign *ForeignError
			if m, err := d.Decode(msg[:n]); !errors.As(err, &foreign) {
				t.Fatalf("%s cut at %d of %d bytes: %v, %v", messages[i].Kind(), n, len(msg), m, err)
			}
		}
		for n := range record {
			var damaged *RecordError
			if _, m, err := entries.Decode(record[:n]); !errors.As(err, &damaged) {
				t.Fatalf("record of %s cut at %d of %d bytes: %v, %v", messages[i].Kind(), n, len(record), m, err)
			}
			if _, err := entries.RecordLen(record[:n]); !errors.As(err, &damaged) {
				t.Fatalf("length of a record of %s cut at %d of %d bytes: %v", messages[i].Kind(), n, len(record), err)
			}
		}
		if _, err := d.Decode(append(bytes.Clone(msg), 0)); err == nil {
			t.Errorf("%s with a byte behind it was accepted", messages[i].Kind())
		}
		if _, _, err := entries.Decode(append(bytes.Clone(record), 0)); err == nil {
			t.Errorf("record of %s with a byte behind it was accepted", messages[i].Kind())
		}
	}
}

func TestForeignMessages(t *testing.T) {
	d := learned(t)
	var foreign *ForeignError
	for _, msg := range []string{"", "hello", "\xC3\x01", "\xC3\x02aaaaaaaaaa", `{"json":true}`} {
		if _, err := d.Decode([]byte(msg)); !errors.As(err, &foreign) || foreign.ExitCode() != 5 {
			t.Errorf("%q: got %v, want *ForeignError", msg, err)
		}
		if _, err := AppendEntry(nil, 1, []byte(msg)); !errors.As(err, &foreign) {
			t.Errorf("%q as an entry: got %v, want *ForeignError", msg, err)
		}
	}
	var unknown *UnknownSchemaError
	if _, err := d.Decode([]byte("\xC3\x01\x01\x02\x03\x04\x05\x06\x07\x08abc")); !errors.As(err, &unknown) || unknown.Fingerprint != [8]byte{1, 2, 3, 4, 5, 6, 7, 8} {
		t.Errorf("got %v, want *UnknownSchemaError", err)
	}
	if _, err := NewDecoder().Decode(appendMessage(t, changes(t)[0])); !errors.As(err, &unknown) {
		t.Errorf("a Change without its Begin: got %v, want *UnknownSchemaError", err)
	}
	huge := appendHeader(nil, written().controls[branchGap].fingerprint)
	if _, err := d.Decode(append(huge, make([]byte, MaxMessageBytes)...)); !errors.Is(err, errTooLarge) {
		t.Errorf("a message beyond the limit: %v", err)
	}
}

// TestLyingLengths: a few bytes that claim to be large must not make us allocate what they claim.
func TestLyingLengths(t *testing.T) {
	d := learned(t)
	begin := appendMessage(t, controlMessages()[1])
	// The options of the Begin are the two entries behind their number; the number is made large.
	at := bytes.Index(begin, []byte("\x04\x02A\x00\x10TIMEZONE"))
	if at < 0 {
		t.Fatal("the options are not where they were")
	}
	lying := append(table.AppendLong(bytes.Clone(begin[:at]), 1<<22), begin[at+1:]...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := d.Decode(lying); err == nil {
		t.Error("4,194,304 options in a few bytes were accepted")
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("refusing took %d bytes", n)
	}
	e, err := NewEncoder(orders())
	if err != nil {
		t.Fatal(err)
	}
	for _, length := range []int64{-1, 1 << 20, 1 << 62, -1 << 63} {
		msg := append(bytes.Clone(e.header), 0)
		msg = append(msg, make([]byte, 16)...)
		msg = append(msg, 2, 2, 0)
		var foreign *ForeignError
		if _, err := d.Decode(append(table.AppendLong(msg, length), "key"...)); !errors.As(err, &foreign) {
			t.Errorf("a key of %d bytes: %v", length, err)
		}
	}
}

func TestTextIsUTF8(t *testing.T) {
	gap := appendMessage(t, Message{Gap: &Gap{Reason: "reason"}})
	if _, err := learned(t).Decode(bytes.Replace(gap, []byte("reason"), []byte("re\xffson"), 1)); !errors.Is(err, errNotOurForm) {
		t.Errorf("got %v", err)
	}
	begin := appendMessage(t, controlMessages()[1])
	if _, err := learned(t).Decode(bytes.Replace(begin, []byte("TIMEZONE"), []byte("TIMEZ\xffNE"), 1)); !errors.Is(err, errNotOurForm) {
		t.Errorf("got %v", err)
	}
	if got, err := learned(t).Decode(appendMessage(t, Message{Gap: &Gap{Reason: "re\xffson"}})); err != nil || got.Gap.Reason != "re\uFFFDson" {
		t.Errorf("got %+v, %v", got.Gap, err)
	}
}

// TestOneEncodingOnly: goavro also reads longer encodings of the same; their length could not be found again.
func TestOneEncodingOnly(t *testing.T) {
	gap := appendMessage(t, Message{Gap: &Gap{Reason: "x"}})
	longer := append(bytes.Clone(gap[:len(gap)-1]), 0x80, 0x00)
	begin := appendMessage(t, controlMessages()[1])
	const a, zone = "\x02A\x00", "\x10TIMEZONE\x06UTC"
	block := "\x04" + a + zone + "\x00"
	if !bytes.Contains(begin, []byte(block)) {
		t.Fatal("the options are not where they were")
	}
	other := func(form string) []byte { return bytes.Replace(begin, []byte(block), []byte(form), 1) }
	sized := other("\x03" + string(table.AppendLong(nil, int64(len(a+zone)))) + a + zone + "\x00")
	for name, msg := range map[string][]byte{
		"a longer varint": longer,
		"two blocks":      other("\x02" + a + "\x02" + zone + "\x00"),
		"a sized block":   sized,
	} {
		if _, err := learned(t).Decode(msg); !errors.Is(err, errNotOurForm) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	entries, err := NewEntryDecoder(EntrySchema(nil))
	if err != nil {
		t.Fatal(err)
	}
	record, err := AppendEntry(nil, 1, other("\x03\x00"))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := entries.RecordLen(record); err == nil {
		t.Errorf("a sized block measures %d bytes", n)
	}
}

func TestMessagesThatCannotBe(t *testing.T) {
	for name, m := range map[string]Message{
		"a stream that is a path":      {Open: &Open{stamp(), "../../../../../../../../../../../x", "a.b", 1}},
		"a stream too short":           {Open: &Open{stamp(), testStream[1:], "a.b", 1}},
		"a stream in capitals":         {Open: &Open{stamp(), strings.ToUpper(testStream), "a.b", 1}},
		"a negative epoch":             {Open: &Open{Stamp{Epoch: -1}, testStream, "a.b", 1}},
		"a table's name not in UTF-8":  {Open: &Open{stamp(), testStream, "\xff", 1}},
		"no schema":                    {Begin: &Begin{Stream: testStream, Snapshot: 1, Partitions: 1}},
		"an unusable schema":           {Begin: &Begin{Stream: testStream, Snapshot: 1, Partitions: 1, Schema: &table.Schema{}}},
		"no partitions":                {Begin: &Begin{Stream: testStream, Snapshot: 1, Schema: orders()}},
		"too many partitions":          {Begin: &Begin{Stream: testStream, Snapshot: 1, Schema: orders(), Partitions: 1 << 20}},
		"no snapshot":                  {Begin: &Begin{Stream: testStream, Schema: orders(), Partitions: 1}},
		"a previous that comes after":  {Begin: &Begin{Stream: testStream, Snapshot: 1, Previous: 2, Schema: orders(), Partitions: 1}},
		"a commit before its begin":    {Commit: &Commit{Snapshot: 1}},
		"a read that ends before":      {Commit: &Commit{Snapshot: 1, Seq: 1, ReadBegan: 2, ReadEnded: 1}},
		"a share beyond the whole":     {Commit: &Commit{Snapshot: 1, Seq: 1, Share: Counts{Deletes: 1}}},
		"a share below nothing":        {Commit: &Commit{Snapshot: 1, Seq: 1, Share: Counts{Deletes: -1}}},
		"a table of less than no rows": {Commit: &Commit{Snapshot: 1, Seq: 1, Digest: table.Digest{Rows: -1}}},
		"a gap that goes back":         {Gap: &Gap{NextOffset: -1}},
		"an epoch without a writer":    {Gap: &Gap{Stamp: Stamp{Epoch: 1}}},
	} {
		var err error
		branch, record := 0, native(nil)
		switch {
		case m.Open != nil:
			_, err = AppendOpen(nil, m.Open)
			branch, record = branchOpen, m.Open.native()
		case m.Begin != nil:
			_, err = AppendBegin(nil, m.Begin)
			if m.Begin.Schema != nil && len(m.Begin.Schema.Columns) > 0 {
				branch, record = branchBegin, m.Begin.native()
			}
		case m.Commit != nil:
			_, err = AppendCommit(nil, m.Commit)
			branch, record = branchCommit, m.Commit.native()
		case m.Gap != nil:
			_, err = AppendGap(nil, m.Gap)
			branch, record = branchGap, m.Gap.native()
		}
		if err == nil {
			t.Errorf("%s was encoded", name)
		}
		if record == nil {
			continue
		}
		msg, err := appendControl(nil, branch, record)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var foreign *ForeignError
		if _, err := NewDecoder().Decode(msg); !errors.As(err, &foreign) {
			t.Errorf("%s was decoded: %v", name, err)
		}
	}
}

func TestChangesThatCannotBe(t *testing.T) {
	a := image(t, 1, 2, "x")
	for name, m := range map[string]*Change{
		"an unknown op":          {Snapshot: 1, Seq: 1, Op: 5, After: a},
		"no op":                  {Snapshot: 1, Seq: 1, Op: 0, After: a},
		"seq 0":                  {Snapshot: 1, Seq: 0, Op: Read, After: a},
		"no snapshot":            {Snapshot: 0, Seq: 1, Op: Read, After: a},
		"a negative epoch":       {Stamp: Stamp{Epoch: -1}, Snapshot: 1, Seq: 1, Op: Read, After: a},
		"a new row from before":  {Snapshot: 1, Seq: 1, Op: Create, Before: a, After: a},
		"an update to nothing":   {Snapshot: 1, Seq: 1, Op: Update, Before: a},
		"a delete that leaves":   {Snapshot: 1, Seq: 1, Op: Delete, Before: a, After: a},
		"an image of other form": {Snapshot: 1, Seq: 1, Op: Read, After: []byte("\x05\x05\x05\x05\x05\x05")},
	} {
		var foreign *ForeignError
		if got, err := learned(t).Decode(appendMessage(t, Message{Change: m})); !errors.As(err, &foreign) {
			t.Errorf("%s was decoded as %+v, %v", name, got.Change, err)
		}
	}
}

func TestSegmentSchemasThatAreNotOurs(t *testing.T) {
	ours := EntrySchema(orders())
	for name, schema := range map[string]string{
		"nothing":           "",
		"no record":         `"int"`,
		"no message":        `{"type":"record","name":"Entry","namespace":"rewind","fields":[]}`,
		"another field":     strings.Replace(ours, `"name":"offset"`, `"name":"position"`, 1),
		"another order":     strings.Replace(ours, `"name":"epoch","type":"long"`, `"name":"epoch","type":"int"`, 1),
		"another row":       strings.Replace(ours, `"rewind.sql":"BIGINT"`, `"rewind.sql":"INT"`, 1),
		"a row of its own":  strings.Replace(ours, `"name":"r_`, `"name":"q_`, 1),
		"no row":            strings.Replace(ours, `"name":"before"`, `"name":"previous"`, 1),
		"Change in another": strings.Replace(ours, `"name":"seq","type":"long"`, `"name":"seq","type":"string"`, 1),
	} {
		if schema == ours {
			t.Fatalf("%s: nothing was replaced", name)
		}
		if _, err := NewEntryDecoder(schema); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	documented := strings.Replace(ours, `"doc":"`, `"doc":"in other words: `, 1)
	if _, err := NewEntryDecoder(documented); err != nil {
		t.Errorf("other documentation: %v", err)
	}
}
