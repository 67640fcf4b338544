package main

import (
	"context"
	"fmt"
	"time"

	"rewind/replay"
	"rewind/table"
)

// deepLine is one rehearsed restore as --json prints it.
type deepLine struct {
	Table   string  `json:"table"`
	Deep    int64   `json:"deep"` // the restore point
	Rows    int64   `json:"rows"`
	Digest  string  `json:"digest"`
	Proof   string  `json:"proof"`
	Method  string  `json:"method"`
	Seconds float64 `json:"seconds"`
}

// deep restores points into scratch tables, which are dropped again.
func (a *app) deep(ctx context.Context, job *verifyJob, name table.Name, verdict replay.Verdict) error {
	m := a.newMeter()
	defer m.stop()
	db, err := a.openEngine(ctx, job.config, m)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := a.recover(ctx, job.config, db, name); err != nil {
		return err
	}
	j, err := a.openJournal(job.config, name, m)
	if err != nil {
		return err
	}
	specs := []replay.Spec{job.at}
	switch {
	case job.at != (replay.Spec{}):
	case job.deep == deepAll:
		specs = nil
		for _, p := range verdict.Points {
			specs = append(specs, replay.Spec{Snapshot: p.Point.ID})
		}
	default:
		specs[0] = replay.Spec{Snapshot: verdict.Points[len(verdict.Points)-1].Point.ID}
	}
	for _, spec := range specs {
		began := time.Now()
		c, err := j.Rehearse(ctx, db, db, db.Drop, spec)
		if err != nil {
			return fmt.Errorf("%s: restore %s into a scratch table: %w", name, spec, err)
		}
		if err := a.printDeep(c, time.Since(began), m); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printDeep(c replay.Certificate, took time.Duration, m *meter) error {
	m.stop()
	line := deepLine{Table: c.Table, Deep: c.Answer.Point.ID, Rows: c.Rows, Digest: c.DigestLoaded, Proof: c.Proof, Method: c.Method, Seconds: took.Seconds()}
	if a.json {
		return a.printJSON(line)
	}
	fmt.Fprintf(a.stdout, "  %d  %s  restored into a scratch table in %s, which had the digest %s (%s) and was dropped\n",
		line.Deep, count(c.Rows, "row"), shortDuration(took), c.DigestLoaded, c.Proof)
	return nil
}
