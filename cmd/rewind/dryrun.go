package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"rewind/impala"
	"rewind/producer"
	"rewind/replay"
	"rewind/table"
)

// step is one thing that a command would do, with the statements that it would send to Impala for it.
type step struct {
	What       string   `json:"step"`
	Statements []string `json:"statements,omitempty"`
}

// dryRun is what a command says that only shows what it would do.
type dryRun struct {
	DryRun  bool           `json:"dry_run"`
	Table   string         `json:"table"`
	Into    string         `json:"into,omitempty"`
	Replace bool           `json:"replace,omitempty"`
	Answer  *replay.Answer `json:"answer,omitempty"`
	Steps   []step         `json:"steps"`
	Warn    []string       `json:"warnings,omitempty"`
}

func (d *dryRun) add(what string, statements ...string) {
	d.Steps = append(d.Steps, step{what, statements})
}

// print writes plain SQL, with everything else as comments.
func (a *app) printDryRun(d *dryRun) error {
	if a.json {
		return a.printJSON(d)
	}
	var b bytes.Buffer
	if d.Answer != nil {
		var answer bytes.Buffer
		writeAnswer(&answer, *d.Answer)
		comment(&b, answer.String())
	}
	for i, s := range d.Steps {
		comment(&b, fmt.Sprintf("%d. %s", i+1, s.What))
		for _, statement := range s.Statements {
			b.WriteString(statement + ";\n")
		}
	}
	for _, warning := range d.Warn {
		comment(&b, "warning: "+warning)
	}
	comment(&b, "nothing was done (--dry-run)")
	_, err := a.stdout.Write(b.Bytes())
	return err
}

// comment writes text as comments of SQL.
func comment(w io.Writer, text string) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		fmt.Fprintln(w, strings.TrimRight("-- "+line, " \n"))
	}
}

// beginDryRun connects without the cleaning up that other commands begin with, and says what they would do before.
func (a *app) beginDryRun(ctx context.Context, c *config, d *dryRun, name table.Name) (*impala.DB, error) {
	db, err := a.connectEngine(ctx, c, nil)
	if err != nil {
		return nil, err
	}
	pending, err := replay.Pending(name, a.replayOptions(c, nil))
	if err != nil {
		_ = db.Close() // it only read
		return nil, err
	}
	if statements := db.PlanOpen(); len(statements) > 0 {
		d.add("connect", statements...)
	}
	if pending || db.Unfinished() {
		d.add("finish, or remove, what an interrupted restore left in " + c.restoreDir())
	}
	return db, nil
}

// dryProduce shows what a capture of each table would do.
func (a *app) dryProduce(ctx context.Context, c *config, tables []tableConfig, f captureFlags) error {
	for _, t := range tables {
		d := &dryRun{DryRun: true, Table: t.name.String()}
		if err := a.dryCaptureAlone(ctx, c, t, f, d); err != nil {
			return err
		}
		if err := a.printDryRun(d); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) dryCaptureAlone(ctx context.Context, c *config, t tableConfig, f captureFlags, d *dryRun) error {
	db, err := a.beginDryRun(ctx, c, d, t.name)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // it only read
	if f.rebuild {
		j, err := a.openJournal(c, t.name, nil)
		if err != nil {
			return err
		}
		points := j.Points()
		d.add(fmt.Sprintf("make the snapshot file again out of restore point %d", points[len(points)-1].ID))
	}
	_, err = a.dryCapture(ctx, c, db, t, f, d)
	return err
}

// dryCapture adds a capture's steps.
func (a *app) dryCapture(ctx context.Context, c *config, db *impala.DB, t tableConfig, f captureFlags, d *dryRun) (*table.Schema, error) {
	kafka, err := a.openKafka(c, t)
	if err != nil {
		return nil, err
	}
	defer kafka.Close()
	known, err := a.lastKnown(ctx, c, t.name)
	if err != nil {
		return nil, err
	}
	statements, definition, err := db.PlanCapture(ctx, t.name, known.schema, !t.sortsHere(), a.plannedStreams(c, t, f))
	if err != nil {
		return nil, err
	}
	how := "in key order"
	if t.sortsHere() {
		how = "in any order, to be sorted here"
	}
	if t.Streams > 1 {
		how += fmt.Sprintf(", by %d streams as of one instant, each a range of the key; what stands in <> is known only then", t.Streams)
	}
	d.add("capture "+t.name.String()+": describe it and read it "+how, statements...)
	if text := c.guardText(t, f); text != "" {
		d.add(text)
	}
	d.add("publish what changed to the Kafka topic " + kafka.Name(t.name))
	return definition.Schema, nil
}

// plannedStreams says by which ranges the table is read: those of the last snapshot, which is not there before it is made again.
func (a *app) plannedStreams(c *config, t tableConfig, f captureFlags) impala.Streams {
	by := impala.Streams{Most: int(t.Streams)}
	if !f.rebuild {
		by.Bounds = func(s *table.Schema) ([][]byte, error) {
			return producer.Ranges(producer.Options{Dir: c.snapshotDir(), FS: a.fs, Keys: c.Encryption.keys}, s, int(t.Streams))
		}
	}
	return by
}

// dryRestore shows what a restore would do, up to the guard that would refuse it.
func (a *app) dryRestore(ctx context.Context, job *restoreJob, answer replay.Answer) error {
	d := &dryRun{DryRun: true, Table: job.table.name.String(), Replace: job.flags.replace, Answer: &answer}
	db, err := a.beginDryRun(ctx, job.config, d, job.table.name)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // it only read
	id, fresh, kept, err := replay.ReplaceNames(job.table.name)
	if job.flags.replace && err != nil {
		return err
	}
	load := table.Load{Into: job.into, Source: job.table.name, RestoreID: id, Def: answer.Point.Definition(),
		Digest: answer.Point.Digest, Stats: job.flags.stats == "compute"}
	exists := false
	if !job.flags.replace {
		d.add("look whether "+job.into.String()+" is there", db.PlanLook(job.into)...)
	} else {
		load.Into = fresh
		if _, exists, err = db.RestoreID(ctx, job.table.name); err != nil {
			return err
		}
		if d.add("look whether "+d.Table+" is there", db.PlanLook(job.table.name)...); !exists {
			load.Into = job.table.name // somebody dropped it: the new one takes the name at once
		}
	}
	var captured *table.Schema
	if exists && !job.flags.noCapture {
		if captured, err = a.dryCapture(ctx, job.config, db, job.table, captureFlags{allowDelete: true, allowChange: true}, d); err != nil {
			return err
		}
		d.add("wait until that capture is in the journal")
	}
	if err := dryLoad(ctx, db, d, load, answer); err != nil {
		return err
	}
	if exists {
		if err := drySwap(ctx, db, d, job.table.name, fresh, kept, captured); err != nil {
			return err
		}
	}
	return a.printDryRun(d)
}

func dryLoad(ctx context.Context, db *impala.DB, d *dryRun, load table.Load, answer replay.Answer) error {
	if _, exists, err := db.RestoreID(ctx, load.Into); err != nil {
		return err
	} else if exists {
		return &impala.ExistsError{Table: load.Into}
	}
	statements, err := db.Plan(ctx, load)
	if err != nil {
		return err
	}
	if d.Warn, err = db.PlanWarnings(load); err != nil {
		return err
	}
	d.Into = load.Into.String()
	d.add(fmt.Sprintf("fold the journal up to %d: %s, digest %s", answer.Point.ID, count(answer.Point.Rows, "row"), answer.Point.DigestText))
	d.add("load them into "+d.Into+", made from the definition of that point, and prove it by the same digest", statements...)
	return nil
}

// drySwap adds the exchange of the two tables, with the looks that say how far it went.
func drySwap(ctx context.Context, db *impala.DB, d *dryRun, name, fresh, kept table.Name, captured *table.Schema) error {
	look := func() (statements []string) {
		for _, n := range []table.Name{name, kept, fresh} {
			statements = append(statements, db.PlanLook(n)...)
		}
		return statements
	}
	d.add("rename "+name.String()+" to a name that is kept", append(db.PlanRename(name, kept), look()...)...)
	if captured != nil {
		proof, err := db.PlanDigest(ctx, kept, captured)
		if err != nil {
			return err
		}
		d.add("prove that nobody wrote to it since the capture; else rename it back", proof...)
	}
	d.add("rename the new table to "+name.String(), append(db.PlanRename(fresh, name), look()...)...)
	d.add("look what is left to clean up", db.PlanLook(fresh)...)
	return nil
}

// dryDrop shows what dropping the kept tables would do.
func (a *app) dryDrop(ctx context.Context, c *config, t tableConfig) error {
	d := &dryRun{DryRun: true, Table: t.name.String()}
	db, err := a.beginDryRun(ctx, c, d, t.name)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // it only read
	kept, err := a.keptTables(c, t.name)
	if err != nil {
		return err
	}
	for _, k := range kept {
		name, err := table.ParseName(k.Kept)
		if err != nil {
			return err
		}
		property, exists, err := db.RestoreID(ctx, name)
		switch {
		case err != nil:
			return err
		case exists && property != k.Property:
			return &replay.ForeignTableError{Name: name, Property: property}
		case !exists:
			d.add(k.Kept+" is gone already: forget it", db.PlanLook(name)...)
		default:
			d.add("drop "+k.Kept+" for good, once it is found to be the table that was replaced", append(db.PlanLook(name), db.PlanDrop(name)...)...)
		}
	}
	return a.printDryRun(d)
}
