package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rewind/replay"
	"rewind/table"
)

// statusFlags are the flags of status.
type statusFlags struct {
	maxAge      time.Duration
	journalOnly bool
}

func (a *app) statusCommand() *cobra.Command {
	var f statusFlags
	cmd := &cobra.Command{
		Use:   "status [TABLE...]",
		Short: "How far each table is protected, with an exit code for cron",
		Long: `Says of every configured table, or of those named: its last restore point and how old that is, how far the journal lies
behind the topic, captures that are in Kafka but not in the journal yet, open gaps, damage, restores that were cut off, and how many
of the restore points are proved. It reads the journal, and asks Kafka; without Kafka it says all but how far behind.

It ends with the first of these that is true of a table:

  5  its journal is damaged
  4  it has no restore point, none younger than --max-age, a gap that is open, or a restore that was cut off
  7  Kafka does not answer, so that how far behind cannot be told
  0  all is well`,
		Example: `  rewind status
  rewind status shop.orders
  rewind status --max-age 30m || mail -s "rewind: a table is not protected" ops
  rewind status --json --journal-only`,
		ValidArgsFunction: a.completeTables(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("max-age") && f.maxAge <= 0 {
				return usageErrorf("such as --max-age 30m").because(fmt.Errorf("--max-age %s is no age", f.maxAge))
			}
			c, err := a.loadConfig()
			if err != nil {
				return err
			}
			names, err := a.watched(c, args)
			if err != nil {
				return err
			}
			return a.status(cmd.Context(), c, names, len(args) > 0, f)
		},
	}
	flags := cmd.Flags()
	flags.DurationVar(&f.maxAge, "max-age", 0, "how old a table's last restore point may be (0: of any age)")
	flags.BoolVar(&f.journalOnly, "journal-only", false, "do not ask Kafka")
	return cmd
}

// watched is the tables that args name, those that are configured, or where none is, those that have a journal.
func (a *app) watched(c *config, args []string) ([]table.Name, error) {
	if len(args) > 0 || len(c.Tables) == 0 {
		return a.journaled(c, args)
	}
	names := make([]table.Name, len(c.Tables))
	for i, t := range c.Tables {
		names[i] = t.name
	}
	return names, nil
}

// status looks at each table, shows what it found, and ends with what is worst.
func (a *app) status(ctx context.Context, c *config, names []table.Name, details bool, f statusFlags) error {
	kafka := newKafkaLook(a, c, f.journalOnly)
	defer kafka.close()
	var all []*tableStatus
	for _, name := range names {
		s, err := a.tableStatus(ctx, c, name, f, kafka)
		if err != nil {
			return err
		}
		all = append(all, s)
	}
	for _, s := range all {
		if a.json {
			if err := a.printJSON(s); err != nil {
				return err
			}
		}
	}
	if !a.json {
		a.printStatus(all, details)
	}
	return statusVerdict(all)
}

// tableStatus is how far a table is protected.
type tableStatus struct {
	Table      string          `json:"table"`
	OK         bool            `json:"ok"`
	Problems   []string        `json:"problems,omitempty"`
	Last       *statusPoint    `json:"last_point,omitempty"`
	AgeSeconds *float64        `json:"age_seconds,omitempty"` // since its read ended
	Points     int             `json:"points"`
	Proved     int             `json:"proved"`
	LastProof  *statusProof    `json:"last_proof,omitempty"`
	Kafka      kafkaStatus     `json:"kafka"`
	Gaps       []replay.Gap    `json:"open_gaps,omitempty"`
	Damage     []string        `json:"damage,omitempty"`
	Dropped    *replay.Dropped `json:"dropped,omitempty"` // by retention
	Restore    string          `json:"restore,omitempty"` // "running" or "cut off"

	found []found
}

// found is something that status ends with a code for.
type found struct {
	code int
	text string
}

// statusPoint is the last restore point.
type statusPoint struct {
	ID        int64     `json:"id"`
	ReadBegan time.Time `json:"read_began"`
	ReadEnded time.Time `json:"read_ended"`
	Rows      int64     `json:"rows"`
}

// statusProof is the proof that was made last.
type statusProof struct {
	ID int64 `json:"id"`
	replay.Proof
}

func (s *tableStatus) problem(code int, text string, args ...any) {
	s.found = append(s.found, found{code, fmt.Sprintf(text, args...)})
}

// statusOrder are the codes, worst first: damage does not go away by waiting, and an unknown lag may be none.
var statusOrder = []int{exitCorrupt, exitNothing, exitUnreachable}

// code is that of the worst problem, which comes first.
func (s *tableStatus) code() int {
	if s.OK {
		return exitOK
	}
	return s.found[0].code
}

// tableStatus looks at one table. What is wrong with it is no error.
func (a *app) tableStatus(ctx context.Context, c *config, name table.Name, f statusFlags, kafka *kafkaLook) (*tableStatus, error) {
	s := &tableStatus{Table: name.String()}
	j, err := replay.Open(c.journalDir(), name, a.replayOptions(c, nil))
	if err != nil {
		return nil, err
	}
	if _, configured := c.table(name); !configured && len(j.Points()) == 0 && j.Damage() == nil {
		return nil, a.neverCaptured(c, name)
	}
	if damage := j.Damage(); onlyUnopened(damage) {
		return nil, damage
	}
	s.points(j, f.maxAge, time.Now())
	s.wrong(j)
	if s.Restore, err = replay.Unfinished(name, a.replayOptions(c, nil)); err != nil {
		return nil, err
	}
	if s.Restore == replay.RestoreCutOff {
		s.problem(exitNothing, "a restore was cut off: the next produce, restore or drop-replaced finishes it, or undoes it")
	}
	if s.Kafka, err = kafka.look(ctx, name, j); err != nil {
		return nil, err
	}
	if s.Kafka.State == kafkaAway {
		s.problem(exitUnreachable, "how far behind is not known: %s", s.Kafka.Error)
	}
	if r := s.Kafka.Refused; r != nil {
		s.problem(exitNothing, "a gap is open: captures are refused from %s on: %s", clock(r.At), r.Reason)
	}
	if s.Kafka.shorter != "" {
		s.problem(exitCorrupt, "%s", s.Kafka.shorter)
	}
	for _, lost := range s.Kafka.lost {
		s.Damage = append(s.Damage, lost)
		s.problem(exitCorrupt, "damage: %s", lost)
	}
	if s.Kafka.State == kafkaNoTopic && s.Points > 0 {
		s.problem(exitNothing, "its topic %s is gone", kafka.client.Name(name))
	}
	s.OK = len(s.found) == 0
	slices.SortStableFunc(s.found, func(a, b found) int {
		return slices.Index(statusOrder, a.code) - slices.Index(statusOrder, b.code)
	})
	for _, f := range s.found {
		s.Problems = append(s.Problems, f.text)
	}
	return s, nil
}

// points says what can be restored.
func (s *tableStatus) points(j *replay.Journal, maxAge time.Duration, now time.Time) {
	points := j.Points()
	s.Points, s.Dropped = len(points), j.Dropped()
	for _, p := range points {
		if p.Proved == nil {
			continue
		}
		s.Proved++
		if s.LastProof == nil || !p.Proved.At.Before(s.LastProof.At) {
			s.LastProof = &statusProof{p.ID, *p.Proved}
		}
	}
	if len(points) == 0 && j.Damage() != nil {
		s.problem(exitNothing, "no restore point can be read")
		return
	}
	if len(points) == 0 {
		s.problem(exitNothing, "no restore point")
		return
	}
	last := points[len(points)-1]
	s.Last = &statusPoint{ID: last.ID, ReadBegan: last.ReadBegan, ReadEnded: last.ReadEnded, Rows: last.Rows}
	age := max(0, now.Sub(last.ReadEnded))
	seconds := age.Seconds()
	s.AgeSeconds = &seconds
	if maxAge > 0 && age > maxAge {
		s.problem(exitNothing, "its last restore point is %s old, more than %s", ageText(age), maxAge)
	}
}

// wrong says what of the journal cannot be restored.
func (s *tableStatus) wrong(j *replay.Journal) {
	for _, damage := range splitErrors(j.Damage()) {
		s.Damage = append(s.Damage, damage.Error())
		s.problem(exitCorrupt, "damage: %v", damage)
	}
	for _, gap := range openGaps(j) {
		s.Gaps = append(s.Gaps, gap)
		if gap.Refused {
			s.problem(exitNothing, "a gap is open: captures are refused from %s on: %s", clock(gap.At), gap.Reason)
			continue
		}
		s.problem(exitNothing, "a gap in partition %d at offset %d is open: %s", gap.Partition, gap.Offset, gap.Reason)
	}
}

// onlyUnopened says that what seems to be damage is a key that is missing, or the wrong one: nothing is wrong with the files.
func onlyUnopened(damage error) bool {
	all := splitErrors(damage)
	for _, err := range all {
		if exitCode(context.Background(), err) != exitUsage {
			return false
		}
	}
	return len(all) > 0
}

// splitErrors takes joined errors apart.
func splitErrors(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // the join itself is asked
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, splitErrors(e)...)
		}
		return all
	}
	return []error{err}
}

// openGaps are those that no restore point lies behind.
func openGaps(j *replay.Journal) (open []replay.Gap) {
	for _, g := range j.GapsInTime() {
		if g.Open {
			open = append(open, g)
		}
	}
	return open
}

// statusVerdict is nil where all is well. What is wrong was shown already.
func statusVerdict(all []*tableStatus) error {
	var bad []string
	worst := len(statusOrder)
	for _, s := range all {
		if !s.OK {
			bad = append(bad, s.Table)
			worst = min(worst, slices.Index(statusOrder, s.code()))
		}
	}
	switch {
	case len(bad) == 0:
		return nil
	case len(bad) == len(all) && len(all) > 1:
		return &codedError{code: statusOrder[worst], message: fmt.Sprintf("none of %d tables is well", len(all))}
	}
	return &codedError{code: statusOrder[worst], message: "not well: " + strings.Join(bad, ", ")}
}
