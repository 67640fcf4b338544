package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"rewind/replay"
)

func TestThousands(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234", -123: "-123"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestRate(t *testing.T) {
	for _, c := range []struct {
		rows int64
		took time.Duration
		want string
	}{
		{1, 1500 * time.Microsecond, "1 row in 2ms"},
		{50, 2 * time.Second, "50 rows in 2s"},
		{100_000, 250 * time.Millisecond, "100,000 rows in 250ms (400,000 rows/s)"},
		{100_000, 0, "100,000 rows in 0s"},
	} {
		if got := rate(c.rows, c.took); got != c.want {
			t.Errorf("%d in %v: %q, want %q", c.rows, c.took, got, c.want)
		}
	}
}

func TestGridIsPlainText(t *testing.T) {
	g := newGrid("id", "Name")
	g.rightAlign(1)
	g.add(1, "Alice with a name that is longer than any terminal would like it to be, and goes on and on and on and on and on")
	g.add(22, "Bob")
	var out bytes.Buffer
	g.print(&out)
	want := "id  Name\n" +
		strings.Repeat("─", 117) + "\n" +
		" 1  Alice with a name that is longer than any terminal would like it to be, and goes on and on and on and on and on\n" +
		"22  Bob\n"
	if out.String() != want {
		t.Errorf("got\n%q\nwant\n%q", out.String(), want)
	}
}

func TestExitCodes(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		err  error
		want int
	}{
		{errors.New("plain"), exitFailed},
		{usageErrorf("hint").because(errors.New("x")), exitUsage},
		{fmt.Errorf("wrapped: %w", &replay.SpecError{}), exitUsage},
		{fmt.Errorf("wrapped: %w", &codedError{code: exitRefused, cause: errors.New("x")}), exitRefused},
		{errors.Join(errors.New("a"), &codedError{code: exitCorrupt}), exitCorrupt},
		{fmt.Errorf("put: %w", exec.Command("false").Run()), exitFailed},
	} {
		if got := exitCode(ctx, c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if got := exitCode(cancelled, context.Canceled); got != exitInterrupted {
		t.Errorf("interrupted: %d", got)
	}
}

func TestSomeFailed(t *testing.T) {
	ctx := context.Background()
	locked, refused := &codedError{code: exitLocked}, &codedError{code: exitRefused}
	for _, c := range []struct {
		failed []error
		of     int
		want   int
	}{
		{[]error{locked}, 2, exitPartial},
		{[]error{locked, locked}, 2, exitLocked},
		{[]error{locked, refused}, 2, exitFailed},
	} {
		if got := exitCode(ctx, someFailed(c.failed, c.of, "captured")); got != c.want {
			t.Errorf("%v of %d: %d, want %d", c.failed, c.of, got, c.want)
		}
	}
	if someFailed(nil, 3, "captured") != nil {
		t.Error("nothing failed, and yet an error")
	}
}

// TestPointsFitANarrowTerminal says all of the table in lines of eighty columns.
func TestPointsFitANarrowTerminal(t *testing.T) {
	point := replay.Point{ID: 1795424400000000, ReadBegan: time.UnixMicro(1795424400000000), ReadEnded: time.UnixMicro(1795424400001000), Rows: 123_456_789,
		Counts: replay.Counts{Creates: 12_345_678, Updates: 12_345_678, Deletes: 12_345_678}, Schema: "r_b1f1f94aac26da97", Bytes: 98_765_432_100}
	var out strings.Builder
	printPointsNarrow(&out, []replay.Point{point}, nil)
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(line); n > lineWidth {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for _, want := range []string{"1795424400000000  123,456,789 rows\n", "read 2026-11-23T09:00:00.000000Z to 2026-11-23T09:00:00.001000Z\n", "12,345,678 updated", "98,765,432,100 bytes", "not yet"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not said:\n%s", want, &out)
		}
	}
}

// TestProvedLineFitsANarrowTerminal says all of the line in lines of eighty columns.
func TestProvedLineFitsANarrowTerminal(t *testing.T) {
	point := replay.Point{ID: 1795421439028901, Rows: 123_456_789, DigestText: "123456789:62fc0f1bda402da5:77f31dc3642ad37c"}
	wide := provedLine(point, "recomputed from the changes", false)
	narrow := provedLine(point, "recomputed from the changes", true)
	if len(strings.TrimSpace(wide)) > verdictWidth-2 || strings.Count(wide, "\n") != 1 {
		t.Errorf("wide: %q", wide)
	}
	for line := range strings.Lines(narrow) {
		if len(strings.TrimRight(line, "\n")) > lineWidth {
			t.Errorf("too long: %q", line)
		}
	}
	for word := range strings.FieldsSeq(wide) {
		if !strings.Contains(narrow, word) {
			t.Errorf("%s is not in %q", word, narrow)
		}
	}
}
