package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"rewind/replay"
	"rewind/table"
)

func (a *app) verifyCommand() *cobra.Command {
	var deep bool
	cmd := &cobra.Command{
		Use:   "verify [TABLE...]",
		Short: "Prove the journal: its files, its order, its restore points",
		Long: `Walks the journals of the tables named, or of all: every segment's checksums and the chain that links them, the
sequence of the messages, and every restore point's digest, computed again from the changes.

It reads the journal alone: neither Kafka nor Impala need to be there.`,
		Example: `  rewind verify
  rewind verify shop.orders --deep`,
		ValidArgsFunction: a.completeTables(0),
		RunE: func(cmd *cobra.Command, args []string) error {
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
				verdict, err := a.verify(cmd, c, name, deep)
				if verdict.Table == "" && err != nil {
					return err
				}
				if perr := a.printVerdict(verdict); perr != nil {
					return perr
				}
				if err != nil {
					failed = append(failed, &codedError{code: exitCorrupt, message: name.String() + " is not whole", cause: err,
						hint: "what stands before the damage can still be restored: rewind points " + name.String()})
				}
			}
			return errors.Join(failed...)
		},
	}
	cmd.Flags().BoolVar(&deep, "deep", false, "fold every restore point into its rows, not only the newest of each schema")
	return cmd
}

// verify gives the verdict on one table; err says why it is not a good one.
func (a *app) verify(cmd *cobra.Command, c *config, name table.Name, deep bool) (replay.Verdict, error) {
	m := a.newMeter()
	defer m.stop()
	j, err := replay.Open(c.journalDir(), name, a.replayOptions(c, m))
	if err != nil {
		return replay.Verdict{}, err
	}
	if len(j.Points()) == 0 && j.Damage() == nil {
		return replay.Verdict{}, j.NoPoints()
	}
	verdict, err := j.Verify(cmd.Context(), replay.VerifyOptions{Deep: deep})
	if err != nil {
		return verdict, err
	}
	for _, p := range verdict.Points {
		if !p.Proved && p.Why != "" {
			return verdict, fmt.Errorf("restore point %d: %s", p.Point.ID, p.Why)
		}
	}
	return verdict, nil
}

// provedLine says how a restore point was proved: in one line, or in two for a terminal that would break it.
func provedLine(p replay.Point, how string, narrow bool) string {
	id, rows, digest := strconv.FormatInt(p.ID, 10), count(p.Rows, "row"), "digest "+p.DigestText
	if narrow {
		return "  " + id + "  " + rows + "  " + how + "\n    " + digest + "\n"
	}
	return "  " + id + "  " + rows + "  " + digest + "  " + how + "\n"
}

// verdictWidth is what the line of a restore point needs, with rows by the million.
const verdictWidth = 120

func (a *app) printVerdict(v replay.Verdict) error {
	if a.json {
		return a.printJSON(v)
	}
	proved := 0
	for _, p := range v.Points {
		if p.Proved {
			proved++
		}
	}
	width := terminalWidth(a.stdout)
	narrow, then := width > 0 && width < verdictWidth, "; "
	if narrow {
		then = "\n  "
	}
	fmt.Fprintf(a.stdout, "%s: %d of %d restore points proved%s%s entries in %s, %s bytes, %.2f s\n",
		v.Table, proved, len(v.Points), then, thousands(v.Entries), count(int64(v.Segments), "segment"), thousands(v.Bytes), v.Seconds)
	for _, p := range v.Points {
		if p.Proved {
			fmt.Fprint(a.stdout, provedLine(p.Point, p.How, narrow))
		} else {
			fmt.Fprintf(a.stdout, "  %d  %s  %s\n", p.Point.ID, paint(a.stdout, colorBad, "NOT PROVED"), p.Why)
		}
	}
	for _, damage := range v.Damage {
		fmt.Fprintf(a.stdout, "  %s %s\n", paint(a.stdout, colorBad, "damage:"), damage)
	}
	for _, gap := range v.Gaps {
		fmt.Fprintf(a.stdout, "  gap in partition %d at offset %d: %s\n", gap.Partition, gap.Offset, gap.Reason)
	}
	return nil
}
