package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"rewind/replay"
	"rewind/table"
)

func (a *app) pointsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "points [TABLE...]",
		Short: "The restore points of a table",
		Long: `Lists the restore points of the tables named, or of every table that has a journal: what rewind can bring back.

It reads the journal alone: neither Kafka nor Impala need to be there.`,
		Example: `  rewind points shop.orders
  rewind points shop.orders --json`,
		ValidArgsFunction: a.completeTables(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.loadConfig()
			if err != nil {
				return err
			}
			names, err := a.journaled(c, args)
			if err != nil {
				return err
			}
			for i, name := range names {
				if i > 0 && !a.json {
					fmt.Fprintln(a.stdout)
				}
				if err := a.points(c, name); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// journaled is the tables that args name, or those that have a journal.
func (a *app) journaled(c *config, args []string) ([]table.Name, error) {
	if len(args) > 0 {
		names := make([]table.Name, len(args))
		for i, arg := range args {
			name, err := parseTable(arg)
			if err != nil {
				return nil, err
			}
			names[i] = name
		}
		return names, nil
	}
	names, err := replay.Tables(c.journalDir(), a.replayOptions(c, nil))
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, &codedError{code: exitNothing, message: "there is no journal in " + c.journalDir(),
			hint: "a table has one once it was captured (rewind produce) and journaled (rewind consume)"}
	}
	return names, nil
}

func (c *config) journalDir() string { return filepath.Join(c.Data, "journal") }

// replayOptions say where replay works; m may be nil.
func (a *app) replayOptions(c *config, m *meter) replay.Options {
	o := replay.Options{FS: a.fs, Logger: a.log, Data: c.Data, Keys: c.Encryption.keys, ReadOnly: a.showsOnly}
	key, err := c.verifyKey()
	if err != nil {
		a.log.Warn("what retention dropped is not held to its signature", "error", err)
	}
	o.CutKey = key
	if m != nil {
		o.Progress = func(p replay.Progress) { m.reportIn(p.Bytes, p.Stage, p.Rows, p.Total) }
	}
	return o
}

// openJournal opens a table's journal, which must have a restore point.
func (a *app) openJournal(c *config, name table.Name, m *meter) (*replay.Journal, error) {
	j, err := replay.Open(c.journalDir(), name, a.replayOptions(c, m))
	if err != nil {
		return nil, err
	}
	if len(j.Points()) == 0 {
		if _, configured := c.table(name); !configured && j.Damage() == nil {
			return nil, a.neverCaptured(c, name)
		}
		return nil, j.NoPoints()
	}
	return j, nil
}

// neverCaptured is the error about a table that is neither configured nor in a journal: its name may be mistyped.
func (a *app) neverCaptured(c *config, name table.Name) error {
	none := &replay.NoPointsError{Table: name}
	hint := none.Hint()
	if names, err := replay.Tables(c.journalDir(), a.replayOptions(c, nil)); err == nil && len(names) > 0 {
		hint = `is the name right? "rewind points" lists every table that has one`
	}
	return &codedError{code: none.ExitCode(), message: none.Error(), hint: hint}
}

func (a *app) points(c *config, name table.Name) error {
	j, err := a.openJournal(c, name, nil)
	if err != nil {
		a.onlyGaps(c, name)
		return err
	}
	points, gaps := j.Points(), j.GapsInTime()
	if a.json {
		if err := a.printPointLines(name, points, gaps); err != nil {
			return err
		}
		if d := j.Dropped(); d != nil {
			if err := a.printJSON(droppedLine{name.String(), d}); err != nil {
				return err
			}
		}
		return j.Damage()
	}
	fmt.Fprintf(a.stdout, "%s: %s%s\n\n", name, count(int64(len(points)), "restore point"), gapCount(gaps))
	if width := terminalWidth(a.stdout); width > 0 && width < pointsWidth {
		printPointsNarrow(a.stdout, points, gaps)
	} else {
		printPoints(a.stdout, points, gaps)
	}
	a.printDropped(j.Dropped())
	printReasons(a.stdout, points)
	a.printGaps(name, gaps)
	return j.Damage()
}

// droppedLine is what retention dropped, as --json prints it.
type droppedLine struct {
	Table   string          `json:"table"`
	Dropped *replay.Dropped `json:"dropped"`
}

// printDropped says what retention dropped before the points that there are.
func (a *app) printDropped(d *replay.Dropped) {
	if d == nil {
		return
	}
	fmt.Fprintf(a.stdout, "\ndropped by retention on %s: %s, %s (%s); what was to be kept: %s\n", clock(d.At), count(d.Points, "restore point"),
		count(d.Segments, "segment"), byteText(d.Bytes), d.Kept)
}

func provedText(p *replay.Proof) string {
	if p == nil {
		return "not yet"
	}
	return p.How
}

// printReasons says below the table where the schema changed, and why a point behind the first builds on nothing.
func printReasons(w io.Writer, points []replay.Point) {
	first := true
	say := func(format string, args ...any) {
		if first {
			fmt.Fprintln(w)
			first = false
		}
		fmt.Fprintf(w, format+"\n", args...)
	}
	for i, p := range points {
		if p.Base {
			say("%d is the base: the journal begins with its rows", p.ID)
		}
		if p.SchemaChange != "" {
			say("%d: %s", p.ID, p.SchemaChange)
		}
		if i > 0 && p.BaselineReason != "" {
			say("%d is a new baseline: %s", p.ID, p.BaselineReason)
		}
	}
}
