package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"rewind/replay"
)

// printStatus shows a line a table, or with details a block a table, and beneath what is wrong.
func (a *app) printStatus(all []*tableStatus, details bool) {
	if details {
		for i, s := range all {
			if i > 0 {
				fmt.Fprintln(a.stdout)
			}
			a.printStatusDetails(s)
		}
		return
	}
	g := newGrid("table", "last restore point", "age", "behind", "proved", "")
	g.rightAlign(3, 4)
	for _, s := range all {
		id, age := "none", ""
		if s.Last != nil {
			id, age = fmt.Sprint(s.Last.ID), ageText(time.Duration(*s.AgeSeconds*float64(time.Second)))
		}
		g.add(s.Table, id, age, s.Kafka.behind(), fmt.Sprintf("%d of %d", s.Proved, s.Points), s.word(a.stdout))
	}
	g.print(a.stdout)
	for _, s := range all {
		for _, text := range s.notes() {
			fmt.Fprintln(a.stdout, fitted(a.stdout, s.Table+": "+text, "  "))
		}
	}
}

// fitted breaks a line for a terminal; a pipe gets it whole.
func fitted(w io.Writer, text, indent string) string {
	width := terminalWidth(w)
	if width == 0 {
		return text
	}
	return wrap(text, indent, width-len(indent))
}

// word is the verdict on a table.
func (s *tableStatus) word(w io.Writer) string {
	if s.OK {
		return paint(w, colorGood, "ok")
	}
	return paint(w, colorBad, map[int]string{exitCorrupt: "DAMAGED", exitNothing: "NOT WELL", exitUnreachable: "UNKNOWN"}[s.code()])
}

// notes are its problems, and what else somebody who looks should know.
func (s *tableStatus) notes() []string {
	notes := slices.Clone(s.Problems)
	if n := len(s.Kafka.Waiting); n > 0 {
		more := ""
		if s.Kafka.More {
			more = " or more"
		}
		notes = append(notes, fmt.Sprintf("%s%s in Kafka, not in the journal yet; the newest is %d, read until %s",
			count(int64(n), "capture"), more, s.Kafka.Waiting[n-1].Snapshot, clock(s.Kafka.Waiting[n-1].ReadEnded)))
	}
	if s.Restore == replay.RestoreRunning {
		notes = append(notes, "a restore is running")
	}
	return notes
}

// behind is the lag in messages; "?" where it is not known.
func (k kafkaStatus) behind() string {
	switch {
	case k.Lag != nil:
		return thousands(*k.Lag)
	case k.State == kafkaNoTopic:
		return "no topic"
	}
	return "?"
}

func (a *app) printStatusDetails(s *tableStatus) {
	fmt.Fprintf(a.stdout, "%s: %s\n", s.Table, s.word(a.stdout))
	g := newGrid("", "")
	if s.Last != nil {
		g.add("  last restore point", fmt.Sprint(s.Last.ID))
		g.add("  read until", fmt.Sprintf("%s, %s ago", clock(s.Last.ReadEnded), ageText(time.Duration(*s.AgeSeconds*float64(time.Second)))))
		g.add("  rows", thousands(s.Last.Rows))
	}
	g.add("  restore points", thousands(int64(s.Points)))
	proved := thousands(int64(s.Proved))
	if s.LastProof != nil {
		proved += fmt.Sprintf(", the last at %s (%s)", clock(s.LastProof.At), s.LastProof.How)
	}
	g.add("  of them proved", proved)
	g.add("  behind Kafka", s.Kafka.behindText())
	g.printBare(a.stdout)
	for _, text := range s.notes() {
		fmt.Fprintln(a.stdout, "  "+fitted(a.stdout, text, "    "))
	}
}

func (k kafkaStatus) behindText() string {
	switch {
	case k.State == kafkaUnasked:
		return "not asked"
	case k.State == kafkaNoTopic:
		return "there is no topic"
	case k.unread:
		return "cannot be told: the journal is damaged, and not read to its end"
	case k.Lag == nil:
		return "not known"
	case *k.Lag == 0:
		return "nothing"
	}
	var parts []string
	for _, p := range k.Partitions {
		if *p.Lag > 0 {
			parts = append(parts, fmt.Sprintf("%d: %s", p.Partition, thousands(*p.Lag)))
		}
	}
	return fmt.Sprintf("%s (partition %s)", count(*k.Lag, "message"), strings.Join(parts, ", "))
}

// ageText writes how long ago something was, to two units.
func ageText(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm %02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh %02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd %02dh", int(d.Hours())/24, int(d.Hours())%24)
}
