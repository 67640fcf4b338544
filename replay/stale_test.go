package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"rewind/disk"
	"rewind/journal"
)

// twoStreams is a journal of two streams with three points each, in each of which one row is changed.
func twoStreams(t *testing.T, partitions int) *disk.Memory {
	t.Helper()
	m := disk.NewMemory()
	for at, stream := range []string{"0a", "0b"} {
		tp := unopenedTape(t, m, partitions)
		tp.stream, tp.segment = strings.Repeat(stream, 16), 1
		tp.clock += int64(at) * time.Hour.Microseconds()
		tp.openJournals()
		tp.open(1)
		tp.use(ordersSchema(itemColumn))
		for i := range 3 {
			now := maps.Clone(tp.current)
			k, image := row(t, tp.schema, "1", "a", fmt.Sprint(stream, i))
			now[k] = image
			tp.snapshot(now, published{})
		}
		tp.close()
	}
	return m
}

// wasDropped says whether the error tells that retention came, and that it may be tried again.
func wasDropped(err error) bool {
	var dropped *journal.DroppedError
	return errors.As(err, &dropped) && dropped.ExitCode() == exitNothing
}

// TestRetainBehindWhoHasLooked: a fold, a checkpoint or a history by points that were looked up before retention dropped them, a part of a stream's or
// all, is told so: none of them gives less than there was, and none takes it for damage.
func TestRetainBehindWhoHasLooked(t *testing.T) {
	asked := 0
	for _, partitions := range []int{1, 2} {
		for kept := range 6 { // the oldest point that is: from 3 on, the first stream goes as a whole
			for name, o := range map[string]Options{"indexed": {indexFrom: 1}, "not indexed": {}} {
				m := twoStreams(t, partitions)
				o.FS = m
				if o.indexFrom == 0 {
					o.FS = unindexed{m}
				}
				stale := holdOpen(t, m, o)
				before, err := stale.RowHistory(context.Background(), "order_id=1,line=a")
				if err != nil || len(before.Versions) != 6 {
					t.Fatalf("%d versions, %v", len(before.Versions), err)
				}
				points := stale.Points()
				if r, err := retainSince(openReplay(t, m), points[kept].ReadEnded); err != nil || !r.Applied {
					t.Fatal(r, err)
				}
				where := fmt.Sprintf("%s, %d partitions, point %d kept", name, partitions, kept)
				h, err := stale.RowHistory(context.Background(), "order_id=1,line=a")
				if !wasDropped(err) {
					t.Errorf("%s: history of %d versions, %v", where, len(h.Versions), err)
				}
				for i, p := range points {
					_, folded := collect(t, stale, p)
					_, written := stale.Checkpoint(context.Background(), p)
					for what, err := range map[string]error{"fold": folded, "checkpoint": written} {
						gone := i/3 <= kept/3 // or what it begins with
						if gone != wasDropped(err) || !gone && err != nil {
							t.Errorf("%s: %s of point %d: %v", where, what, i, err)
						}
						asked++
					}
				}
			}
		}
	}
	t.Logf("counted: %d restore points that were asked for behind retention", asked)
}
