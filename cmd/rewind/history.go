package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rewind/replay"
)

func (a *app) historyCommand() *cobra.Command {
	var key string
	var allColumns bool
	cmd := &cobra.Command{
		Use:   "history TABLE --key COLUMN=VALUE[,COLUMN=VALUE...]",
		Short: "What one row was, from restore point to restore point",
		Long: `Shows the versions of one row, oldest first: what changed, and between which two captures.

A capture sees what the table is, not what happened: a change that came and went between two captures is not seen, and
the journal says between when a change was made, never by whom.

Of a table without a key (key: ['*']) --key names every column that is not NULL, and what is shown is when rows that are
equal in all of them came and went: such a row is never updated, it goes and another one comes.

Where retention has dropped restore points it says so, for what a row was before is not known any more. Where the journal is
damaged, what stands before the damage is shown, and it ends with 5 as points does.`,
		Example: `  rewind history shop.orders --key order_id=42,line=1
  rewind history shop.events --key 'at="2026-11-23 09:00:00",kind=login'
  rewind history shop.orders --key order_id=42,line=1 --json`,
		Args:              exactArgs(1),
		ValidArgsFunction: a.completeTables(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if key == "" {
				return usageErrorf("--key order_id=42,line=1 names every key column").because(fmt.Errorf("--key is missing"))
			}
			c, err := a.loadConfig()
			if err != nil {
				return err
			}
			name, err := parseTable(args[0])
			if err != nil {
				return err
			}
			m := a.newMeter()
			defer m.stop()
			j, err := a.openJournal(c, name, m)
			if err != nil {
				return err
			}
			h, err := j.RowHistory(cmd.Context(), key)
			m.stop()
			if err != nil {
				return err
			}
			return a.printHistory(h, j.Dropped(), j.Damage(), allColumns)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "the row's key: every key column and its value; without a key every column that is not NULL")
	cmd.Flags().BoolVar(&allColumns, "all-columns", false, "show every column, not only those that changed")
	return cmd
}

// printHistory shows what was found, and what could not be: because it was dropped, or because the journal is damaged, which is the error then.
func (a *app) printHistory(h replay.History, dropped *replay.Dropped, damage error, allColumns bool) error {
	var err error
	if a.json {
		err = a.printHistoryLines(h, dropped, damage)
	} else {
		a.printVersions(h, damage, allColumns)
		a.printDropped(dropped)
		for _, d := range splitErrors(damage) {
			fmt.Fprintf(a.stdout, "\nnot searched: what stands behind %s %s\n", paint(a.stdout, colorBad, "damage:"), d)
		}
	}
	if err != nil || damage != nil || len(h.Versions) > 0 {
		return cmp.Or(err, damage)
	}
	none := &codedError{code: exitNothing, message: fmt.Sprintf("%s has no row with %s in any restore point", h.Table, h.Key),
		hint: "rewind points " + h.Table + " lists what was searched"}
	if dropped != nil {
		none.message += " that is left; what came before was dropped by retention on " + clock(dropped.At)
		none.hint += "; what was dropped is in no journal, only in copies that were kept elsewhere"
	}
	return none
}

// historyLine is a version as --json prints it.
type historyLine struct {
	Table string `json:"table"`
	Key   string `json:"key"`
	replay.Version
}

// damageLine is what of a table's journal could not be searched.
type damageLine struct {
	Table  string   `json:"table"`
	Damage []string `json:"damage"`
}

func (a *app) printHistoryLines(h replay.History, dropped *replay.Dropped, damage error) error {
	for _, v := range h.Versions {
		if err := a.printJSON(historyLine{h.Table, h.Key, v}); err != nil {
			return err
		}
	}
	if dropped != nil {
		if err := a.printJSON(droppedLine{h.Table, dropped}); err != nil {
			return err
		}
	}
	if damage == nil {
		return nil
	}
	line := damageLine{Table: h.Table}
	for _, d := range splitErrors(damage) {
		line.Damage = append(line.Damage, d.Error())
	}
	return a.printJSON(line)
}

func (a *app) printVersions(h replay.History, damage error, allColumns bool) {
	if len(h.Versions) > 0 || damage != nil {
		fmt.Fprintf(a.stdout, "%s, %s: %s\n", h.Table, h.Key, count(int64(len(h.Versions)), "version"))
	}
	current := "is so in the newest restore point"
	if damage != nil {
		current = "is so in the newest restore point before the damage"
	}
	for len(h.Versions) > 0 {
		n := alike(h.Versions)
		fmt.Fprintln(a.stdout)
		printVersion(a.stdout, h.Versions[0], equalText(h.Versions[:n]), current, allColumns)
		h.Versions = h.Versions[n:]
	}
	for _, unread := range h.Unread {
		fmt.Fprintf(a.stdout, "\nnot searched: %s\n", unread)
	}
}

// opNames are the ops as people say them.
var opNames = map[string]string{"r": "first seen", "c": "created", "u": "updated", "d": "deleted"}

// alike is how many of the first versions are the same but for which of the equal rows they are of.
func alike(versions []replay.Version) int {
	first := versions[0]
	n := 1
	for ; n < len(versions); n++ {
		v, before := versions[n], versions[n-1]
		if first.EqualRow == 0 || v.EqualRow != before.EqualRow+1 || v.Snapshot != first.Snapshot || v.Op != first.Op ||
			v.Op == "u" || v.Inferred != first.Inferred || v.Current != first.Current || !v.LastSeen.Equal(first.LastSeen) {
			break
		}
	}
	return n
}

// equalText says which of the rows that equal each other versions are of; nothing of a table with a key.
func equalText(versions []replay.Version) string {
	first, last := versions[0].EqualRow, versions[len(versions)-1].EqualRow
	switch first {
	case 0:
		return ""
	case last:
		return fmt.Sprintf(", equal row %d", first)
	}
	return fmt.Sprintf(", equal rows %d to %d", first, last)
}

func printVersion(w io.Writer, v replay.Version, equal, current string, allColumns bool) {
	inferred := ""
	gone := goneColumns(v)
	switch {
	case v.Inferred && len(gone) > 0:
		inferred = " (by a change of the table's columns)"
	case v.Inferred:
		inferred = " (inferred from a new baseline)"
	}
	between := "by " + clock(v.FirstSeen)
	if !v.NotBefore.IsZero() {
		between = fmt.Sprintf("between %s and %s", clock(v.NotBefore), clock(v.FirstSeen))
	}
	fmt.Fprintf(w, "%s\n  restore point %d\n", paint(w, colorHead, opNames[v.Op]+equal+" "+between+inferred), v.Snapshot)
	before := map[string]replay.Cell{}
	for _, cell := range v.Before {
		before[cell.Column] = cell
	}
	cells := v.After
	if v.Op == "d" {
		cells = v.Before
	}
	for _, cell := range cells {
		old, had := before[cell.Column]
		switch {
		case v.Op == "u" && cell.Changed && had:
			fmt.Fprintf(w, "  %s: %s → %s\n", cell.Column, cellText(old), paint(w, colorHint, cellText(cell)))
		case v.Op != "u" || allColumns || cell.Changed:
			fmt.Fprintf(w, "  %s: %s\n", cell.Column, cellText(cell))
		}
	}
	for _, cell := range gone {
		fmt.Fprintf(w, "  %s: %s → the column is gone\n", cell.Column, cellText(cell))
	}
	switch {
	case v.Op == "d":
	case v.Current:
		fmt.Fprintln(w, "  "+current)
	default:
		fmt.Fprintf(w, "  last seen so at %s\n", clock(v.LastSeen))
	}
}

// goneColumns are the values that an update lost together with their columns, or under the columns' old names.
func goneColumns(v replay.Version) (gone []replay.Cell) {
	if v.Op != "u" {
		return nil
	}
	for _, was := range v.Before {
		if was.Value != nil && !slices.ContainsFunc(v.After, func(c replay.Cell) bool { return c.Column == was.Column }) {
			gone = append(gone, was)
		}
	}
	return gone
}

// clock writes a time in UTC to the microsecond, in a form that --at takes: what is shown can be pasted.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// cellText shows a value so that NULL and the text NULL differ.
func cellText(c replay.Cell) string {
	if c.Value == nil {
		return "NULL"
	}
	switch base, _, _ := strings.Cut(c.Type, "("); base {
	case "STRING", "VARCHAR", "CHAR", "BINARY":
		return fmt.Sprintf("%q", *c.Value)
	}
	return *c.Value
}
