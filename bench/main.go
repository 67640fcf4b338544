// Command bench measures rewind beside what a user would pick instead, in one run on one machine, and writes docs/PERFORMANCE.md.
//
// Every figure is of a process of its own (this program again, or a peer), so that its CPU and its peak memory are the system's
// account of it. Within a stage the contestants take turns, round after round, with two threads each; the first round warms up and
// is not counted. README.md says how to run it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"rewind/bench/workload"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings of a run.
type settings struct {
	rows   int64 // of the largest table
	rounds int
	seed   uint64
	work   string // folder for everything that is made on the way
	out    string // folder of PERFORMANCE.md
	only   map[string]bool
	kafka  string // bootstrap address; "": none, and the stages that need one say so
	jars   string // of Kafka's own tools
	slow   bool   // with the peers that take minutes
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && (args[0] == "child" || args[0] == "serve") {
		return runChild(ctx, args)
	}
	var s settings
	var rows, only string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&rows, "rows", "10M", "rows of the largest table; every other size shrinks with it")
	flags.IntVar(&s.rounds, "rounds", 5, "counted rounds of every stage")
	flags.Uint64Var(&s.seed, "seed", 1, "of the workload")
	flags.StringVar(&s.work, "work", ".bench", "folder for tables, journals and peers")
	flags.StringVar(&s.out, "out", "", "folder of PERFORMANCE.md (default: docs at the full size, the work folder at a smaller one)")
	flags.StringVar(&only, "only", "", "stages to run, by comma: "+strings.Join(stageKeys(), ","))
	flags.StringVar(&s.kafka, "kafka", "", "bootstrap address of a real Kafka")
	flags.StringVar(&s.jars, "jars", "", "folder with the jars of Kafka's perf tools")
	flags.BoolVar(&s.slow, "slow", true, "with reladiff and dbt, which take most of the time")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	var err error
	if s.rows, err = workload.ParseRows(rows); err != nil {
		return err
	}
	if s.work, err = filepath.Abs(s.work); err != nil {
		return err
	}
	if s.only, err = chosen(only); err != nil {
		return err
	}
	if s.out == "" {
		s.out = s.work
		if s.rows >= fullRows && s.only == nil {
			s.out = "docs"
		}
	}
	if err := os.MkdirAll(s.work, 0o700); err != nil {
		return err
	}
	return runStages(ctx, s)
}

// fullRows is the size that the document is about.
const fullRows = 10_000_000

func chosen(only string) (map[string]bool, error) {
	if only == "" {
		return nil, nil
	}
	known, keys := map[string]bool{}, map[string]bool{}
	for _, key := range stageKeys() {
		known[key] = true
	}
	for key := range strings.SplitSeq(only, ",") {
		if !known[key] {
			return nil, fmt.Errorf("there is no stage %q; there are %s", key, strings.Join(stageKeys(), ", "))
		}
		keys[key] = true
	}
	return keys, nil
}
