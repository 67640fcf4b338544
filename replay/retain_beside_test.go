package replay

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"sync"
	"testing"
	"time"

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
