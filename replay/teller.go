package replay

import (
	"fmt"
	"slices"
	"time"

	"rewind/change"
	"rewind/table"
)

// teller makes versions out of restore points in order.
type teller struct {
	Versions []Version
	Searched int
	last     time.Time // read_began of the restore point before
	alive    bool      // the row is there
	cells    []Cell    // of the row, while it is
	image    []byte    // the same, as it was read
	rows     *table.Schema
}

// tell takes the next restore point and the key's change in it, if there is one.
func (t *teller) tell(p Point, h hit) error {
	defer func() { t.last = p.ReadBegan }()
	first := t.Searched == 0
	t.Searched++
	before, after, err := h.cells()
	if err != nil {
		return fmt.Errorf("snapshot %d: %w", p.ID, err)
	}
	v := Version{
		Snapshot: p.ID, NotBefore: t.last, FirstSeen: p.ReadEnded, Schema: p.Schema, Op: h.op.String(), Before: before, After: after,
	}
	switch {
	case (p.IsBaseline() || p.Base) && h.op != 0:
		t.baseline(v, h, first)
	case (p.IsBaseline() || p.Base) && t.alive:
		v.Op, v.Inferred, v.Before = change.Delete.String(), true, t.cells
		t.add(v, hit{})
	case h.op != 0:
		t.add(v, h)
	case t.alive && p.SchemaIdentity != t.rows.Identity():
		return t.altered(v, p.TableSchema())
	case len(t.Versions) > 0:
		t.Versions[len(t.Versions)-1].LastSeen = p.ReadEnded
	}
	return nil
}

// altered takes the row, of which no change says anything, through a change of the table's schema: a column that went took
// its value along, one that was renamed has it under another name, and that shows. A value that is only wider written is the same.
func (t *teller) altered(v Version, to *table.Schema) error {
	project, err := table.NewProjection(t.rows, to)
	if err != nil {
		return err
	}
	h := hit{rows: to, op: change.Update}
	if h.after, err = project.AppendImage(nil, t.image); err != nil {
		return err
	}
	_, v.After, err = h.cells()
	if err != nil {
		return err
	}
	if !showsIn(t.rows, t.cells, to) {
		t.stay(v, h)
		return nil
	}
	v.Op, v.Inferred, v.Before = h.op.String(), true, t.cells
	t.add(v, h)
	return nil
}

// showsIn says whether a row's values, which are not changed, look otherwise under another schema.
func showsIn(from *table.Schema, cells []Cell, to *table.Schema) bool {
	for i, c := range from.Columns {
		if is, found := to.Column(c.ID); cells[i].Value != nil && (!found || is.Name != c.Name) {
			return true
		}
	}
	return false
}

// stay notes that the row is what it was.
func (t *teller) stay(v Version, h hit) {
	t.Versions[len(t.Versions)-1].LastSeen = v.FirstSeen
	t.cells, t.image, t.rows = v.After, h.after, h.rows
}

// baseline takes the row as a baseline shows it: the same as before, changed, or new.
func (t *teller) baseline(v Version, h hit, first bool) {
	switch {
	case first:
	case !t.alive:
		v.Op, v.Inferred = change.Create.String(), true
	case sameCells(t.cells, v.After):
		t.stay(v, h)
		return
	default:
		v.Op, v.Inferred, v.Before = change.Update.String(), true, t.cells
	}
	t.add(v, h)
}

func (t *teller) add(v Version, h hit) {
	v.LastSeen = v.FirstSeen
	if v.Before != nil && v.After != nil {
		markChanged(v.Before, v.After)
	}
	t.Versions = append(t.Versions, v)
	t.cells, t.alive, t.image, t.rows = slices.Clone(v.After), v.After != nil, h.after, h.rows
	for i := range t.cells {
		t.cells[i].Changed = false
	}
}

// finish marks the version that is there now.
func (t *teller) finish(newest Point) {
	if t.alive {
		last := &t.Versions[len(t.Versions)-1]
		last.Current = last.LastSeen.Equal(newest.ReadEnded)
	}
}

// unread says what could not be searched.
func (j *Journal) unread() (why []string) {
	for _, g := range j.Gaps() {
		for _, l := range g.Lost {
			why = append(why, fmt.Sprintf("snapshot %d, read until %s, is lost in a gap: %s", l.ID, stamp(l.ReadEnded), g.Reason))
		}
		if g.Unknown {
			why = append(why, fmt.Sprintf("what else was committed in a gap from %s on: %s", stamp(g.From), g.Reason))
		}
	}
	if damage := j.Damage(); damage != nil {
		why = append(why, "what the journal holds behind damage: "+damage.Error())
	}
	return why
}

// cells decodes a hit's images.
func (h hit) cells() (before, after []Cell, err error) {
	if h.op == 0 {
		return nil, nil, nil
	}
	codec, err := table.NewCodec(h.rows)
	if err != nil {
		return nil, nil, err
	}
	if before, err = cellsOf(codec, h.before); err != nil {
		return nil, nil, err
	}
	after, err = cellsOf(codec, h.after)
	return before, after, err
}

func cellsOf(codec *table.Codec, image []byte) ([]Cell, error) {
	if image == nil {
		return nil, nil
	}
	columns := codec.Schema().Columns
	values := make([]table.Value, len(columns))
	if err := codec.Decode(image, values); err != nil {
		return nil, err
	}
	cells := make([]Cell, len(columns))
	for i, c := range columns {
		cells[i] = Cell{Column: c.Name, Type: c.Type.String()}
		if !values[i].Null {
			text := c.Type.Format(values[i])
			cells[i].Value = &text
		}
	}
	return cells, nil
}

// sameCells compares rows of schemas that may differ: a column that one of them lacks counts as NULL.
func sameCells(a, b []Cell) bool {
	return !slices.ContainsFunc(a, func(c Cell) bool { return !sameValue(c, b) }) &&
		!slices.ContainsFunc(b, func(c Cell) bool { return !sameValue(c, a) })
}

func sameValue(c Cell, in []Cell) bool {
	i := slices.IndexFunc(in, func(other Cell) bool { return other.Column == c.Column })
	switch {
	case i < 0 || in[i].Value == nil:
		return c.Value == nil
	case c.Value == nil:
		return false
	}
	return *in[i].Value == *c.Value
}

func markChanged(before, after []Cell) {
	for i := range after {
		after[i].Changed = !sameValue(after[i], before)
	}
}
