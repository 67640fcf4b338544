package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// printJSON writes one result as one line.
func (a *app) printJSON(result any) error {
	line, err := json.Marshal(result)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s\n", line)
	return err
}

// grid is a table of text on stdout: no colour, no borders, nothing cut off, so that it pipes well.
type grid struct{ writer table.Writer }

func newGrid(columns ...any) *grid {
	w := table.NewWriter()
	style := table.StyleLight
	style.Options = table.Options{SeparateHeader: true}
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Format.Header = 0
	w.SetStyle(style)
	w.SuppressTrailingSpaces()
	w.AppendHeader(table.Row(columns))
	return &grid{w}
}

// rightAlign aligns columns of numbers; columns count from 1.
func (g *grid) rightAlign(columns ...int) {
	var configs []table.ColumnConfig
	for _, n := range columns {
		configs = append(configs, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	g.writer.SetColumnConfigs(configs)
}

func (g *grid) add(cells ...any) { g.writer.AppendRow(table.Row(cells)) }

func (g *grid) print(w io.Writer) { fmt.Fprintln(w, g.writer.Render()) }

// printBare prints without the header.
func (g *grid) printBare(w io.Writer) {
	g.writer.ResetHeaders()
	g.print(w)
}

// isTerminal says whether w is a terminal.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// terminalWidth is how many columns w shows; 0 where it is no terminal.
func terminalWidth(w any) int {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			return width
		}
	}
	return 0
}

// thousands writes 1234567 as 1,234,567.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// count is "1 row", "1,234 rows".
func count(n int64, noun string) string { return thousands(n) + " " + plural(n, noun) }

// stageText says how long a stage took, and how fast it was where it went through rows.
func stageText(rows int64, took time.Duration) string {
	if rows == 0 {
		return shortDuration(took)
	}
	return rate(rows, took)
}

// rate is "n rows in t (r rows/s)".
func rate(rows int64, took time.Duration) string {
	text := fmt.Sprintf("%s in %s", count(rows, "row"), shortDuration(took))
	if rows >= 1000 && took > 0 {
		text += fmt.Sprintf(" (%s rows/s)", thousands(int64(float64(rows)/took.Seconds())))
	}
	return text
}

func plural(n int64, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

// shortDuration keeps three or so digits.
func shortDuration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}
