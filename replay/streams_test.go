package replay

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTwoStreams: the topic was made anew, and the table's life goes on in another stream.
func TestTwoStreams(t *testing.T) {
	first, one, two := shop(t, 2)
	a, b := first.snapshot(one, published{}), first.snapshot(two, published{})
	first.close()
	second := newTape(t, first.fs, 3)
	second.close()
	second.stream, second.clock = strings.Repeat("0b", 16), first.clock
	second.openJournals()
	second.open(1)
	second.use(ordersSchema(itemColumn))
	c := second.snapshot(two, published{})
	d := second.snapshot(one, published{})
	second.close()
	j := openReplay(t, first.fs)
	if got := ids(j.Points()); !slices.Equal(got, []int64{a, b, c, d}) {
		t.Fatalf("points %v", got)
	}
	for i, want := range []rows{one, two, two, one} {
		if got, err := collect(t, j, j.Points()[i]); err != nil || !sameRows(got, want) {
			t.Fatalf("point %d: %v", i, err)
		}
	}
	h, err := j.RowHistory(context.Background(), "order_id=1,line=a")
	if err != nil || len(h.Versions) != 3 || h.Searched != 4 || !h.Versions[2].Current {
		t.Fatalf("%+v, %v", h, err)
	}
	if !h.Versions[1].LastSeen.Equal(j.Points()[2].ReadEnded) {
		t.Errorf("Bob was last seen at %v", h.Versions[1].LastSeen)
	}
	h, err = j.RowHistory(context.Background(), "order_id=3,line=c")
	if err != nil || len(h.Versions) != 2 || h.Versions[1].Op != "d" || h.Versions[1].Current {
		t.Fatalf("%+v, %v", h, err)
	}
	if _, err := j.Verify(context.Background(), VerifyOptions{Fold: true}); err != nil {
		t.Fatal(err)
	}
}

// TestDamageInAnOldStream hides nothing of a newer one.
func TestDamageInAnOldStream(t *testing.T) {
	first, one, two := shop(t, 1)
	a := first.snapshot(one, published{})
	first.committed++
	first.snapshot(two, published{})
	first.close()
	second := newTape(t, first.fs, 1)
	second.close()
	second.stream, second.clock = strings.Repeat("0b", 16), first.clock
	second.openJournals()
	second.open(1)
	second.use(ordersSchema(itemColumn))
	c := second.snapshot(two, published{})
	second.close()
	j := openReplay(t, first.fs)
	if answer, err := j.At(Spec{Time: testNow}); err != nil || answer.Point.ID != c {
		t.Fatalf("%+v, %v", answer, err)
	}
	var hidden *HiddenError
	if _, err := j.At(Spec{Time: time.UnixMicro(a + 6_000_000)}); !errors.As(err, &hidden) {
		t.Fatalf("%v", err)
	}
}
