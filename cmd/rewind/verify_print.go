package main

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"rewind/replay"
)

// provedLine says how a restore point was proved: in one line, or in two for a terminal that would break it.
func provedLine(p replay.Point, how string, narrow bool) string {
	id, rows, digest := strconv.FormatInt(p.ID, 10), count(p.Rows, "row"), "digest "+p.DigestText
	if narrow {
		return "  " + id + "  " + rows + "  " + how + "\n    " + digest + "\n"
	}
	return "  " + id + "  " + rows + "  " + digest + "  " + how + "\n"
}

// verdictWidth is what the line of a restore point needs, with rows by the million.
const verdictWidth = 120

func (a *app) printVerdict(v replay.Verdict) error {
	if a.json {
		return a.printJSON(v)
	}
	width := terminalWidth(a.stdout)
	narrow, then := width > 0 && width < verdictWidth, "; "
	if narrow {
		then = "\n  "
	}
	fmt.Fprintf(a.stdout, "%s: %s%s%s in %s, %s bytes, %.2f s\n", v.Table, provedCount(v), then,
		entriesText(v), count(int64(v.Segments), "segment"), thousands(v.Bytes), v.Seconds)
	for _, line := range readLines(v) {
		fmt.Fprintf(a.stdout, "  %s\n", line)
	}
	for _, p := range v.Points {
		how := p.How
		if p.Earlier {
			how += ", proved " + clock(p.At) + ", not read again"
		}
		if p.Unsigned {
			how += ", not signed yet"
		}
		if p.Proved {
			fmt.Fprint(a.stdout, provedLine(p.Point, how, narrow))
		} else {
			fmt.Fprintf(a.stdout, "  %d  %s  %s\n", p.Point.ID, paint(a.stdout, colorBad, "NOT PROVED"), p.Why)
		}
	}
	for _, damage := range v.Damage {
		if slices.ContainsFunc(v.Heads, func(h replay.HeadVerdict) bool { return h.Why == damage }) {
			continue // it stands above
		}
		fmt.Fprintf(a.stdout, "  %s %s\n", paint(a.stdout, colorBad, "damage:"), damage)
	}
	for _, warning := range v.Warnings {
		fmt.Fprintf(a.stdout, "  warning: %s\n", warning)
	}
	for _, gap := range v.Gaps {
		fmt.Fprintf(a.stdout, "  gap in partition %d at offset %d: %s\n", gap.Partition, gap.Offset, gap.Reason)
	}
	return nil
}

// entriesText counts what was walked through: behind a cut, the rows that the journal begins with, and the entries behind them. Those of before that
// stand in the same segments count no more.
func entriesText(v replay.Verdict) string {
	text := entries(v.Entries)
	for _, p := range v.Points {
		if p.Point.Base {
			text = fmt.Sprintf("a base of %s and %s behind it", count(p.Point.Rows, "row"), entries(v.Entries))
		}
	}
	return text
}

// provedCount says how many restore points are proved, and when.
func provedCount(v replay.Verdict) string {
	proved, all := int64(v.Now+v.Earlier), int64(len(v.Points))
	switch {
	case all == 0:
		return "damaged, and no restore point can be read"
	case v.Earlier == 0:
		return fmt.Sprintf("%d of %s proved", proved, count(all, "restore point"))
	}
	return fmt.Sprintf("%d of %s proved, %d now and %d earlier", proved, count(all, "restore point"), v.Now, v.Earlier)
}

// readLines say what was read, where that is not everything, and what is signed.
func readLines(v replay.Verdict) (lines []string) {
	if v.SegmentsEarlier+v.SegmentsSampled > 0 {
		text := fmt.Sprintf("%s read now; of %s proved earlier %d read again", count(int64(v.SegmentsRead), "segment"),
			count(int64(v.SegmentsEarlier+v.SegmentsSampled), "segment"), v.SegmentsSampled)
		if v.Seed != 0 {
			text += fmt.Sprintf(" (--sample %s%% --seed %d)", strconv.FormatFloat(v.Share*100, 'g', 4, 64), v.Seed)
		}
		lines = append(lines, text+", the others known by name, length and time")
	}
	for _, h := range v.Heads {
		lines = append(lines, headLine(h))
	}
	return lines
}

// headLine says until where a partition is signed.
func headLine(h replay.HeadVerdict) string {
	what := fmt.Sprintf("partition %d: ", h.Partition)
	if h.Kept {
		what = fmt.Sprintf("partition %d, head kept elsewhere: ", h.Partition)
	}
	if !h.Held {
		return what + "NOT AS SIGNED: " + h.Why
	}
	text := fmt.Sprintf("%ssigned below offset %d at %s with the key %s", what, h.Next, clock(h.At), h.Key)
	switch {
	case h.Kept:
		return text
	case h.Behind.Bytes == 0:
		return text + ", to its end"
	}
	return text + fmt.Sprintf("; %s and %s that were appended in the %s since are not signed yet", entries(h.Entries), count(h.Behind.Bytes, "byte"), shortDuration(time.Duration(h.Age*float64(time.Second))))
}

func entries(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return thousands(n) + " entries"
}
