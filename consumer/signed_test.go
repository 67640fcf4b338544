package consumer

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rewind/disk"
	"rewind/journal"
	"rewind/sandbox/kafkatest"
)

// signedWorld has a journal whose head signs its first entries, and later ones behind it that no head signs: a process was killed
// between an append and the signature.
type signedWorld struct {
	*world
	signed int64 // the first offset that is not signed
	next   int64
}

func newSignedWorld(t *testing.T) *signedWorld {
	t.Helper()
	w := newWorld(t)
	w.segment = 1 << 20
	a := stamp(1, 'a')
	w.write(w.open(a))
	w.write(w.snapshotOf(a, 100, 0, 2)...)
	w.sign = ed25519.NewKeyFromSeed([]byte("a seed of thirty-two bytes, fixed"[:32]))
	w.consume()
	head := w.file("head.json")
	w.write(w.snapshotOf(a, 200, 100, 3)...)
	w.consume()
	w.put("head.json", head)
	return &signedWorld{world: w, signed: 5, next: 10}
}

func (w *world) file(name string) []byte {
	w.t.Helper()
	f, err := w.fs.OpenFile(filepath.Join(w.dir(streamA), name), os.O_RDONLY, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(f); err != nil {
		w.t.Fatal(err)
	}
	return b.Bytes()
}

func (w *world) put(name string, text []byte) {
	w.t.Helper()
	f, err := w.fs.OpenFile(filepath.Join(w.dir(streamA), name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(text); err != nil {
		w.t.Fatal(err)
	}
}

// signedBelow is what the journal's head says, held against the journal.
func (w *world) signedBelow() int64 {
	w.t.Helper()
	p := &partition{table: &tableConsumer{stream: streamA, options: Options{FS: w.fs, Keys: w.keys}}}
	r, err := journal.OpenReader(w.dir(streamA), p.journalOptions())
	if err != nil {
		w.t.Fatal(err)
	}
	h, err := r.Head(w.sign.Public().(ed25519.PublicKey))
	if err == nil {
		_, err = r.Hold(h)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return h.Next
}

func TestSignsWhatAKillLeftUnsigned(t *testing.T) {
	w := newSignedWorld(t)
	if got := w.signedBelow(); got != w.signed {
		t.Fatalf("signed below %d", got)
	}
	if r := w.consume(); r.Entries() != 0 || w.signedBelow() != w.next {
		t.Errorf("%+v, signed below %d", r, w.signedBelow())
	}
}

// TestDoesNotSignWhatIsNotInTheTopic: each of the entries behind the head was changed, its checksums are right. The last one is told
// apart before: it is compared with the topic at every start.
func TestDoesNotSignWhatIsNotInTheTopic(t *testing.T) {
	tried := 0
	for at := int64(5); at < 10; at++ {
		w := newSignedWorld(t)
		key := w.sign
		kept, segment := w.file("head.json"), "00000000000000000000.avro"
		whole := w.file(segment)
		w.exchange(at)
		if bytes.Equal(whole, w.file(segment)) {
			t.Fatalf("offset %d was not changed", at)
		}
		w.sign = key
		w.put("head.json", kept)
		forged := w.file(segment)
		if at == 9 {
			asError[*RecreatedError](t, w.consumeError())
		} else if e := asError[*UnsignedError](t, w.consumeError()); e.Offset != at || e.Partition != 0 || e.Journal != w.dir(streamA) || e.ExitCode() != 5 || e.Hint() == "" || !strings.Contains(e.Error(), "it was changed") {
			t.Errorf("offset %d: %+v", at, e)
		}
		if !bytes.Equal(w.file("head.json"), kept) || !bytes.Equal(w.file(segment), forged) {
			t.Errorf("offset %d: something was written", at)
		}
		w.put(segment, whole)
		if w.consume(); w.signedBelow() != w.next {
			t.Errorf("offset %d: brought back from a copy: signed below %d", at, w.signedBelow())
		}
		tried++
	}
	t.Logf("counted: %d entries changed behind a signed head", tried)
}

// exchange writes the journal anew, all its sums right, with one entry changed.
func (w *world) exchange(at int64) {
	w.t.Helper()
	p := &partition{table: &tableConsumer{stream: streamA, options: Options{FS: w.fs, SegmentBytes: w.segment}}}
	r, err := journal.OpenReader(w.dir(streamA), p.journalOptions())
	if err != nil {
		w.t.Fatal(err)
	}
	var entries []journal.Entry
	for e, err := range r.Entries(0) {
		if err != nil {
			w.t.Fatal(err)
		}
		e.Record = bytes.Clone(e.Record)
		if e.Offset == at {
			e.Record[6] ^= 1 // of the writer: it is as long as before
		}
		entries = append(entries, e)
	}
	for _, name := range []string{"00000000000000000000.avro", "head.json"} {
		if err := w.fs.Remove(filepath.Join(w.dir(streamA), name)); err != nil {
			w.t.Fatal(err)
		}
	}
	j, err := journal.Open(w.dir(streamA), p.journalOptions())
	if err != nil {
		w.t.Fatal(err)
	}
	for batch := range slices.Chunk(entries, 5) {
		if err := j.Append(batch); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// TestSignsWhatTheTopicHasNoMore: the messages behind the head are gone from Kafka: they are signed as they were found, and that is said.
func TestSignsWhatTheTopicHasNoMore(t *testing.T) {
	w := newSignedWorld(t)
	w.cluster.DeleteRecords(t, w.topic.Name(), 0, w.next)
	log, logger := newLines()
	w.logger = logger
	if w.consume(); w.signedBelow() != w.next || log.count("Kafka no longer has their messages") != 1 || log.count("from=5 before=10") != 1 {
		t.Errorf("signed below %d\n%s", w.signedBelow(), log.text.String())
	}
}

// TestFirstSignature: a journal that was never signed is signed when that is asked for, never by itself.
func TestFirstSignature(t *testing.T) {
	w := newWorld(t)
	a := stamp(1, 'a')
	w.write(w.open(a))
	w.write(w.snapshotOf(a, 100, 0, 2)...)
	w.consume()
	w.sign = ed25519.NewKeyFromSeed([]byte("a seed of thirty-two bytes, fixed"[:32]))
	if e := asError[*journal.HeadError](t, w.consumeError()); e.ExitCode() != 5 || !strings.Contains(e.Hint(), "--sign-as-found") {
		t.Errorf("%v: %s", e, e.Hint())
	}
	log, logger := newLines()
	w.logger = logger
	o := w.options()
	o.SignAsFound = true
	if _, err := Run(context.Background(), w.kafka, o); err != nil || w.signedBelow() != 5 || log.count("signed as it was found") != 1 {
		t.Fatalf("%v, signed below %d", err, w.signedBelow())
	}
	if w.consume(); w.signedBelow() != 5 {
		t.Errorf("signed below %d", w.signedBelow())
	}
}

// TestDamageBehindTheSignedHead: what no head signs yet cannot be compared where Kafka's copy is damaged. The error says which door there
// is; the journal's entries are whole, and nothing is to be skipped.
func TestDamageBehindTheSignedHead(t *testing.T) {
	w := newWorld(t)
	a := stamp(1, 'a')
	w.write(w.open(a))
	w.write(w.snapshotOf(a, 100, 0, 2)...)
	w.sign = ed25519.NewKeyFromSeed([]byte("a seed of thirty-two bytes, fixed"[:32]))
	w.consume()
	head := w.file("head.json")
	w.write(w.begin(a, 200, 100), w.change(a, 200, 1), []byte("MARKER"))
	w.write(w.commit(a, 200, 2))
	w.skip = []Skip{{Table: orders, Offset: 7}}
	w.consume()
	w.skip = nil
	w.put("head.json", head)
	w.cluster.SetDamage(kafkatest.Damage{Marker: "MARKER", At: -1, Flip: 1})
	e := asError[*UncomparedError](t, w.consumeError())
	if e.ExitCode() != 5 || e.Offset != 5 || !strings.Contains(e.Hint(), "consume shop.orders --sign-as-found") {
		t.Fatalf("%v (%s)", e, e.Hint())
	}
	o := w.options()
	o.SignAsFound = true
	if _, err := Run(context.Background(), w.kafka, o); err != nil || w.signedBelow() != 9 {
		t.Fatalf("%v, signed below %d", err, w.signedBelow())
	}
}

// TestRolledBackJournalIsNotGoneOnWith: the journal and its head as they once were fit each other; the offset that the group has in Kafka
// does not fit them. A folder that is gone as a whole is noticed in the same way.
func TestRolledBackJournalIsNotGoneOnWith(t *testing.T) {
	w := newWorld(t)
	w.sign = ed25519.NewKeyFromSeed([]byte("a seed of thirty-two bytes, fixed"[:32]))
	a := stamp(1, 'a')
	w.write(w.open(a))
	w.write(w.snapshotOf(a, 100, 0, 2)...)
	w.consume()
	before := w.fs.(*disk.Memory).Restart(disk.LoseNone())
	w.fs = before.Restart(disk.LoseNone())
	w.write(w.snapshotOf(a, 200, 100, 3)...)
	w.consume()
	w.fs = before.Restart(disk.LoseNone())
	if e := asError[*LostTailError](t, w.consumeError()); e.Next != 5 || e.Committed != 10 {
		t.Errorf("%+v", e)
	}
	w.fs = disk.NewMemory()
	if e := asError[*LostTailError](t, w.consumeError()); e.Next != 0 || e.Committed != 10 {
		t.Errorf("%+v", e)
	}
}
