package impala

import (
	"context"

	"rewind/table"
)

// Plan lists every statement that Load would run, in order; names that are drawn at random will be others. It runs none of them.
func (db *DB) Plan(_ context.Context, l table.Load) ([]string, error) {
	w, err := db.prepare(l)
	if err != nil {
		return nil, err
	}
	var plan []string
	for _, p := range append(db.sessionOptions(l.Source), restoreSession()...) {
		plan = append(plan, setSQL(p.key, p.value))
	}
	plan = append(plan, describeFormattedSQL(l.Into), describeFormattedSQL(l.Source), w.target.create)
	if w.d.format != formatKudu {
		plan = append(plan, describeFormattedSQL(l.Into), anyRowSQL(l.Into))
	}
	staging, err := table.ParseName(w.record.Staging)
	switch {
	case !w.staged:
		plan = append(plan, insertIntoSQL(l.Into, w.target)+" VALUES (…)")
	case err != nil:
		return nil, err
	default:
		plan = append(plan, createStagingSQL(staging, l.Def.Schema, w.record.URI, l.RestoreID), insertStagedSQL(l.Into, staging, w.target))
	}
	plan = append(plan, probeSQL(), digestSQL(l.Into, l.Def.Schema))
	if l.Stats {
		plan = append(plan, computeStatsSQL(l.Into))
	}
	if w.staged {
		plan = append(plan, dropSQL(staging))
	}
	return plan, nil
}
