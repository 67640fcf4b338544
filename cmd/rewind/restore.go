package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rewind/ballast"
	"rewind/replay"
	"rewind/table"
)

// restoreFlags are the flags of restore.
type restoreFlags struct {
	at        string
	into      string
	replace   bool
	yes       bool
	dryRun    bool
	stats     string
	noCapture bool
	wait      time.Duration
}

// restoreJob is what the arguments mean, once they were read against the configuration and the journal.
type restoreJob struct {
	flags  restoreFlags
	config *config
	table  tableConfig
	spec   replay.Spec
	into   table.Name // not for --replace

	captured int64 // by --replace: the snapshot of the state that was replaced
}

func (a *app) restoreCommand() *cobra.Command {
	var f restoreFlags
	cmd := &cobra.Command{
		Use:   "restore TABLE --at WHEN (--into TABLE | --replace)",
		Short: "Bring a restore point back: a new table, or the old one's place",
		Long: `Folds the journal up to the restore point, proves the rows by the digest that was committed with it, loads them into a
new table, and proves the loaded table again. As of a time is the last restore point whose read had ended by then.

--replace captures the table first, so that nothing written since the last restore point is lost; then it loads the point
beside the table and swaps the two. The old table is kept under another name until "rewind drop-replaced".
A restore that fails leaves everything as it was.`,
		Example: `  rewind restore shop.orders --at -2h --into shop.orders_then
  rewind restore shop.orders --at "2026-11-23 09:00" --into shop.orders_then --dry-run
  rewind restore shop.orders --at 1795165200123456 --replace`,
		Args:              exactArgs(1),
		ValidArgsFunction: a.completeTables(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			job, err := a.restoreJob(args[0], f)
			if err != nil {
				return err
			}
			return a.restore(cmd.Context(), job)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.at, "at", "", "-90m, -2h, -3d, 2026-11-23T09:00:00Z, \"2026-11-23 09:00\" (local), or a snapshot's id")
	flags.StringVar(&f.into, "into", "", "the new table to make")
	flags.BoolVar(&f.replace, "replace", false, "put the restored table in the place of the old one, which is kept under another name")
	flags.BoolVar(&f.yes, "yes", false, "do not ask for the table's name before --replace")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print every statement that would run, as SQL, and change nothing")
	flags.StringVar(&f.stats, "stats", "compute", "statistics of the restored table: compute or none")
	flags.BoolVar(&f.noCapture, "no-capture", false, "with --replace: do not capture first (what was written since the last point stays only in the kept table)")
	flags.DurationVar(&f.wait, "wait", 30*time.Minute, "with --replace: how long to wait for a running producer's next capture and a running consumer to journal it")
	return cmd
}

// restoreJob checks the arguments: all that can be said before anything is touched.
func (a *app) restoreJob(arg string, f restoreFlags) (*restoreJob, error) {
	usage := func(hint, message string) error {
		return usageErrorf("%s", hint).because(errors.New(message))
	}
	switch {
	case f.at == "":
		return nil, usage("--at -2h, or a time, or an id out of rewind points "+arg, "--at is missing")
	case f.into == "" && !f.replace:
		return nil, usage("--into shop.orders_then makes a new table, --replace takes the old one's place", "where to restore is missing")
	case f.into != "" && f.replace:
		return nil, usage("choose one of them", "--into and --replace exclude each other")
	case f.stats != "compute" && f.stats != "none":
		return nil, usage("--stats compute, or --stats none", fmt.Sprintf("unknown --stats %q", f.stats))
	}
	spec, err := replay.ParseSpec(f.at, time.Now(), time.Local)
	if err != nil {
		return nil, err
	}
	name, err := parseTable(arg)
	if err != nil {
		return nil, err
	}
	job := &restoreJob{flags: f, spec: spec}
	if f.into != "" {
		if job.into, err = parseTable(f.into); err != nil {
			return nil, err
		}
		if job.into == name {
			return nil, usage("--replace takes the old table's place", "--into names the table itself")
		}
	}
	if job.config, err = a.loadConfig(); err != nil {
		return nil, err
	}
	// A table that is no longer configured can still be restored: its definition is in the journal.
	job.table, _ = job.config.table(name)
	return job, nil
}

func (a *app) restore(ctx context.Context, job *restoreJob) error {
	ballast.Hold(replay.RestoreBallast)
	a.showsOnly = job.flags.dryRun
	journal, err := a.openJournal(job.config, job.table.name, nil)
	if err != nil {
		return err
	}
	answer, err := journal.At(job.spec)
	if err != nil {
		return err
	}
	if job.flags.dryRun {
		return a.dryRestore(ctx, job, answer)
	}
	// The point that was shown and confirmed is the one that is restored, whatever is committed meanwhile.
	job.spec.Snapshot = answer.Point.ID
	if !a.json {
		a.printAnswer(answer)
	}
	if job.flags.replace {
		if err := a.confirm(job.table.name, job.flags.yes, "replace "+job.table.name.String()+" by this restore point"); err != nil {
			return err
		}
	}
	certificate, err := a.load(ctx, job)
	if err != nil {
		return err
	}
	certificate.Answer = answer
	if err := a.printCertificate(certificate, job.captured); err != nil {
		return err
	}
	if len(certificate.Warnings) > 0 {
		return &codedError{code: exitPartial, message: "restored and proved, but: " + strings.Join(certificate.Warnings, "; ")}
	}
	return nil
}

// load does the work: pending swaps first, then the restore itself.
func (a *app) load(ctx context.Context, job *restoreJob) (replay.Certificate, error) {
	m := a.newMeter()
	defer m.stop()
	db, err := a.openEngine(ctx, job.config, m)
	if err != nil {
		return replay.Certificate{}, err
	}
	defer db.Close()
	if err := a.recover(ctx, job.config, db, job.table.name); err != nil {
		return replay.Certificate{}, err
	}
	journal, err := a.openJournal(job.config, job.table.name, m)
	if err != nil {
		return replay.Certificate{}, err
	}
	stats := job.flags.stats == "compute"
	if !job.flags.replace {
		return a.loadInto(ctx, job, db, journal, stats)
	}
	o := replay.ReplaceOptions{At: job.spec, Stats: stats, Drop: db.Drop}
	if !job.flags.noCapture {
		o.Before = func(ctx context.Context) (int64, error) {
			var err error
			job.captured, err = a.captureAndJournal(ctx, job, db, m)
			return job.captured, err
		}
	}
	return journal.Replace(ctx, db, db, o)
}
