package replay

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rewind/change"
	"rewind/checkpoint"
	"rewind/crypt"
	"rewind/disk"
	"rewind/journal"
)

// TestRetainBesideAWriter drops again and again while a consumer appends and others read: nobody is disturbed, and nothing is lost.
func TestRetainBesideAWriter(t *testing.T) {
	keys := newKeys(t)
	for name, keys := range map[string]*crypt.Keys{"clear": nil, "encrypted": keys} {
		t.Run(name, func(t *testing.T) {
			m := disk.NewMemory()
			tp := unopenedTape(t, m, 2)
			tp.segment, tp.keys = 1, keys
			tp.openJournals()
			tp.open(1)
			tp.use(ordersSchema(itemColumn))
			tp.snapshot(rowsOf(t, tp.schema, []string{"0", "a", "first"}), published{})
			o := Options{FS: m, Keys: keys}
			stop, dropped := make(chan struct{}), make(chan struct{})
			var wait sync.WaitGroup
			wait.Go(func() { dropOn(t, o, stop, sync.OnceFunc(func() { close(dropped) })) })
			wait.Go(func() { readOn(t, o, stop) })
			var eras []rows
			for i := range 30 {
				now := maps.Clone(tp.current)
				k, image := row(t, tp.schema, fmt.Sprint(i), "a", fmt.Sprintf("at %d", i))
				now[k] = image
				tp.snapshot(now, published{})
				eras = append(eras, now)
				if i == 15 { // however fast it appends: there was something to drop meanwhile
					<-dropped
				}
			}
			close(stop)
			wait.Wait()
			tp.close()
			j := holdOpen(t, m, o)
			points := j.Points()
			if d := j.Dropped(); d == nil || d.Points == 0 || j.Damage() != nil || len(points) > len(eras)+1 {
				t.Fatalf("dropped %+v, %d points, damage %v", d, len(points), j.Damage())
			}
			if len(points) > len(eras) {
				points = points[1:]
			}
			for i, p := range points {
				if got, err := collect(t, j, p); err != nil || !sameRows(got, eras[len(eras)-len(points)+i]) {
					t.Fatalf("point %d: %d rows, %v", i, len(got), err)
				}
			}
			if _, err := j.Verify(context.Background(), VerifyOptions{Full: true, Fold: true}); err != nil {
				t.Error(err)
			}
		})
	}
}

// dropOn leaves the newest point alone, over and over, and says when it has dropped one.
func dropOn(t *testing.T, o Options, stop chan struct{}, dropped func()) {
	defer dropped()
	for {
		j, err := Open(testRoot, orders, o)
		var r Retention
		if err == nil && len(j.Points()) > 0 {
			r, err = retainSince(j, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
		}
		if r.Points > 0 {
			dropped()
		}
		if err != nil {
			t.Errorf("retain: %v", err)
			return
		}
		select {
		case <-stop:
			return
		default:
		}
	}
}

// readOn opens, verifies and folds, over and over.
func readOn(t *testing.T, o Options, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		j, err := Open(testRoot, orders, o)
		if err == nil {
			err = j.Damage()
		}
		if err != nil {
			t.Errorf("open: %v", err)
			return
		}
		if _, err := Verify(context.Background(), testRoot, orders, o, VerifyOptions{Full: true}); err != nil {
			t.Errorf("verify: %v", err)
			return
		}
		for _, p := range j.Points() {
			for _, err := range j.Fold(context.Background(), p) {
				if dropped := (*journal.DroppedError)(nil); err != nil && !errors.As(err, &dropped) {
					t.Errorf("fold of %d: %v", p.ID, err)
					return
				}
			}
		}
	}
}

// TestRetainOfEncrypted: the base is encrypted as the segments are, is no use without the key, and damage of it is found wherever it is.
func TestRetainOfEncrypted(t *testing.T) {
	keys := newKeys(t)
	_, m, eras := retainableBy(t, func(tp *tape) { tp.keys, tp.segment = keys, 1 })
	o := Options{FS: m, Keys: keys}
	j := holdOpen(t, m, o)
	if r, err := retainSince(j, j.Points()[2].ReadEnded); err != nil || !r.Applied || r.Points != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	base := filepath.Join(j.streamDir(j.streams[0].id), j.streams[0].cut.Base.Name)
	if _, err := m.Stat(base); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the base lies in clear: %v", err)
	}
	base += ".age"
	content := bytesOf(t, m, base)
	if bytes.Contains(content, []byte("item 1")) {
		t.Errorf("%s can be read by everybody", base)
	}
	holdEras(t, holdOpen(t, m, o), eras[2:])
	if err := oldestOf(t, m, Options{}); !errors.As(err, new(*crypt.KeyError)) {
		t.Errorf("without the key: %v", err)
	}
	damages := 0
	for at := 0; at < len(content); at += 101 {
		damaged := m.Restart(disk.LoseNone())
		spoil(t, damaged, base, at)
		if err := oldestOf(t, damaged, o); err == nil {
			t.Errorf("byte %d of the base: its rows were believed", at)
		}
		damages++
		m = damaged.Restart(disk.LoseNone())
		spoil(t, m, base, at) // as it was
	}
	holdEras(t, holdOpen(t, m, Options{Keys: keys}), eras[2:])
	t.Logf("counted: %d damages of an encrypted base", damages)
}

// oldestOf folds the oldest point that a journal is opened with.
func oldestOf(t *testing.T, m *disk.Memory, o Options) error {
	t.Helper()
	o.FS = m
	j, err := Open(testRoot, orders, o)
	if err == nil && len(j.Points()) == 0 {
		err = j.Damage()
	}
	if err != nil {
		return err
	}
	_, err = collect(t, j, j.Points()[0])
	return err
}

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

// atOpening drops what is older than the newest point at the n-th file that is opened through it.
type atOpening struct {
	disk.FS
	left int
	drop func()
}

func (a *atOpening) OpenFile(name string, flag int, perm fs.FileMode) (disk.File, error) {
	if a.left--; a.left == 0 {
		a.drop()
	}
	return a.FS.OpenFile(name, flag, perm)
}

// TestRetainAtEveryMomentOfAReader lets retention come at every file that a reader opens: it sees the journal as before or as after, or is told.
func TestRetainAtEveryMomentOfAReader(t *testing.T) {
	_, clean, eras := retainable(t, nil, 8<<10)
	clean = clean.Restart(disk.LoseNone())
	count := 0
	for name, read := range map[string]func(o Options) error{
		"verify": func(o Options) error {
			v, err := Verify(context.Background(), testRoot, orders, o, VerifyOptions{Full: true})
			if err == nil && (v.Not > 0 || len(v.Points) != 4 && len(v.Points) != 1) {
				err = fmt.Errorf("%d points, %d not proved", len(v.Points), v.Not)
			}
			return err
		},
		"fold": func(o Options) error {
			j, err := Open(testRoot, orders, o)
			if err != nil || j.Damage() != nil {
				return errors.Join(err, j.Damage())
			}
			points := j.Points()
			for i, p := range points {
				got, err := collect(t, j, p)
				if dropped := (*journal.DroppedError)(nil); errors.As(err, &dropped) {
					continue
				}
				if err != nil || !sameRows(got, eras[4-len(points)+i]) {
					return fmt.Errorf("point %d: %d rows, %w", p.ID, len(got), err)
				}
			}
			h, err := j.RowHistory(context.Background(), "order_id=2,line=a")
			if dropped := (*journal.DroppedError)(nil); errors.As(err, &dropped) {
				return nil
			}
			if err == nil && len(h.Versions) != min(len(points), 2) {
				err = fmt.Errorf("history of %d versions, searched %d of %d points", len(h.Versions), h.Searched, len(points))
			}
			return err
		},
	} {
		for n := 1; ; n++ {
			m := clean.Restart(disk.LoseNone())
			a := &atOpening{FS: m, left: n, drop: func() {
				other := Options{FS: m, Data: "/other"} // whose record of proofs is not locked by the reader
				if _, err := retainSince(holdOpen(t, m, other), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)); err != nil {
					t.Fatal(err)
				}
			}}
			if err := read(Options{FS: a}); err != nil {
				t.Fatalf("%s, at the opening of file %d: %v", name, n, err)
			}
			if a.left > 0 {
				break
			}
			count++
		}
	}
	t.Logf("counted: %d moments at which retention comes", count)
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

// TestRetainKeepsWhatTheHeadSigns: a writer that was killed before it signed a new segment finds the one that it signed.
func TestRetainKeepsWhatTheHeadSigns(t *testing.T) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	tp, m, _ := retainable(t, private, 1)
	head := filepath.Join(openReplay(t, m).streams[0].partitions[0].dir, "head.json")
	signed := bytesOf(t, m, head)
	tp.openJournals()
	for range 2 {
		tp.snapshot(maps.Clone(tp.current), published{})
	}
	tp.follow()
	tp.close()
	putFile(t, m, head, signed)
	if r, err := openReplay(t, m).Retain(context.Background(), RetainOptions{AcceptClock: true, Since: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), Key: private}); err != nil || !r.Applied {
		t.Fatalf("%+v, %v", r, err)
	}
	tp.openJournals()
	for _, err := range tp.journals[0].Reader().Entries(tp.journals[0].SignedNext()) { // what it holds against the topic
		if err != nil {
			t.Fatal(err)
		}
	}
	tp.snapshot(maps.Clone(tp.current), published{})
	tp.close()
	if j := openReplay(t, m); j.Damage() != nil || len(j.Points()) != 2 {
		t.Errorf("%d points, %v", len(j.Points()), j.Damage())
	}
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
