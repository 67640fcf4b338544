package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"rewind/disk"
)

// TestBoundToItsSegment: an index does not fit a segment that begins otherwise, or whose last block is another, though all lengths agree.
func TestBoundToItsSegment(t *testing.T) {
	fs, r, segments := written(t, 5, 10)
	last := len(segments) - 1
	o, ctx := Options{FS: fs, From: 1}, context.Background()
	for _, s := range segments[last-1:] {
		x, err := o.Update(ctx, r, s)
		if err != nil || x.Whole() != s.Whole {
			t.Fatal(err)
		}
	}
	for what, c := range map[string]struct {
		gap, open int64
		segment   int
		fits      bool
	}{
		"the same":           {4, 5, last, true},
		"the same, sealed":   {4, 5, last - 1, true},
		"another last block": {4, 6, last, false},
		"another chain":      {2, 5, last, false},
		"other bytes":        {2, 5, last - 1, false},
	} {
		other, reader, others := writtenAt(t, 5, 10, c.gap, c.open)
		for _, s := range segments[last-1:] {
			if err := disk.WriteFile(other, s.path(false), read(t, fs, s.path(false)), fileMode); err != nil {
				t.Fatal(err)
			}
		}
		if others[c.segment].Bytes != segments[c.segment].Bytes {
			t.Fatalf("%s: the lengths differ", what)
		}
		x, err := Options{FS: other, From: 1}.Open(reader, others[c.segment])
		var damage *Damage
		if (err == nil) != c.fits || !c.fits && !errors.As(err, &damage) {
			t.Errorf("%s: %v, %v", what, x, err)
		}
		if x != nil {
			_ = x.Close()
		}
	}
}

// everything reads all that is in an index.
func everything(x *Index) error {
	if _, err := x.Items(); err != nil {
		return err
	}
	_, err := x.pairs()
	return err
}

// TestEveryBit: no bit of an index can be flipped, and no byte cut off or put behind it, unnoticed.
func TestEveryBit(t *testing.T) {
	_, r, segments := written(t, 30, 10)
	s := segments[len(segments)-2]
	good, err := build(context.Background(), r, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	try := func(what string, b []byte) {
		cases++
		x, err := parse("x", bytes.NewReader(b), int64(len(b)))
		if err == nil {
			err = everything(x)
		}
		var damage *Damage
		if !errors.As(err, &damage) {
			t.Fatalf("%s: %v", what, err)
		}
	}
	for bit := range 8 * len(good) {
		bad := slices.Clone(good)
		bad[bit/8] ^= 1 << (bit % 8)
		try(fmt.Sprint("bit ", bit), bad)
	}
	for n := range len(good) {
		try(fmt.Sprint("cut at ", n), good[:n])
	}
	try("longer", append(slices.Clone(good), 0))
	t.Logf("counted: %d damages of an index's bytes", cases)
}
