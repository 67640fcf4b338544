package replay

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// TestAnOpenGapDropsNothing: as long as a partition has an open gap, in whichever it is, nothing is dropped, and it is said what closes it. The gap
// being closed, or only of captures that were refused, retention goes on.
func TestAnOpenGapDropsNothing(t *testing.T) {
	since := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	for partition := range 2 {
		tp, m, eras := retainable(t, nil, 1)
		tp.openJournals()
		tp.open(2)
		tp.refuse("90 of 100 rows are gone")
		offset := tp.next[partition]
		tp.loss(partition, func() { tp.snapshot(eras[0], published{}) })
		tp.close()
		j := openReplay(t, m)
		before := len(segmentsOf(t, m))
		for what, retain := range map[string]func() error{
			"planned": func() error {
				_, err := j.PlanRetention(t.Context(), RetainOptions{Since: since})
				return err
			},
			"applied": func() error {
				_, err := retainSince(j, since)
				return err
			},
		} {
			err := retain()
			var refused *RetainError
			if !errors.As(err, &refused) || refused.ExitCode() != 6 {
				t.Fatalf("partition %d, %s: %v", partition, what, err)
			}
			gap := j.OpenLoss()
			message := fmt.Sprintf("nothing is dropped: a gap is open in partition %d at offset %d: removed from Kafka before it was journaled", partition, gap.Offset)
			if gap.Offset <= offset || err.Error() != message || refused.Hint() != "rewind produce shop.orders --rebaseline closes it" {
				t.Errorf("partition %d, %s: %v (%s)", partition, what, err, refused.Hint())
			}
		}
		if after := len(segmentsOf(t, m)); after != before || j.Dropped() != nil {
			t.Errorf("partition %d: %d segments of %d are left", partition, after, before)
		}

		tp.openJournals()
		tp.open(3)
		tp.snapshot(eras[1], published{baseline: true})
		tp.refuse("90 of 100 rows are gone")
		tp.follow()
		tp.close()
		if r, err := retainSince(j, since); err != nil || !r.Applied || r.Left != 1 {
			t.Errorf("partition %d, behind the baseline: %+v, %v", partition, r, err)
		}
		holdEras(t, openReplay(t, m), eras[1:2])
	}
}
