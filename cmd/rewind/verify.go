package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rewind/journal"
	"rewind/replay"
	"rewind/table"
)

// verifyFlags are the flags of verify.
type verifyFlags struct {
	full   bool
	sample string
	seed   uint64
	fold   bool
	deep   string
	at     string
	heads  []string
}

func (a *app) verifyCommand() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify [TABLE...]",
		Short: "Prove the journal: its files, its order, its restore points",
		Long: `Walks the journals of the tables named, or of all: every segment's checksums and the chain that links them, the
sequence of the messages, and every restore point's digest, computed again from the changes.

A sealed segment that was proved once is not read again, unless its file has another length or time than it had; it is
known by its place in the chain. So a run costs what is new, and a sample of the rest: --sample says how large, --seed
repeats a draw, --full reads everything. What was proved by an earlier run is said to be so, with the time; what was
proved and is not in the journal any more is damage.

With journal.verify_key (or journal.sign_key) in the configuration, every partition's signed head must be there, must be
right, and what it signs must be in the journal. --head holds the journal against heads that were kept elsewhere, such
as an earlier output of "rewind verify --json": a journal that was rolled back with its head shows in no other way.

--deep restores a point into a scratch table through Impala, compares digests, and drops the table. Without it, verify
reads the journal alone: neither Kafka nor Impala need to be there.`,
		Example: `  rewind verify
  rewind verify shop.orders --full
  rewind verify --sample 20% --seed 7
  rewind verify shop.orders --deep
  rewind verify --json > /mnt/elsewhere/heads.json
  rewind verify --head /mnt/elsewhere/heads.json`,
		ValidArgsFunction: a.completeTables(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			job, err := a.verifyJob(args, f)
			if err != nil {
				return err
			}
			return a.verifyAll(cmd.Context(), job)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.full, "full", false, "read every segment, also those that were proved before")
	flags.StringVar(&f.sample, "sample", "5%", "share of the segments proved before that is read again, drawn at random; 0% for none")
	flags.Uint64Var(&f.seed, "seed", 0, "of the draw; 0: a fresh one, which is printed")
	flags.BoolVar(&f.fold, "fold", false, "fold every restore point into its rows, not only those whose changes cannot be added up")
	flags.StringVar(&f.deep, "deep", "", "restore into a scratch table through Impala and compare: newest, or all")
	flags.Lookup("deep").NoOptDefVal = deepNewest
	flags.StringVar(&f.at, "at", "", "with --deep: restore the point that this time or id means")
	flags.StringArrayVar(&f.heads, "head", nil, "file with signed heads that were kept elsewhere: the journal must hold what they sign")
	return cmd
}

// What --deep takes.
const (
	deepNewest = "newest"
	deepAll    = "all"
)

// verifyJob is what the arguments mean.
type verifyJob struct {
	config *config
	names  []table.Name
	how    replay.VerifyOptions
	deep   string
	at     replay.Spec // with deep; its zero value: as deep says
}

func (a *app) verifyJob(args []string, f verifyFlags) (*verifyJob, error) {
	usage := func(hint, message string) error {
		return usageErrorf("%s", hint).because(errors.New(message))
	}
	job := &verifyJob{deep: f.deep, how: replay.VerifyOptions{Full: f.full, Seed: f.seed, Fold: f.fold}}
	share, err := parseShare(f.sample)
	if err != nil {
		return nil, usage("--sample 5%", err.Error())
	}
	if job.how.Sample = share; share == 0 {
		job.how.Sample = -1
	}
	switch {
	case f.deep != "" && f.deep != deepNewest && f.deep != deepAll:
		return nil, usage("--deep, or --deep=all (with the sign: --deep alone means the newest point)", fmt.Sprintf("unknown --deep %q", f.deep))
	case f.at != "" && f.deep != deepNewest:
		return nil, usage("rewind verify shop.orders --deep --at -2h", "--at goes with --deep")
	}
	if f.at != "" {
		if job.at, err = replay.ParseSpec(f.at, time.Now(), time.Local); err != nil {
			return nil, err
		}
	}
	if job.config, err = a.loadConfig(); err != nil {
		return nil, err
	}
	if job.how.Key, err = job.config.verifyKey(); err != nil {
		return nil, err
	}
	for _, path := range f.heads {
		heads, err := readHeads(path)
		if err != nil {
			return nil, usageErrorf("--head takes heads as they stand beside the journal, or the output of rewind verify --json").because(err)
		}
		job.how.Heads = append(job.how.Heads, heads...)
	}
	if len(args) > 0 {
		job.names, err = a.journaled(job.config, args)
		return job, err
	}
	err = a.allKnown(job)
	return job, err
}

// allKnown names the tables that have a journal, and those that had one, as a head that was kept or the record of a proof says: a
// journal that is gone as a whole must not go unnoticed.
func (a *app) allKnown(job *verifyJob) error {
	had, err := replay.ProvedTables(job.config.journalDir(), a.replayOptions(job.config, nil))
	if err != nil {
		return err
	}
	for _, head := range job.how.Heads {
		name, err := table.ParseName(head.Table)
		if err != nil {
			return usageErrorf("is it a file of signed heads?").because(err)
		}
		had = append(had, name)
	}
	if job.names, err = a.journaled(job.config, nil); err != nil && len(had) == 0 {
		return err
	}
	for _, name := range had {
		if !slices.Contains(job.names, name) {
			job.names = append(job.names, name)
		}
	}
	return nil
}

// parseShare reads 5%, 0.5% or 100%.
func parseShare(text string) (float64, error) {
	digits, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	share, err := strconv.ParseFloat(digits, 64)
	if !percent || err != nil || share < 0 || share > 100 || share != share {
		return 0, fmt.Errorf("a share is written 5%%, not %q", text)
	}
	return share / 100, nil
}

func (a *app) verifyAll(ctx context.Context, job *verifyJob) error {
	if err := a.canRehearse(job); err != nil {
		return err
	}
	var failed []error
	for _, name := range job.names {
		verdict, err := a.verify(ctx, job, name)
		if verdict.Table == "" && err != nil {
			return err
		}
		if perr := a.printVerdict(verdict); perr != nil {
			return perr
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && job.deep != "" {
			err = a.deep(ctx, job, name, verdict)
		}
		if err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// canRehearse says, before a journal is walked through, that it has no point of the time or id that --deep is to restore. Of a damaged one the walk
// says what it is, and of several tables each is walked through whatever the others lack.
func (a *app) canRehearse(job *verifyJob) error {
	if job.at == (replay.Spec{}) || len(job.names) > 1 {
		return nil
	}
	j, err := a.openJournal(job.config, job.names[0], nil)
	if err == nil && j.Damage() == nil {
		_, err = j.At(job.at)
	}
	if err != nil && exitCode(context.Background(), err) == exitNothing {
		return err
	}
	return nil
}

// verify gives the verdict on one table; err says why it is not a good one.
func (a *app) verify(ctx context.Context, job *verifyJob, name table.Name) (replay.Verdict, error) {
	m := a.newMeter()
	defer m.stop()
	verdict, err := replay.Verify(ctx, job.config.journalDir(), name, a.replayOptions(job.config, m), job.how)
	if err == nil && len(verdict.Points) == 0 {
		return replay.Verdict{}, a.nothingToProve(job.config, name)
	}
	for _, p := range verdict.Points {
		if err == nil && !p.Proved {
			err = fmt.Errorf("restore point %d: %s", p.Point.ID, p.Why)
		}
	}
	if err == nil || ctx.Err() != nil {
		return verdict, err
	}
	if onlyUnopened(err) {
		return replay.Verdict{}, err
	}
	hint, ofHead := damageHint(err)
	if len(verdict.Points) > 0 && !ofHead {
		if base := (*replay.BaseError)(nil); errors.As(err, &base) {
			hint = base.Hint()
		} else {
			hint = "what stands before the damage can still be restored: rewind points " + name.String() + "; for the rest: " + hint
		}
	}
	return verdict, &codedError{code: exitCorrupt, message: name.String() + " is not whole", cause: err, hint: hint}
}

// damageHint is that of the damage; where there is none but a head that does not fit, it is that of the head.
func damageHint(err error) (hint string, ofHead bool) {
	var corrupt *journal.CorruptionError
	var head *journal.HeadError
	var hinter interface {
		error
		Hint() string
	}
	switch {
	case errors.As(err, &corrupt):
		return corrupt.Hint(), false
	case errors.As(err, &head):
		return head.Hint(), true
	case errors.As(err, &hinter):
		return hinter.Hint(), false
	}
	return "bring the journal back from a copy; nothing was changed", false
}

// nothingToProve is the error about a table without a restore point.
func (a *app) nothingToProve(c *config, name table.Name) error {
	_, err := a.openJournal(c, name, nil)
	if err == nil { // one came just now
		return &replay.NoPointsError{Table: name}
	}
	return err
}
