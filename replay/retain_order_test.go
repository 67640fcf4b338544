package replay

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"rewind/disk"
	"rewind/journal"
)

// earlierStream is a journal of two streams, the earlier one of which has the id that comes first, and what it held at each point.
func earlierStream(t *testing.T, sign ...ed25519.PrivateKey) (m *disk.Memory, eras []rows) {
	t.Helper()
	m = disk.NewMemory()
	for hour, stream := range []string{"0a", "0f"} {
		tp := unopenedTape(t, m, 2)
		tp.stream, tp.segment = strings.Repeat(stream, 16), 1
		if len(sign) > 0 {
			tp.sign = sign[hour]
		}
		tp.clock += int64(hour) * 3600_000_000
		tp.openJournals()
		tp.open(1)
		tp.use(ordersSchema(itemColumn))
		for i := range 2 {
			now := maps.Clone(tp.current)
			k, image := row(t, tp.schema, fmt.Sprint(i), stream, "x")
			now[k] = image
			tp.snapshot(now, published{})
			eras = append(eras, now)
		}
		tp.follow()
		tp.close()
	}
	return m, eras
}

// TestNoStreamGoesBeforeTheBase: where the base cannot be made, an earlier stream stays that was to go as a whole. Whatever operation fails once it
// is made, another try brings the retention to its end.
func TestNoStreamGoesBeforeTheBase(t *testing.T) {
	clean, eras := earlierStream(t)
	m := clean.Restart(disk.LoseNone())
	j := holdOpen(t, m, Options{SpareBytes: 1 << 50})
	since, before := j.Points()[3].ReadEnded, len(segmentsOf(t, m))
	if r, err := retainSince(j, since); err == nil || r.Applied || j.Dropped() != nil || len(segmentsOf(t, m)) != before {
		t.Errorf("the disk is full: %d segments of %d are left, dropped %+v, %v", len(segmentsOf(t, m)), before, j.Dropped(), err)
	}
	holdEras(t, openReplay(t, m), eras)
	count, seen := 0, map[string]bool{}
	retain := func(failing int64) (m *disk.Memory, operations int64) {
		m = clean.Restart(disk.LoseNone())
		j := openReplay(t, m)
		before := m.Ops()
		m.FailAt(failing)
		if _, err := retainSince(j, since); err != nil && !m.Tripped() {
			t.Fatal(err)
		}
		return m, m.Ops() - before
	}
	_, last := retain(0)
	for k := last; k > 0; k-- {
		m, _ := retain(k)
		m.FailAt(0)
		count++
		state := fmt.Sprint(namesIn(t, m, testRoot))
		if seen[state] {
			continue
		}
		seen[state] = true
		j := openReplay(t, m)
		if d := j.Dropped(); d == nil { // the base was not made
			holdEras(t, j, eras)
			break
		} else if d.Oldest == 0 {
			t.Fatalf("operation %d: dropped %+v", k, d)
		}
		if _, err := retainSince(j, since); err != nil {
			t.Fatalf("operation %d: %v", k, err)
		}
		if j = openReplay(t, m); len(j.Points()) != 1 || j.Dropped().Points != 3 {
			t.Fatalf("operation %d: %d points, dropped %+v", k, len(j.Points()), j.Dropped())
		}
		holdEras(t, j, eras[3:])
	}
	t.Logf("counted: %d operations that fail", count)
}

// TestEarlierStreamNeedsNoHead: a stream that no key, or another one, has signed while it was written to, which nobody can do any more, may go as a
// whole, and then verify passes; one that is signed is held to that.
func TestEarlierStreamNeedsNoHead(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, former, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, sign := range map[string]ed25519.PrivateKey{"not signed": nil, "signed with another key": former, "cut off": private} {
		m, eras := earlierStream(t, sign, private)
		j := holdOpen(t, m, Options{CutKey: public})
		if name == "cut off" {
			of := segmentsOf(t, m)
			if err := m.Remove(of[len(of)-1].Path); err != nil {
				t.Fatal(err)
			}
		}
		before := len(segmentsOf(t, m))
		r, err := j.Retain(context.Background(), RetainOptions{AcceptClock: true, Since: j.Points()[3].ReadEnded, Key: private})
		if name == "cut off" {
			if wrong := (*journal.HeadError)(nil); !errors.As(err, &wrong) || j.Dropped() != nil || len(segmentsOf(t, m)) != before {
				t.Errorf("%s: %+v, %v", name, r, err)
			}
			continue
		}
		if err != nil || !r.Applied || r.Points != 3 {
			t.Fatalf("%s: %+v, %v", name, r, err)
		}
		holdEras(t, holdOpen(t, m, Options{CutKey: public}), eras[3:])
		if _, err := Verify(context.Background(), testRoot, orders, Options{FS: m}, VerifyOptions{Full: true, Key: public}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
