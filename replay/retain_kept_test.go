package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rewind/change"
	"rewind/checkpoint"
	"rewind/disk"
)

// TestRetainDropsEarlierStreams: what a topic held before it was made anew goes as a whole once it is older than is to be kept.
func TestRetainDropsEarlierStreams(t *testing.T) {
	m := disk.NewMemory()
	write := func(stream string, from, snapshots int) (eras []rows, tp *tape) {
		tp = unopenedTape(t, m, 2)
		tp.stream, tp.segment = strings.Repeat(stream, 16), 1
		tp.clock += int64(from) * 3600_000_000
		tp.openJournals()
		tp.open(1)
		tp.use(ordersSchema(itemColumn))
		for i := range snapshots {
			now := maps.Clone(tp.current)
			k, image := row(t, tp.schema, fmt.Sprint(i), stream, "x")
			now[k] = image
			tp.snapshot(now, published{})
			eras = append(eras, now)
		}
		tp.follow()
		tp.close()
		return eras, tp
	}
	early, _ := write("0f", 0, 3)
	late, tp := write("0a", 1, 3)
	j := openReplay(t, m)
	holdEras(t, j, append(early, late...))
	if _, err := j.Verify(context.Background(), VerifyOptions{}); err != nil {
		t.Fatal(err)
	}
	next, points := j.NextColumnID(), j.Points()
	r, err := retainSince(j, points[4].ReadEnded)
	if err != nil || r.Points != 4 || r.From != points[0].ID {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, keep := range []func() *Journal{func() *Journal { return j }, func() *Journal { return openReplay(t, m) }} {
		j := keep()
		holdEras(t, j, late[1:])
		if d := j.Dropped(); d.Points != 4 || j.NextColumnID() < next {
			t.Errorf("dropped %+v, next column id %d of %d", d, j.NextColumnID(), next)
		}
	}
	mustVerify(t, m, VerifyOptions{Full: true, Fold: true})
	mustVerify(t, m, VerifyOptions{})
	tp.openJournals()
	tp.snapshot(tp.current, published{})
	tp.follow()
	tp.close()
	if s, err := openReplay(t, m).LastState(context.Background()); err != nil || s.LastSnapshot < points[5].ID {
		t.Errorf("%+v, %v", s, err)
	}
	again, err := retainSince(openReplay(t, m), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil || again.Points != 2 || len(segmentsOf(t, m)) == 0 {
		t.Errorf("%+v, %v", again, err)
	}
}

// TestHistoryOfEqualRowsBehindACut: of a table without a key, the rows that equal each other are found in the base, each by itself.
func TestHistoryOfEqualRowsBehindACut(t *testing.T) {
	tp := unopenedTape(t, disk.NewMemory(), 2)
	tp.segment = 1
	tp.openJournals()
	tp.open(1)
	tp.use(wholeSchema())
	same, other := []string{"1", "a"}, []string{"2", "b"}
	for _, texts := range [][][]string{{same}, {same, same, other}, {same, other}} {
		tp.snapshot(heapOf(t, tp.schema, texts...), published{})
	}
	tp.close()
	j := openReplay(t, tp.fs)
	if _, err := retainSince(j, j.Points()[1].ReadEnded); err != nil {
		t.Fatal(err)
	}
	h, err := j.RowHistory(context.Background(), "order_id=1,line=a")
	if err != nil || h.Searched != 2 || len(h.Versions) != 3 || h.Versions[0].Op != "r" || h.Versions[1].Op != "r" || h.Versions[2].Op != "d" {
		t.Errorf("%+v, %v", h, err)
	}
}

// TestProofsOfWhatWasDropped: where a crash left proofs of restore points that are gone, verify does not call them lost.
func TestProofsOfWhatWasDropped(t *testing.T) {
	_, m, _ := retainable(t, nil, 1)
	mustVerify(t, m, VerifyOptions{})
	j := openReplay(t, m)
	proofs := bytesOf(t, m, j.proofPath())
	if _, err := retainSince(j, j.Points()[2].ReadEnded); err != nil {
		t.Fatal(err)
	}
	if n := len(j.readProofs().Proved); n != 2 {
		t.Errorf("%d proofs are left", n)
	}
	putFile(t, m, j.proofPath(), proofs)
	mustVerify(t, m, VerifyOptions{})
}

// TestAnotherBase puts a whole base of the right rows, but with another definition of the table, in the place of the right one: it is refused.
func TestAnotherBase(t *testing.T) {
	_, m, eras := retainable(t, nil, 1)
	j := openReplay(t, m)
	if _, err := retainSince(j, j.Points()[2].ReadEnded); err != nil {
		t.Fatal(err)
	}
	b := j.streams[0].begun
	h := *b.header
	for i := range h.Partitions {
		begin := *h.Begin(i)
		begin.DDL = "CREATE TABLE y" // as long as it was
		message, err := change.AppendBegin(nil, &begin)
		if err != nil {
			t.Fatal(err)
		}
		h.Partitions[i].Begin = message
	}
	w, err := checkpoint.Create(m, nil, b.dir, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range slices.Sorted(maps.Keys(eras[2])) {
		if err := w.Add(tableRow(k, eras[2][k])); err != nil {
			t.Fatal(err)
		}
	}
	path, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Rename(path, filepath.Join(b.dir, b.cut.Base.Name)); err != nil {
		t.Fatal(err)
	}
	j = openReplay(t, m)
	if j.Damage() == nil {
		_, err = collect(t, j, j.Points()[0])
	} else {
		err = j.Damage()
	}
	if wrong := (*BaseError)(nil); !errors.As(err, &wrong) {
		t.Errorf("it is believed: %v", err)
	}
}
