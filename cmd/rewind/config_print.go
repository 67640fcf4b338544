package main

import (
	"fmt"
	"strings"
)

// printCheck prints what was found: every line a fact, every problem with what to do about it.
func (a *app) printCheck(k *configCheck) error {
	if a.json {
		return a.printJSON(k)
	}
	g := newGrid("", "")
	g.add("configuration", k.Config)
	g.add("Kafka", orNone(strings.Join(k.Brokers, ", ")+", topics "+k.Prefix+".<database>.<table>", len(k.Brokers) == 0))
	g.add("Impala", orNone(k.Impala, k.Impala == ""))
	g.add("staging", orNone(k.Staging, k.Staging == ""))
	folder := k.Data
	if k.FreeBytes >= 0 {
		folder += " (" + byteText(k.FreeBytes) + " free)"
	}
	g.add("data", folder)
	if k.Signing != "" {
		g.add("journal", k.Signing)
	}
	g.add("checkpoints", checkpointsText(k.EveryMany))
	if k.Encrypted != "" {
		g.add("encryption", k.Encrypted)
	}
	if k.InEngine != nil {
		g.add("proof", proofText(*k.InEngine))
	}
	g.printBare(a.stdout)
	for _, w := range k.Warnings {
		fmt.Fprintln(a.stdout, "warning: "+w)
	}
	if len(k.Tables) == 0 {
		fmt.Fprintln(a.stdout, "\nno table is configured")
	}
	for _, t := range k.Tables {
		fmt.Fprintln(a.stdout)
		a.printTableCheck(k, t)
	}
	if !k.Connected {
		fmt.Fprintln(a.stdout, "\nnobody was asked: --connect asks Kafka and Impala")
	}
	return nil
}

func checkpointsText(every int64) string {
	if every == 0 {
		return "none by itself"
	}
	return "of each table every " + count(every, "event")
}

func orNone(text string, none bool) string {
	if none {
		return "not configured"
	}
	return text
}

func proofText(inEngine bool) string {
	if inEngine {
		return "inside the engine: it has Impala's functions"
	}
	return "by reading the rows back: the engine lacks functions of Impala"
}

func (a *app) printTableCheck(k *configCheck, t *tableCheck) {
	fmt.Fprintln(a.stdout, t.Table)
	g := newGrid("", "")
	if t.Kind != "" {
		g.add("  kind", fmt.Sprintf("%s, %s", t.Kind, count(int64(t.Columns), "column")))
	}
	switch {
	case isWholeRow(t.Key):
		g.add("  key", "the whole row (from "+t.KeyFrom+")")
	case len(t.Key) > 0:
		g.add("  key", strings.Join(t.Key, ", ")+" (from "+t.KeyFrom+")")
	case k.Connected:
		g.add("  key", "none known")
	default:
		g.add("  key", "not configured: Kudu tables know theirs")
	}
	if t.Order == orderLocal {
		g.add("  sorted", sortText(t.SortBytes))
	}
	if t.Streams > 1 {
		g.add("  read", fmt.Sprintf("by %d streams at once, as of one instant", t.Streams))
	}
	if len(t.Exclude) > 0 {
		g.add("  excluded", strings.Join(t.Exclude, ", "))
	}
	if t.Rows != nil {
		g.add("  rows", thousands(*t.Rows))
		g.add("  disk", "about "+byteText(*t.DiskBytes)+" for two snapshots, up to twice as much for checkpoints and a base; the journal grows with the changes")
	}
	g.add("  guard", "deletes "+t.Guard.Deletes+", changes "+t.Guard.Changes)
	if t.Topic != "" {
		state := "the first capture makes it"
		if t.Partitions > 0 {
			state = count(int64(t.Partitions), "partition")
		}
		g.add("  topic", t.Topic+" ("+state+")")
	}
	if t.Staging != "" {
		g.add("  staging", t.Staging)
	}
	for _, unchecked := range t.Unchecked {
		g.add("  not checked", unchecked)
	}
	g.printBare(a.stdout)
	for _, p := range t.Problems {
		fmt.Fprintf(a.stdout, "  problem: %s\n", p.Problem)
		if p.Hint != "" {
			fmt.Fprintf(a.stdout, "           %s\n", p.Hint)
		}
	}
}

// byteText is 1.2 GB, 340 kB.
func byteText(n int64) string {
	units := []struct {
		name  string
		bytes float64
	}{{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}}
	for _, u := range units {
		if float64(n) >= u.bytes {
			return fmt.Sprintf("%.1f %s", float64(n)/u.bytes, u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
