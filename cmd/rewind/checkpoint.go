package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"rewind/replay"
	"rewind/table"
)

func (a *app) checkpointCommand() *cobra.Command {
	var at string
	cmd := &cobra.Command{
		Use:   "checkpoint [TABLE...]",
		Short: "Write a restore point's rows down: later restores read less",
		Long: `Folds the newest restore point of the tables named, or of all that have a journal, into a file beside the journal. A
restore of that point, or of a later one, then reads this file and what was journaled since, and not everything since the
first capture.

A checkpoint is proved by the digest of its restore point, and derived: it may be deleted at any time, and nothing is lost.
One that is damaged, or of another journal, is passed over. "rewind consume" makes one by itself whenever
journal.checkpoint_every events have come (5000000; 0: never). Of each table the newest two are kept, and the one made last
where it is older than those.

It reads the journal alone: neither Kafka nor Impala need to be there, and a running consumer is not disturbed. Where the
journal is damaged, the newest restore point before the damage is taken, and it ends with 5.`,
		Example: `  rewind checkpoint
  rewind checkpoint shop.orders
  rewind checkpoint shop.orders --at -30d`,
		ValidArgsFunction: a.completeTables(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			var spec replay.Spec
			if at != "" {
				if len(args) != 1 {
					return usageErrorf("rewind checkpoint shop.orders --at -30d").because(errors.New("--at needs one table"))
				}
				var err error
				if spec, err = replay.ParseSpec(at, time.Now(), time.Local); err != nil {
					return err
				}
			}
			c, err := a.loadConfig()
			if err != nil {
				return err
			}
			names, err := a.journaled(c, args)
			if err != nil {
				return err
			}
			var failed []error
			for _, name := range names {
				err := a.checkpoint(cmd.Context(), c, name, spec)
				if cmd.Context().Err() != nil {
					return cmd.Context().Err()
				}
				if err != nil {
					failed = append(failed, ofTable(name, err))
				}
			}
			return a.tellFailed(cmd.Context(), failed, len(names), "written down")
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "of the restore point that this time or id means (default: the newest)")
	return cmd
}

func (a *app) checkpoint(ctx context.Context, c *config, name table.Name, at replay.Spec) error {
	m := a.newMeter()
	defer m.stop()
	j, err := a.openJournal(c, name, m)
	if err != nil {
		return err
	}
	points := j.Points()
	p := points[len(points)-1]
	if at.Asked != "" {
		answer, err := j.At(at)
		if err != nil {
			return err
		}
		p = answer.Point
	}
	made, err := j.Checkpoint(ctx, p)
	m.stop()
	if err != nil {
		return err
	}
	if err := a.printCheckpointed(name, p, made); err != nil {
		return err
	}
	return j.Damage()
}

func (a *app) printCheckpointed(name table.Name, p replay.Point, made replay.Checkpointed) error {
	if a.json {
		return a.printJSON(made)
	}
	if made.Existed && p.Base {
		fmt.Fprintf(a.stdout, "%s: restore point %d, read until %s, is the base that the journal begins with, which is whole: it needs no checkpoint: %s\n", name, p.ID, clock(p.ReadEnded), made.Path)
		return nil
	}
	if made.Existed {
		fmt.Fprintf(a.stdout, "%s: restore point %d, read until %s, has a checkpoint already, which is whole: %s\n", name, p.ID, clock(p.ReadEnded), made.Path)
		return nil
	}
	from := "the baseline"
	if made.Since != 0 {
		from = fmt.Sprintf("the checkpoint of %d", made.Since)
	}
	fmt.Fprintf(a.stdout, "%s: checkpoint of restore point %d, read until %s: %s in %s, folded from %s and %s\n  %s\n", name, p.ID, clock(p.ReadEnded),
		count(p.Rows, "row"), byteText(made.Bytes), from, count(made.Changes, "change"), made.Path)
	return nil
}
