package main

import (
	"fmt"
	"io"
	"strconv"

	"rewind/replay"
	"rewind/table"
)

// pointLine is a restore point as --json lists it.
type pointLine struct {
	Table string `json:"table"`
	replay.Point
}

// gapLine is a gap as --json lists it.
type gapLine struct {
	Table string     `json:"table"`
	Gap   replay.Gap `json:"gap"`
}

// inTime goes through points and gaps in their order: a gap comes behind the last restore point in front of it.
func inTime(points []replay.Point, gaps []replay.Gap, point func(replay.Point), gap func(number int, g replay.Gap)) {
	next := 0
	for _, p := range points {
		for next < len(gaps) && gaps[next].From.Before(p.ReadEnded) {
			gap(next+1, gaps[next])
			next++
		}
		point(p)
	}
	for ; next < len(gaps); next++ {
		gap(next+1, gaps[next])
	}
}

func (a *app) printPointLines(name table.Name, points []replay.Point, gaps []replay.Gap) (err error) {
	line := func(l any) {
		if err == nil {
			err = a.printJSON(l)
		}
	}
	inTime(points, gaps, func(p replay.Point) { line(pointLine{name.String(), p}) },
		func(_ int, g replay.Gap) { line(gapLine{name.String(), g}) })
	return err
}

// pointsWidth is what the table of restore points needs, with rows by the million.
const pointsWidth = 166

func printPoints(w io.Writer, points []replay.Point, gaps []replay.Gap) {
	g := newGrid("id (--at)", "read began", "read ended", "rows", "read", "created", "updated", "deleted", "schema", "bytes", "proved")
	g.rightAlign(4, 5, 6, 7, 8, 10)
	inTime(points, gaps, func(p replay.Point) {
		g.add(p.ID, clock(p.ReadBegan), clock(p.ReadEnded), thousands(p.Rows),
			thousands(p.Counts.Reads), thousands(p.Counts.Creates), thousands(p.Counts.Updates), thousands(p.Counts.Deletes),
			p.Schema, thousands(p.Bytes), provedText(p.Proved))
	}, func(number int, gap replay.Gap) { g.add(gapName(number, gap), gapFrom(gap), gapUntil(gap)) })
	g.print(w)
}

// printPointsNarrow says the same in four lines a point, for a terminal that would break the table's.
func printPointsNarrow(w io.Writer, points []replay.Point, gaps []replay.Gap) {
	inTime(points, gaps, func(p replay.Point) {
		fmt.Fprintf(w, "%d  %s\n  read %s to %s\n  %s\n  %s, schema %s, proved: %s\n", p.ID, count(p.Rows, "row"),
			clock(p.ReadBegan), clock(p.ReadEnded), countsText(p.Counts), count(p.Bytes, "byte"), p.Schema, provedText(p.Proved))
	}, func(number int, gap replay.Gap) {
		fmt.Fprintf(w, "%s\n  %s to %s\n", gapName(number, gap), gapFrom(gap), gapUntil(gap))
	})
}

func gapName(number int, g replay.Gap) string {
	if g.Open {
		return "OPEN GAP " + strconv.Itoa(number)
	}
	return "gap " + strconv.Itoa(number)
}

// gapFrom is when the table was last known in front of a gap.
func gapFrom(g replay.Gap) string {
	if g.Before == 0 {
		return "the beginning"
	}
	return clock(g.From)
}

// gapUntil is when it was known again.
func gapUntil(g replay.Gap) string {
	switch {
	case g.ClosedBy != 0:
		return clock(g.Until)
	case g.Open:
		return "now"
	}
	return clock(g.At)
}

func gapCount(gaps []replay.Gap) string {
	open := int64(0)
	for _, g := range gaps {
		if g.Open {
			open++
		}
	}
	switch {
	case open > 0:
		return fmt.Sprintf(", %s, %d of them open", count(int64(len(gaps)), "gap"), open)
	case len(gaps) > 0:
		return ", " + count(int64(len(gaps)), "gap")
	}
	return ""
}

// printGaps says below the table why there are gaps, what they cost, and what to do about those that are open.
func (a *app) printGaps(name table.Name, gaps []replay.Gap) {
	for i, g := range gaps {
		fmt.Fprintf(a.stdout, "\n%s, ", gapName(i+1, g))
		switch {
		case g.Refused:
			fmt.Fprintf(a.stdout, "captures refused from %s on: %s\n", clock(g.At), g.Reason)
		default:
			fmt.Fprintf(a.stdout, "partition %d, %s: %s\n", g.Partition, offsetsText(g), g.Reason)
		}
		for _, lost := range g.Lost {
			fmt.Fprintf(a.stdout, "  snapshot %d (read until %s) cannot be restored\n", lost.ID, clock(lost.ReadEnded))
		}
		if g.Unknown {
			fmt.Fprint(a.stdout, "  what else was committed in it is not known: a time within is refused\n")
		}
		switch {
		case g.ClosedBy != 0:
			fmt.Fprintf(a.stdout, "  closed by restore point %d\n", g.ClosedBy)
		case g.Open && g.Refused:
			fmt.Fprintf(a.stdout, "  %s the next capture that succeeds closes it: \"rewind produce %s\" says what is in its way\n",
				paint(a.stdout, colorHint, "hint:"), name)
		case g.Open:
			fmt.Fprintf(a.stdout, "  %s \"rewind produce %s --rebaseline\" closes it\n", paint(a.stdout, colorHint, "hint:"), name)
		}
	}
}

// onlyGaps shows the gaps of a journal that has no restore point: they may be why.
func (a *app) onlyGaps(c *config, name table.Name) {
	j, err := replay.Open(c.journalDir(), name, a.replayOptions(c, nil))
	if err != nil {
		return // that is the error that is shown
	}
	if gaps := j.GapsInTime(); a.json {
		_ = a.printPointLines(name, nil, gaps)
	} else {
		a.printGaps(name, gaps)
	}
}

func offsetsText(g replay.Gap) string {
	if g.NextOffset == g.Offset+1 {
		return fmt.Sprintf("offset %d", g.Offset)
	}
	return fmt.Sprintf("offsets %d to %d", g.Offset, g.NextOffset-1)
}

// refusedNote says of a restore's answer that it lies in a gap of refused captures.
func refusedNote(w io.Writer, g *replay.Gap) {
	if g == nil {
		return
	}
	until := "since then"
	if g.ClosedBy != 0 {
		until = "until " + clock(g.Until)
	}
	fmt.Fprintf(w, "note: captures were refused from %s on, so that nothing is known of the table %s: %s\n\n", clock(g.At), until, g.Reason)
}
