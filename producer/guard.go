package producer

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"rewind/table"
)

// Guard says how much of a table may be gone, or be another, since its last snapshot. What is beyond it is not published: an
// accident would become the newest restore point, and a broken source would look like an empty table. Its zero value refuses a
// table of which more than half of the rows are gone.
//
// The shares count from fewRows rows on: of a table of three rows one is a third of it, and whoever is refused over that turns the
// guard off. That a table is empty which was not is refused whatever its size.
type Guard struct {
	Deletes Limit // zero: 50 %; a table that was emptied is refused with any share, also with 100 %
	Changes Limit // rows with another content; zero: off
}

// fewRows: a smaller table is guarded only against being emptied.
const fewRows = 20

// Limit is a share of a table's rows, or none; its zero value is the default of what it limits.
type Limit struct {
	kind       limitKind
	thousandth int64 // of a percent
}

type limitKind uint8

const (
	share limitKind = iota + 1
	off
)

const whole = 100_000 // thousandths of a percent

// defaultDeletes is the limit of deletes.
var defaultDeletes = Limit{share, whole / 2} //nolint:gochecknoglobals // a constant

// ParseLimit reads "50%", "0.5%" or "off".
func ParseLimit(text string) (Limit, error) {
	if text == "off" {
		return Limit{kind: off}, nil
	}
	digits, percent := strings.CutSuffix(text, "%")
	before, after, point := strings.Cut(digits, ".")
	n, err := strconv.ParseUint(before+(after + "000")[:3], 10, 32)
	if !percent || err != nil || before == "" || len(after) > 3 || point == (after == "") || n > whole || strings.ContainsAny(digits, "+-_") {
		return Limit{}, fmt.Errorf("a limit is written 50%%, 0.5%% or off, not %q", text)
	}
	return Limit{share, int64(n)}, nil
}

// IsZero says that it is the default.
func (l Limit) IsZero() bool { return l == Limit{} }

// String is what ParseLimit reads; "" for the zero value.
func (l Limit) String() string {
	switch l.kind {
	case share:
		return percent(l.thousandth)
	case off:
		return "off"
	}
	return ""
}

// WithDefaults puts the defaults in the place of zeros.
func (g Guard) WithDefaults() Guard {
	if g.Deletes.IsZero() {
		g.Deletes = defaultDeletes
	}
	if g.Changes.IsZero() {
		g.Changes = Limit{kind: off}
	}
	return g
}

// exceeded says whether n of so many rows are more than the share.
func (l Limit) exceeded(n, of int64) bool {
	if l.kind != share || of < fewRows {
		return false
	}
	leftHigh, left := bits.Mul64(uint64(n), whole)
	rightHigh, right := bits.Mul64(uint64(of), uint64(l.thousandth))
	return leftHigh > rightHigh || leftHigh == rightHigh && left > right
}

// percent writes thousandths of a percent.
func percent(n int64) string {
	text := fmt.Sprintf("%d.%03d", n/1000, n%1000)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".") + "%"
}

// compared is what a scan found beside the last snapshot.
type compared struct {
	before, now   int64 // rows
	same, changed int64 // rows of a key that was there: alike, and not
	byKey         bool  // else nothing is known but the numbers of rows
	images        bool  // the rows' content was compared too
	pairs         bool  // an update is a delete and a create: the key is the whole row
}

// deleted is how many rows are gone; without keys to compare, at least so many.
func (c compared) deleted() int64 {
	if !c.byKey || c.pairs {
		return max(0, c.before-c.now)
	}
	return c.before - c.same - c.changed
}

// updated is how many rows have another content; 0 where that cannot be known.
func (c compared) updated() int64 {
	if c.byKey && c.pairs {
		return min(c.before, c.now) - c.same
	}
	return c.changed
}

// GuardError: more of the table is gone, or is another, than may be. Nothing was published.
type GuardError struct {
	Table    table.Name
	Before   int64 // rows of the last snapshot
	Now      int64 // rows that the table has
	Deleted  int64 // at least, where AtLeast
	Updated  int64
	AtLeast  bool   // the rows could not be compared by their keys
	What     string // "deletes" or "changes": what is beyond its limit
	Limit    Limit
	Restored bool  // a restore was put in the table's place since the last snapshot
	Snapshot int64 // the last one's id
	LastRead int64 // when its read had ended, microseconds UTC; 0: not known
}

func (e *GuardError) Error() string {
	last := fmt.Sprintf("since the last snapshot, %d", e.Snapshot)
	if e.LastRead != 0 {
		last += ", read until " + formatMicros(e.LastRead)
	}
	if e.Now == 0 {
		return fmt.Sprintf("%s: refused by the guard: the table is empty; all of its %s are gone %s", e.Table, rows(e.Before), last)
	}
	n, verb := e.Deleted, "are gone"
	if e.What == guardChanges {
		n, verb = e.Updated, "were changed"
	}
	least := ""
	if e.AtLeast {
		least = "at least "
	}
	others := fmt.Sprintf("it has %s now", rows(e.Now))
	switch {
	case e.What == guardChanges:
		others += fmt.Sprintf(", %s are gone", thousands(e.Deleted))
	case !e.AtLeast:
		others += fmt.Sprintf(", %s were changed", thousands(e.Updated))
	}
	return fmt.Sprintf("%s: refused by the guard: %s%s of %s %s (%s, the limit is %s) %s; %s", e.Table, least, thousands(n), rows(e.Before), verb,
		shareText(n, e.Before), e.Limit, last, others)
}

// ExitCode is "refused by a guard".
func (e *GuardError) ExitCode() int { return 6 }

// Hint says what to do.
func (e *GuardError) Hint() string {
	accident := fmt.Sprintf(" If it is an accident: rewind restore %s --at %d --replace.", e.Table, e.Snapshot)
	if e.Restored { // what was captured last may be what was put away
		accident = fmt.Sprintf(" A restore was put in the table's place since: rewind points %s shows what there is to go back to.", e.Table)
	}
	flag := "--allow-mass-delete"
	if e.What == guardChanges {
		flag = "--allow-mass-change"
	}
	return fmt.Sprintf("nothing was published, and every restore point stands.%s If it is meant: rewind produce %s %s, once (guard.%s in the configuration sets the limit)",
		accident, e.Table, flag, e.What)
}

// What a guard limits, as the configuration calls it.
const (
	guardDeletes = "deletes"
	guardChanges = "changes"
)

// shareText is a share for people, rounded so that what is beyond a limit is not shown as the limit itself.
func shareText(n, of int64) string {
	return percent(int64(float64(n) / float64(of) * whole))
}

func rows(n int64) string {
	if n == 1 {
		return "1 row"
	}
	return thousands(n) + " rows"
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// check holds what a scan found against the limits.
func (g Guard) check(c compared) *GuardError {
	g = g.WithDefaults()
	e := &GuardError{Before: c.before, Now: c.now, Deleted: c.deleted(), Updated: c.updated(), AtLeast: !c.byKey}
	switch {
	case c.before == 0:
		return nil
	case g.Deletes.kind != off && c.now == 0, g.Deletes.exceeded(e.Deleted, c.before):
		e.What, e.Limit = guardDeletes, g.Deletes
		return e
	case g.Changes.exceeded(e.Updated, c.before):
		e.What, e.Limit = guardChanges, g.Changes
		return e
	}
	return nil
}

// guard refuses what a scan found, before anything of it is published. What is allowed for this once stands in the report.
func (c *capture) guard(t *term, found compared) error {
	last := c.last(t)
	if !found.byKey {
		found.before = last.Rows
	}
	limits := c.options.Guard
	for {
		e := limits.check(found)
		if e == nil {
			return nil
		}
		e.Table, e.Snapshot, e.LastRead, e.Restored = c.name, last.Snapshot, last.ReadEnded, c.restoredSince(t)
		switch {
		case e.Restored && e.Now > 0 && e.What == guardDeletes:
			limits.Deletes = Limit{kind: off}
		case e.Restored && e.Now > 0:
			limits.Changes = Limit{kind: off}
		case e.What == guardDeletes && c.options.AllowMassDelete:
			limits.Deletes = Limit{kind: off}
		case e.What == guardChanges && c.options.AllowMassChange:
			limits.Changes = Limit{kind: off}
		default:
			return e
		}
		c.report.Allowed = append(c.report.Allowed, e)
		c.logger.Info("capture: allowed for this once", "guard", e.Error())
	}
}

// restoredSince says whether a restore was put in the table's place since the last snapshot: somebody asked for what the table is
// now, and who is refused over that would put the accident back, or go on without captures. Nothing excuses an empty table: an
// accident may have come behind the restore.
func (c *capture) restoredSince(t *term) bool {
	if t.current == nil || t.current.Restore == nil { // nobody noted it
		return false
	}
	return c.definition.Restore != "" && c.definition.Restore != *t.current.Restore
}

// last is the last committed snapshot as far as anybody here knows of it: the topic, the snapshot file, the journal.
func (c *capture) last(t *term) LastPoint {
	s := &t.states[0]
	if s.committed != 0 {
		return LastPoint{Snapshot: s.committed, ReadEnded: s.ended, Rows: s.rows}
	}
	if t.current != nil && t.current.Snapshot > c.options.LastPoint.Snapshot {
		return LastPoint{Snapshot: t.current.Snapshot}
	}
	return c.options.LastPoint
}
