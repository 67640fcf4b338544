package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rewind/change"
	"rewind/producer"
	"rewind/replay"
)

// captureFlags are the flags of a capture.
type captureFlags struct {
	rebuild     bool
	rebaseline  bool
	acceptClock bool
	allowDelete bool
	allowChange bool
	dryRun      bool
}

func (a *app) produceCommand() *cobra.Command {
	var f captureFlags
	var every time.Duration
	var listen listenFlags
	cmd := &cobra.Command{
		Use:   "produce [TABLE...]",
		Short: "Capture tables: read them, and publish what changed to Kafka",
		Long: `Captures every configured table, or those named, once: reads it, compares it with the last capture, and publishes what
changed to the table's topic. A capture that found no change is a restore point too. With --every it goes on until stopped.

Whoever lost the snapshot folder has two ways out: --rebuild makes it again from the journal (the history stays in one
piece), --rebaseline publishes the table anew; that also closes a gap in the journal.

A table that is empty and was not, or of which more than half of the rows are gone, is refused (exit code 6) before anything
is published: what a broken source looks like must not become the newest restore point. --allow-mass-delete captures it once;
guard.deletes and guard.changes in the configuration set the limits.`,
		Example: `  rewind produce
  rewind produce shop.orders --every 5m
  rewind produce --every 5m --listen 127.0.0.1:9469 --max-age 30m
  rewind produce shop.orders --rebuild
  rewind produce shop.orders --allow-mass-delete
  rewind produce shop.orders --dry-run      # the statements that it would send to Impala`,
		ValidArgsFunction: a.completeTables(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			wrong := listen.check(every > 0, "rewind produce --every 5m --listen 127.0.0.1:9469")
			if err := cmp.Or(f.check(every, cmd.Flags().Changed("every")), wrong); err != nil {
				return err
			}
			c, err := a.loadConfig()
			if err != nil {
				return err
			}
			tables, err := c.selectTables(args)
			if err != nil {
				return err
			}
			if (f.allowDelete || f.allowChange) && len(tables) != 1 {
				return usageErrorf("rewind produce shop.orders --allow-mass-delete").
					because(errors.New("--allow-mass-delete and --allow-mass-change are for one table"))
			}
			if a.showsOnly = f.dryRun; f.dryRun {
				return a.dryProduce(cmd.Context(), c, tables, f)
			}
			served, counts, err := a.listenProduce(cmd.Context(), tables, listen)
			if err != nil {
				return err
			}
			defer served.close()
			k, err := a.newCapturer(cmd.Context(), c, nil)
			if err != nil {
				return err
			}
			defer k.close()
			k.counts = counts
			if every > 0 {
				return k.produceLoop(cmd.Context(), tables, every)
			}
			return k.produceOnce(cmd.Context(), tables, f)
		},
	}
	flags := cmd.Flags()
	listen.add(cmd, "a table's last capture")
	flags.DurationVar(&every, "every", 0, "capture again and again at this interval, until stopped")
	flags.BoolVar(&f.rebuild, "rebuild", false, "first make the lost snapshot file again, from the journal")
	flags.BoolVar(&f.rebaseline, "rebaseline", false, "publish the table anew, building on nothing")
	flags.BoolVar(&f.acceptClock, "accept-clock", false, "capture although the clock stands behind the last snapshot")
	flags.BoolVar(&f.allowDelete, "allow-mass-delete", false, "capture one table although it is empty, or more rows are gone than guard.deletes allows")
	flags.BoolVar(&f.allowChange, "allow-mass-change", false, "capture one table although more rows were changed than guard.changes allows")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print every statement that would run, as SQL, and change nothing")
	return cmd
}

// check says which flags exclude each other.
func (f captureFlags) check(every time.Duration, given bool) error {
	switch {
	case f.rebuild && f.rebaseline:
		return usageErrorf("choose one of them").because(errors.New("--rebuild and --rebaseline exclude each other"))
	case given && every <= 0:
		return usageErrorf("such as --every 5m").because(fmt.Errorf("--every %s is no interval", every))
	case every > 0 && f != captureFlags{}:
		return usageErrorf("do it once, then start the loop").because(errors.New("--every repeats plain captures"))
	}
	return nil
}

// produceLoop captures until ctx ends. A table that fails is tried again at the next turn, also one that a restore is putting
// another in the place of; being fenced by another producer ends the program, because two of them would take turns for ever.
func (k *capturer) produceLoop(ctx context.Context, tables []tableConfig, every time.Duration) error {
	for {
		next := time.NewTimer(every)
		err := k.produceOnce(ctx, tables, captureFlags{})
		if ctx.Err() != nil {
			return nil //nolint:nilerr // stopped, as was asked
		}
		if err != nil {
			code := exitCode(ctx, err)
			if code == exitLocked && k.overtaken {
				return err
			}
			k.app.printError(err, code)
		}
		select {
		case <-ctx.Done():
			next.Stop()
			return nil
		case <-next.C:
		}
	}
}

// produceOnce captures each table; one that fails does not keep the others from it, unless a server is away: it is for all.
func (k *capturer) produceOnce(ctx context.Context, tables []tableConfig, f captureFlags) error {
	var failed []error
	for i, t := range tables {
		m := k.app.newMeter()
		ended := k.begun(t.name)
		report, err := k.capture(ctx, t, f, m)
		m.stop()
		ended(ctx, report, err)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			if err := k.app.printCapture(report); err != nil {
				return err
			}
			continue
		}
		if len(tables) == 1 {
			return err
		}
		if !strings.Contains(err.Error(), t.name.String()) {
			err = fmt.Errorf("%s: %w", t.name, err)
		}
		code := exitCode(ctx, err)
		k.app.printError(err, code)
		failed = append(failed, err)
		if code == exitUnreachable {
			for range tables[i+1:] {
				failed = append(failed, err)
			}
			break
		}
	}
	return someFailed(failed, len(tables), "captured")
}

// someFailed sums up a job over several tables whose errors were shown already.
func someFailed(failed []error, of int, done string) error {
	if len(failed) == 0 {
		return nil
	}
	if len(failed) < of {
		return &codedError{code: exitPartial, message: fmt.Sprintf("%d of %d tables were not %s", len(failed), of, done)}
	}
	code := exitCode(context.Background(), failed[0])
	for _, err := range failed {
		if exitCode(context.Background(), err) != code {
			code = exitFailed
		}
	}
	return &codedError{code: code, message: fmt.Sprintf("none of %d tables was %s", of, done)}
}

// captureLine is a capture as --json prints it.
type captureLine struct {
	Table     string         `json:"table"`
	Stream    string         `json:"stream"`
	Snapshot  int64          `json:"snapshot"`
	Previous  int64          `json:"previous,omitempty"`
	Baseline  string         `json:"baseline,omitempty"`
	ReadBegan time.Time      `json:"read_began"`
	ReadEnded time.Time      `json:"read_ended"`
	Rows      int64          `json:"rows"`
	Counts    replay.Counts  `json:"counts"`
	Digest    string         `json:"digest"`
	Bytes     int64          `json:"bytes"`
	Reread    string         `json:"reread,omitempty"` // how the table was altered while it was first read
	Recovered int64          `json:"recovered,omitempty"`
	Allowed   []string       `json:"allowed,omitempty"` // what the guard would have refused
	Stages    []replay.Stage `json:"stages"`
}

func (a *app) printCapture(r producer.Report) error {
	counts := countsOf(r.Counts)
	if a.json {
		line := captureLine{Table: r.Table.String(), Stream: r.Stream, Snapshot: r.Snapshot, Previous: r.Previous, Baseline: r.Reason,
			ReadBegan: r.ReadBegan, ReadEnded: r.ReadEnded, Rows: r.Rows, Counts: counts, Digest: r.Digest.String(), Bytes: r.Bytes,
			Reread: r.Reread, Recovered: r.Recovered}
		for _, e := range r.Allowed {
			line.Allowed = append(line.Allowed, allowedText(e))
		}
		for _, s := range r.Stages {
			line.Stages = append(line.Stages, replay.Stage{Name: s.Name, Seconds: s.Took.Seconds(), Rows: s.Rows, Bytes: s.Bytes})
		}
		return a.printJSON(line)
	}
	if r.Recovered != 0 {
		fmt.Fprintf(a.stdout, "%s: snapshot %d of an earlier run was committed; it is a restore point\n", r.Table, r.Recovered)
	}
	baseline := ""
	if r.Baseline && r.Reason != "" {
		baseline = " [baseline: " + r.Reason + "]"
	}
	fmt.Fprintf(a.stdout, "%s: snapshot %d, %s: %s%s\n", r.Table, r.Snapshot, count(r.Rows, "row"), countsText(counts), baseline)
	if r.Reread != "" {
		fmt.Fprintf(a.stdout, "  read twice, for it was altered meanwhile: %s\n", r.Reread)
	}
	for _, e := range r.Allowed {
		why := "for this once"
		if e.Restored && e.Now > 0 {
			why = "because a restore was put in the table's place"
		}
		fmt.Fprintf(a.stdout, "  allowed %s: %s\n", why, allowedText(e))
	}
	var stages []string
	for _, s := range r.Stages {
		stages = append(stages, s.Name+" "+stageText(s.Rows, s.Took))
	}
	if len(stages) > 0 {
		fmt.Fprintf(a.stdout, "  %s\n", strings.Join(stages, "; "))
	}
	return nil
}

// allowedText is what the guard had to say of a capture that was allowed.
func allowedText(e *producer.GuardError) string {
	_, text, _ := strings.Cut(e.Error(), "refused by the guard: ")
	return text
}

func countsOf(c change.Counts) replay.Counts {
	return replay.Counts{Reads: c.Reads, Creates: c.Creates, Updates: c.Updates, Deletes: c.Deletes}
}
