package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rewind/replay"
	"rewind/table"
)

// retainFlags are the flags of retain.
type retainFlags struct {
	keep  string
	apply bool

	acceptClock bool
}

func (a *app) retainCommand() *cobra.Command {
	var f retainFlags
	cmd := &cobra.Command{
		Use:   "retain --keep AGE [--apply] [TABLE...]",
		Short: "Drop what is older than is to be kept",
		Long: `Drops the restore points that are older than every time of the last AGE can mean: 90d, 12h, 8w. It says what would go, and
drops nothing until told --apply.

The rows of the oldest restore point that stays become the base, which the journal begins with from then on. It is proved
by its digest as it stands on the disk. Then a record of what goes is written, with the SHA-256 of the last segment of each
partition that goes; then the sealed segments go that lie before that point as a whole. What was dropped is gone for good.
The restore points from the base on come back as before, and verify proves them.

With --apply, what goes and what stays is read and proved first, as verify --full does, and held to its signed heads where a key is configured;
without, little is read, and damage may show only then.
Only whole segments go (256 MiB; less where the schema changed, or encryption.seal_after came first), and never the one that is appended to. Nothing
is dropped while anything is doubtful: a damaged journal, a gap that is open, rows that do not add up, a clock. It runs beside a
consumer, but a stream that goes as a whole (the topic was made anew since) must have none.

The oldest restore point that stays must be known to have come to the disk: something that the consumer wrote later stands behind
it, or a signed head says so. So --keep 0d of a journal that is not signed leaves the newest two, until the next capture is
consumed. With journal.sign_key the record is signed; where journal.verify_key alone is configured, it must be run where
the other one is. A journal that is not signed yet, or with another key, is refused as verify refuses it, until
consume --sign-as-found has signed it.`,
		Example: `  rewind retain --keep 90d
  rewind retain --keep 90d --apply
  rewind retain shop.orders --keep 12w --apply`,
		ValidArgsFunction: a.completeTables(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			age, err := parseAge(f.keep)
			if err != nil {
				return usageErrorf("--keep 90d, 12h or 8w").because(err)
			}
			c, err := a.loadConfig()
			if err != nil {
				return err
			}
			o := replay.RetainOptions{Since: time.Now().Add(-age), Kept: "the last " + f.keep, AcceptClock: f.acceptClock || age == 0}
			if o.Key, err = c.signKey(); err != nil {
				return err
			}
			if _, err := c.verifyKey(); err != nil {
				return err
			}
			if o.Key == nil && c.Journal.VerifyKey != "" && f.apply {
				return usageErrorf("run it where journal.sign_key is configured").
					because(errors.New("journal.verify_key is configured: the record of what is dropped must be signed"))
			}
			names, err := a.journaled(c, args)
			if err != nil {
				return err
			}
			return a.retainAll(cmd.Context(), c, names, o, f)
		},
	}
	cmd.Flags().StringVar(&f.keep, "keep", "", "how far back every time can be asked for: 90d, 12h, 8w; 0d leaves the newest alone, as soon as something follows it")
	cmd.Flags().BoolVar(&f.acceptClock, "accept-clock", false, "drop although, by the clock, nothing was captured for as long as is kept: the newest restore point alone is left")
	cmd.Flags().BoolVar(&f.apply, "apply", false, "do it: without, it only says what would go")
	return cmd
}

var ageForm = regexp.MustCompile(`^(0|[1-9][0-9]*)(h|d|w)$`)

// parseAge reads 12h, 90d, 8w.
func parseAge(text string) (time.Duration, error) {
	m := ageForm.FindStringSubmatch(text)
	if m == nil {
		if text == "" {
			return 0, errors.New("--keep is missing")
		}
		return 0, fmt.Errorf("%q is no age", text)
	}
	n, err := strconv.Atoi(m[1])
	if errors.Is(err, strconv.ErrRange) {
		n, err = math.MaxInt, nil
	}
	if err != nil {
		return 0, err
	}
	unit := map[string]time.Duration{"h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}[m[2]]
	const most = 100 * 365 * 24 * time.Hour
	if n <= int(most/unit) {
		return time.Duration(n) * unit, nil
	}
	return 0, fmt.Errorf("%s is longer than a hundred years: at most %dd", text, most/(24*time.Hour))
}

func (a *app) retainAll(ctx context.Context, c *config, names []table.Name, o replay.RetainOptions, f retainFlags) error {
	var failed []error
	for _, name := range names {
		r, err := a.retain(ctx, c, name, o, f)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			err = a.printRetention(name, r, f)
		}
		if err != nil {
			failed = append(failed, ofTable(name, err))
		}
	}
	return a.tellFailed(ctx, failed, len(names), "looked at")
}

// ofTable names the table in an error that does not.
func ofTable(name table.Name, err error) error {
	if strings.Contains(err.Error(), name.String()) {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// tellFailed shows what failed of a job over several tables, and sums it up; of a job over one it is that error.
func (a *app) tellFailed(ctx context.Context, failed []error, of int, done string) error {
	if of == 1 {
		return errors.Join(failed...)
	}
	for _, err := range failed {
		a.printError(err, exitCode(ctx, err))
	}
	return someFailed(failed, of, done)
}

func (a *app) retain(ctx context.Context, c *config, name table.Name, o replay.RetainOptions, f retainFlags) (replay.Retention, error) {
	m := a.newMeter()
	defer m.stop()
	j, err := a.openJournal(c, name, m)
	if err != nil {
		return replay.Retention{}, err
	}
	if f.apply {
		return j.Retain(ctx, o)
	}
	return j.PlanRetention(ctx, o)
}

func (a *app) printRetention(name table.Name, r replay.Retention, f retainFlags) error {
	if a.json {
		return a.printJSON(r)
	}
	if r.Nothing != "" {
		fmt.Fprintf(a.stdout, "%s: nothing to drop: %s\n", name, r.Nothing)
		return nil
	}
	done, hint := "dropped", ""
	if !r.Applied {
		done, hint = "would drop", "  nothing was changed: --apply does it\n"
	}
	what := "no restore point"
	if r.Points > 0 {
		what = fmt.Sprintf("%s (%d to %d)", count(int64(r.Points), "restore point"), r.From, r.To)
	}
	waits := ""
	if r.Waits != 0 {
		waits = fmt.Sprintf("  restore point %d would be, once something follows it: only then is it known to have come to the disk\n", r.Waits)
	}
	fmt.Fprintf(a.stdout, "%s: %s %s and %s (%s)\n  the oldest restore point then is %d, read until %s; %s left\n%s%s", name, done, what, count(int64(r.Segments), "segment"),
		byteText(r.Bytes), r.Oldest.ID, clock(r.Oldest.ReadEnded), count(int64(r.Left), "restore point"), waits, hint)
	return nil
}
