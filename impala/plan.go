package impala

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"rewind/table"
)

// The plans list every statement that a piece of work would send, in order, each session's options included. They change nothing,
// and ask the engine only for what the statements are made of.

// sessionPlan is the statements with which a session begins.
func (db *DB) sessionPlan(name table.Name, extra []property) []string {
	var plan []string
	for _, p := range append(db.sessionOptions(name), extra...) {
		plan = append(plan, setSQL(p.key, p.value))
	}
	return plan
}

// PlanOpen lists the statements of Open.
func (db *DB) PlanOpen() []string { return db.sessionPlan(table.Name{}, nil) }

// PlanLook lists the statements of RestoreID.
func (db *DB) PlanLook(name table.Name) []string {
	return append(db.sessionPlan(name, nil), describeFormattedSQL(name))
}

// PlanRename lists the statements of Rename.
func (db *DB) PlanRename(from, to table.Name) []string {
	return append(db.sessionPlan(from, restoreSession()), renameSQL(from, to))
}

// PlanDrop lists the statements of Drop.
func (db *DB) PlanDrop(name table.Name) []string {
	return append(db.sessionPlan(name, restoreSession()), describeFormattedSQL(name), dropSQL(name))
}

// PlanDigest lists the statements of Digest: one that the engine computes it by, or one that reads the rows back, as its functions are.
func (db *DB) PlanDigest(ctx context.Context, name table.Name, s *table.Schema) ([]string, error) {
	proof, err := db.planProof(ctx, name, s)
	return append(db.sessionPlan(name, nil), proof...), err
}

func (db *DB) planProof(ctx context.Context, name table.Name, s *table.Schema) ([]string, error) {
	able, err := db.ProvesInEngine(ctx)
	if err != nil {
		return nil, err
	}
	if able {
		return []string{probeSQL(), digestSQL(name, s)}, nil
	}
	renamed := *s
	renamed.Table = name
	return []string{probeSQL(), scanSQL(&renamed, false)}, nil
}

// Streams says by how many ranges of keys a capture reads a table at once.
type Streams struct {
	Most   int                                   // below 2: the table is read by one SELECT
	Bounds func(*table.Schema) ([][]byte, error) // the keys between the ranges; nil: they are not known before
}

// What of a plan is not known before.
const (
	instantToCome = "<the time that the engine tells then, in microseconds>"
	rangeToCome   = "<range %d of %d of the keys>"
)

// PlanCapture lists the statements of Describe, Estimate, Pin, Rows and Altered, and gives the definition that Describe would. last is the table's
// last schema, whose column ids go on; it may be nil.
func (db *DB) PlanCapture(ctx context.Context, name table.Name, last *table.Schema, ordered bool, by Streams) ([]string, *table.Definition, error) {
	d, err := db.unrefreshed(name).Describe(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	d.Schema = table.WithIDs(last, d.Schema)
	plan := db.sessionPlan(name, nil)
	if db.o.Tables[name].Refresh {
		plan = append(plan, refreshSQL(name))
	}
	describe := planDescribe(name, d)
	plan = append(plan, describe...)
	plan = append(append(plan, db.sessionPlan(name, nil)...), showStatsSQL(name))
	scan, err := db.planScan(ctx, d, ordered, by)
	if err != nil {
		return nil, nil, err
	}
	plan = append(plan, scan...)
	plan = append(append(plan, db.sessionPlan(name, nil)...), describe...) // see Altered
	return plan, d, nil
}

// planScan lists the statements of Pin, where several streams read, and of Rows.
func (db *DB) planScan(ctx context.Context, d *table.Definition, ordered bool, by Streams) (plan []string, err error) {
	name, ranges := d.Schema.Table, make([]keyRange, 1)
	var at *instant
	if by.Most > 1 {
		if at, plan, err = db.planPin(ctx, d); err != nil {
			return nil, err
		}
		if at != nil && by.Bounds != nil {
			bounds, err := by.Bounds(d.Schema)
			if err != nil {
				return nil, err
			}
			ranges = rangesBetween(bounds)
		}
	}
	codec, err := table.NewCodec(d.Schema)
	if err != nil {
		return nil, err
	}
	unknown := at != nil && by.Bounds == nil
	if unknown {
		ranges = make([]keyRange, by.Most)
	}
	for i, r := range ranges {
		plan = append(plan, db.sessionPlan(name, nil)...)
		if len(ranges) == 1 {
			return append(plan, scanSQL(d.Schema, ordered)), nil
		}
		condition := fmt.Sprintf(rangeToCome, i+1, len(ranges))
		if !unknown {
			if condition, err = r.condition(d.Schema, codec); err != nil {
				return nil, err
			}
		}
		plan = append(append(plan, at.plan()...), scanRangeSQL(d.Schema, ordered, at.version, condition))
	}
	plan = append(append(plan, db.sessionPlan(name, nil)...), at.plan()...)
	return append(plan, countSQL(name, at.version)), nil
}

// plan lists the statements of goTo.
func (at *instant) plan() (plan []string) {
	for _, p := range at.options {
		if p.value == instantToCome {
			plan = append(plan, "SET "+p.key+"="+p.value)
			continue
		}
		plan = append(plan, setSQL(p.key, p.value))
	}
	return plan
}

// rangesBetween are the ranges that keys divide a table into.
func rangesBetween(bounds [][]byte) []keyRange {
	ranges := make([]keyRange, len(bounds)+1)
	for i, key := range bounds {
		ranges[i].to, ranges[i+1].from = key, key
	}
	return ranges
}

// planPin lists the statements of Pin, and gives the instant as far as it is known before; nil where there is none to fix yet.
func (db *DB) planPin(ctx context.Context, d *table.Definition) (at *instant, plan []string, err error) {
	parsed, err := parseDDL(d.DDL)
	if err != nil {
		return nil, nil, err
	}
	name := d.Schema.Table
	plan = append(db.sessionPlan(name, nil), showCreateSQL(name))
	switch parsed.format {
	case formatKudu:
		return &instant{options: kuduOptions(instantToCome)}, append(plan, clockSQL), nil
	case formatIceberg:
		err = db.read(ctx, name, func(s *session) (err error) {
			at, err = s.icebergInstant(ctx, name)
			return err
		})
		return at, append(plan, historySQL(name)), err
	}
	return nil, nil, newPinError(name, parsed.format)
}

// planDescribe lists what describing a table asks, but for a REFRESH.
func planDescribe(name table.Name, d *table.Definition) []string {
	plan := []string{versionSQL, showCreateSQL(name)}
	if strings.Contains(d.DDL, rangesMark) {
		plan = append(plan, showRangesSQL(name))
	}
	plan = append(plan, describeSQL(name))
	if parsed, err := parseDDL(d.DDL); err == nil && parsed.format == formatIceberg {
		plan = append(plan, describeFormattedSQL(name))
	}
	return append(plan, allOptionsSQL)
}

// unrefreshed is the DB with a table's setting refresh off: who only looks does not refresh.
func (db *DB) unrefreshed(name table.Name) *DB {
	quiet := *db
	quiet.o.Tables = maps.Clone(db.o.Tables)
	if settings, found := quiet.o.Tables[name]; found {
		settings.Refresh = false
		quiet.o.Tables[name] = settings
	}
	return &quiet
}

// Plan lists every statement that Load would run, in order; names that are drawn at random will be others, and of INSERT VALUES the
// rows are left out. It runs none of them.
func (db *DB) Plan(ctx context.Context, l table.Load) ([]string, error) {
	w, err := db.prepare(l)
	if err != nil {
		return nil, err
	}
	plan := append(db.sessionPlan(l.Source, nil), describeFormattedSQL(l.Into), describeFormattedSQL(l.Source))
	plan = append(append(plan, db.sessionPlan(l.Source, restoreSession())...), w.target.create)
	if w.d.format != formatKudu {
		plan = append(plan, describeFormattedSQL(l.Into), describeFormattedSQL(l.Source), anyRowSQL(l.Into))
	}
	filled, err := w.fillPlan()
	if err != nil {
		return nil, err
	}
	proof, err := db.planProof(ctx, l.Into, l.Def.Schema)
	if err != nil {
		return nil, err
	}
	plan = append(append(plan, filled...), proof...)
	if l.Stats {
		plan = append(plan, computeStatsSQL(l.Into))
	}
	if len(filled) > 1 {
		staging, err := table.ParseName(w.record.Staging)
		if err != nil {
			return nil, err
		}
		plan = append(append(plan, db.sessionPlan(table.Name{}, restoreSession())...), dropSQL(staging))
	}
	return plan, nil
}

// PlanWarnings says what a Load would warn of: what the old table has and the new one cannot have.
func (db *DB) PlanWarnings(l table.Load) ([]string, error) {
	w, err := db.prepare(l)
	if err != nil {
		return nil, err
	}
	return w.target.warnings, nil
}

// fillPlan lists the statements that bring the rows into the new table: none for no rows.
func (w *loading) fillPlan() ([]string, error) {
	if w.l.Digest.Rows == 0 {
		return nil, nil
	}
	if !w.staged {
		return []string{insertIntoSQL(w.l.Into, w.target) + " VALUES (…)"}, nil
	}
	staging, err := table.ParseName(w.record.Staging)
	if err != nil {
		return nil, err
	}
	return []string{createStagingSQL(staging, w.l.Def.Schema, w.record.URI, w.l.RestoreID), insertStagedSQL(w.l.Into, staging, w.target)}, nil
}

// Unfinished says whether Cleanup would find anything.
func (db *DB) Unfinished() bool {
	ids, err := db.records()
	return err != nil || len(ids) > 0
}
