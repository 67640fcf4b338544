package consumer

import (
	"regexp"
	"slices"
	"testing"

	"rewind/change"
	"rewind/journal"
)

// TestRetentionWritesAGap: what Kafka has removed nobody brings back, so that the consumer says so and goes on with the next term.
func TestRetentionWritesAGap(t *testing.T) {
	w := newWorld(t)
	log, logger := newLines()
	w.logger = logger
	a, b := stamp(1, 'a'), stamp(2, 'b')
	w.write(w.open(a))
	w.write(w.snapshotOf(a, 100, 0, 2)...)
	w.consume()
	w.write(w.snapshotOf(a, 200, 100, 2)...) // 5..8
	w.cluster.DeleteRecords(t, w.topic.Name(), 0, 7)
	if r := w.consume(); r.Partitions[0].Gaps != 1 || r.Partitions[0].Doubtful != 2 {
		t.Errorf("%+v", r)
	}
	if log.count("level=ERROR") != 1 || log.count("--rebaseline") != 1 {
		t.Error(log.text.String())
	}
	w.write(w.open(b))                     // 9
	w.write(w.snapshotOf(b, 300, 0, 1)...) // 10..12
	w.consume()
	all := w.journal(streamA)
	gap := all[5].message.Gap
	if gap == nil || gap.NextOffset != 7 || all[5].offset != 5 || gap.Cause != change.CauseRemoved || gap.Refused() {
		t.Errorf("%+v", all[5])
	}
	want := []int64{0, 1, 2, 3, 4, 5, 9, 10, 11, 12}
	if got := w.offsets(streamA); !slices.Equal(got, want) {
		t.Errorf("offsets %v, want %v", got, want)
	}
	if r := w.consume(); r.Entries() != 0 {
		t.Errorf("again: %+v", r)
	}
}

// TestAJournalBegunLate: the beginning was removed before there was a journal.
func TestAJournalBegunLate(t *testing.T) {
	w := newWorld(t)
	a, b := stamp(1, 'a'), stamp(2, 'b')
	w.write(w.open(a))
	w.write(w.snapshotOf(a, 100, 0, 2)...) // 1..4
	w.useSchema("other")
	w.write(w.snapshotOf(a, 200, 100, 2)...) // 5..8: of a schema whose Begin is gone
	w.write(w.open(b))                       // 9
	w.write(w.snapshotOf(b, 300, 200, 0)...) // 10, 11
	w.cluster.DeleteRecords(t, w.topic.Name(), 0, 6)
	w.consume()
	if got, want := w.offsets(streamA), []int64{0, 9, 10, 11}; !slices.Equal(got, want) {
		t.Errorf("offsets %v, want %v", got, want)
	}
}

// TestForeignMessageHidesNothing: a message that does not even begin as ours can be no Open, so that the same term goes on behind it.
func TestForeignMessageHidesNothing(t *testing.T) {
	w := newWorld(t)
	a := stamp(1, 'a')
	w.write(w.open(a), w.begin(a, 100, 0), w.change(a, 100, 1), []byte("hello"), w.change(a, 100, 2), w.commit(a, 100, 3))
	w.write(w.snapshotOf(a, 200, 100, 1)...)
	w.skip = []Skip{{Table: orders, Offset: 3}}
	w.consume()
	if got := w.offsets(streamA); len(got) != 9 || w.journal(streamA)[3].message.Gap.Cause != change.CauseForeign {
		t.Errorf("offsets %v", got)
	}
	w.write(w.change(a, 300, 1))
	asError[*JumpError](t, w.consumeError()) // and nothing more is forgiven
	damaged := w.open(stamp(2, 'b'))
	w.skip = []Skip{{Table: orders, Offset: 9, Next: 11}}
	w.write(damaged[:len(damaged)-1])
	w.write(w.snapshotOf(a, 300, 200, 1)...)
	if r := w.consume(); r.Partitions[0].Doubtful != 3 {
		t.Errorf("behind a damaged message of ours: %+v", r)
	}
}

func (w *world) refusal(s change.Stamp, at int64) []byte {
	return w.must(change.AppendGap(nil, &change.Gap{Stamp: s, Reason: "9 of 10 rows are gone", Cause: change.CauseGuard, At: at}))
}

// TestRefusedCaptures: a producer's Gap is kept like its other messages, once, by whom the log belongs to.
func TestRefusedCaptures(t *testing.T) {
	w := newWorld(t)
	a, b := stamp(1, 'a'), stamp(2, 'b')
	w.write(w.open(a))
	w.write(w.snapshotOf(a, 100, 0, 2)...)                     // 1..4
	w.write(w.refusal(a, 5), w.refusal(a, 5), w.refusal(a, 6)) // 5, a copy, 7
	w.write(w.open(b), w.refusal(a, 9), w.refusal(b, 3))       // 8, stale, 10
	w.consume()                                                // the last entry is one of the topic's
	w.write(w.refusal(b, 3), w.refusal(b, 4))                  // a copy that a new process meets, 12
	w.write(w.snapshotOf(b, 200, 100, 1)...)                   // 13..15
	r := w.consume()
	want := []int64{0, 1, 2, 3, 4, 5, 7, 8, 10, 12, 13, 14, 15}
	if got := w.offsets(streamA); !slices.Equal(got, want) || r.Partitions[0].Gaps != 0 {
		t.Errorf("offsets %v, want %v; %+v", got, want, r)
	}
	own := w.must(change.AppendGap(nil, &change.Gap{Reason: "a consumer's", NextOffset: 1, At: 1}))
	w.write(own)
	if jump := asError[*JumpError](t, w.consumeError()); jump.Found != "Gap" {
		t.Error(jump)
	}
}

// TestGapRollsAnOlderSegment: a Gap of today does not fit into a segment of the first version, with which the journal may end.
func TestGapRollsAnOlderSegment(t *testing.T) {
	w := newWorld(t)
	w.segment = 1 << 20
	a, b := stamp(1, 'a'), stamp(2, 'b')
	w.write(w.open(a))
	w.write(w.snapshotOf(a, 100, 0, 0)...)
	w.consume()
	older := regexp.MustCompile(`,\{"name":"epoch","type":"long"\},\{"name":"writer","type":"rewind.Writer"\},\{"name":"cause"[^}]*\}`).
		ReplaceAllString(change.EntrySchema(nil), "")
	if _, err := change.NewEntryDecoder(older); err != nil {
		t.Fatalf("%v in %s", err, older)
	}
	w.rewrite(older)
	w.write(w.refusal(a, 5), w.open(b), w.refusal(b, 6))
	w.consume()
	w.cluster.DeleteRecords(t, w.topic.Name(), 0, 6)
	w.write(w.open(stamp(3, 'c')))
	w.cluster.DeleteRecords(t, w.topic.Name(), 0, 7)
	w.consume()
	if got, want := w.offsets(streamA), []int64{0, 1, 2, 3, 4, 5, 6}; !slices.Equal(got, want) {
		t.Errorf("offsets %v, want %v", got, want)
	}
}

// rewrite makes the journal one whose segments have another schema.
func (w *world) rewrite(schema string) {
	w.t.Helper()
	all := w.journal(streamA)
	p := &partition{table: &tableConsumer{stream: streamA, options: Options{FS: w.fs}}}
	if err := w.fs.Rename(w.dir(streamA), w.dir(streamA)+"-away"); err != nil {
		w.t.Fatal(err)
	}
	o := p.journalOptions()
	o.Schema = schema
	j, err := journal.Open(w.dir(streamA), o)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range all {
		if err := j.Append([]journal.Entry{{Offset: e.offset, Record: e.record}}); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// TestNothingStaleCountsBehindAGap cuts every stretch out of a log with late messages of fenced producers in it, with and without a
// restart behind the gap: no message counts that does not count in the whole log.
func TestNothingStaleCountsBehindAGap(t *testing.T) {
	a, b, c, d := stamp(1, 'a'), stamp(2, 'b'), stamp(3, 'c'), stamp(4, 'd')
	open := func(s change.Stamp) change.Message {
		return change.Message{Open: &change.Open{Stamp: s, Stream: streamA}}
	}
	begin := func(s change.Stamp, id, previous int64) change.Message {
		return change.Message{Begin: &change.Begin{Stamp: s, Stream: streamA, Snapshot: id, Previous: previous}}
	}
	row := func(s change.Stamp, id, seq int64) change.Message {
		return change.Message{Change: &change.Change{Stamp: s, Snapshot: id, Seq: seq}}
	}
	commit := func(s change.Stamp, id, seq int64) change.Message {
		return change.Message{Commit: &change.Commit{Stamp: s, Snapshot: id, Seq: seq}}
	}
	refusal := func(s change.Stamp, at int64) change.Message {
		return change.Message{Gap: &change.Gap{Stamp: s, At: at}}
	}
	log := []change.Message{
		open(a), begin(a, 10, 0), row(a, 10, 1), commit(a, 10, 2), begin(a, 20, 10), row(a, 20, 1), row(a, 20, 2),
		open(b), commit(a, 20, 3), refusal(a, 9), begin(b, 30, 10), row(b, 30, 1), commit(b, 30, 2), refusal(b, 5), begin(b, 40, 30),
		open(c), row(b, 40, 1), begin(a, 90, 10), row(a, 90, 1), commit(a, 90, 2), begin(c, 50, 30), commit(c, 50, 1), begin(c, 60, 50), row(c, 60, 1),
		commit(b, 40, 2), commit(c, 60, 2), begin(b, 95, 30), refusal(c, 7), refusal(b, 8),
		open(d), commit(c, 60, 2), begin(c, 99, 60), begin(d, 70, 60), row(d, 70, 1), commit(d, 70, 2), begin(d, 80, 70), commit(d, 80, 1),
	}
	whole := sequence{stream: streamA, decides: true}
	var counts []bool
	for i, m := range log {
		v, err := whole.check(m)
		if err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		counts = append(counts, v == accepted)
	}
	cuts, settled := 0, 0
	for from := range log {
		for to := from + 1; to <= len(log); to++ {
			for _, restart := range []bool{false, true} {
				s := sequence{stream: streamA, decides: true}
				var kept []change.Message
				for _, m := range log[:from] {
					if v, _ := s.check(m); v == accepted {
						kept = append(kept, m)
					}
				}
				gap := &change.Gap{Cause: change.CauseRemoved, NextOffset: int64(to)}
				s.lose(gap)
				if restart {
					s = sequence{stream: streamA, decides: true}
					for _, m := range append(kept, change.Message{Gap: gap}) {
						s.take(m)
					}
				}
				cuts++
				for i, m := range log[to:] {
					v, err := s.check(m)
					if err != nil {
						t.Fatalf("%d to %d lost, restart %v: message %d: %v", from, to, restart, to+i, err)
					}
					if v == accepted && !counts[to+i] {
						t.Errorf("%d to %d lost, restart %v: message %d (%s) counts", from, to, restart, to+i, m.Kind())
					}
				}
				if s.stamp == d && !s.lost {
					settled++
				}
			}
		}
	}
	if settled == 0 {
		t.Error("no log was taken up again behind the gap")
	}
	t.Logf("counted: %d stretches cut out of a log of %d messages, %d taken up again", cuts, len(log), settled)
}
