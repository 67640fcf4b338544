package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"rewind/bench/workload"
)

// children are what runs in a process of its own: what is measured, and what prepares it.
func children() map[string]func(ctx context.Context, args []string) error {
	return map[string]func(context.Context, []string) error{
		"table":         makeTable,
		"codec":         measureCodec,
		"capture":       measureCapture,
		"journal":       makeJournal,
		"checkpoint":    makeCheckpoint,
		"fold":          measureFold,
		"restore":       measureRestore,
		"history":       measureHistory,
		"publish":       measurePublish,
		"publish-kafka": measureBareProduce,
		"publish-franz": measureFranz,
		"topic":         createTopic,
		"consume":       measureConsume,
		"consume-kafka": measureBareRead,
		"disk":          measureDisk,
		"load-engine":   loadEngine,
		"scan":          measureScan,
		"scan-streams":  measureStreams,
		"scan-driver":   measureDriver,
		"profiles":      mergeProfiles,
	}
}

// servers are what children talk to.
func servers() map[string]func(ctx context.Context, args []string) error {
	return map[string]func(context.Context, []string) error{"kafka": serveKafka, "impala": serveImpala}
}

func runChild(ctx context.Context, args []string) error {
	all := children()
	if args[0] == "serve" {
		all = servers()
	}
	if len(args) > 1 {
		if do, known := all[args[1]]; known {
			return profiled(args[1], func() error { return do(ctx, args[2:]) })
		}
	}
	return fmt.Errorf("%s: one of %s is missing", args[0], strings.Join(slices.Sorted(maps.Keys(all)), ", "))
}

// profiled leaves a CPU profile of a child in the folder that BENCH_PROFILE names, one file a process.
func profiled(name string, do func() error) error {
	folder := os.Getenv("BENCH_PROFILE")
	if folder == "" {
		return do()
	}
	f, err := os.Create(filepath.Join(folder, fmt.Sprintf("%s-%d.pprof", name, os.Getpid())))
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	err = do()
	pprof.StopCPUProfile()
	return errors.Join(err, f.Close())
}

// stopwatch measures from here on, in a process that did something else before.
type stopwatch struct {
	began time.Time
	cpu   float64
}

func start() stopwatch { return stopwatch{time.Now(), cpuOfSelf()} }

// say writes what was measured, for the process that started this one.
func (s stopwatch) say(units int64, more map[string]float64) error {
	m := measure{WallSeconds: time.Since(s.began).Seconds(), CPUSeconds: cpuOfSelf() - s.cpu, PeakMiB: peakOfSelf(), Units: float64(units), More: more}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = fmt.Println(string(b))
	return err
}

// expect says whether a child got the arguments it needs.
func expect(args []string, names ...string) error {
	if len(args) != len(names) {
		return fmt.Errorf("arguments: %s", strings.Join(names, " "))
	}
	return nil
}

func shapeText(s workload.Shape) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // numbers and booleans
	}
	return string(b)
}

func parseShape(text string) (s workload.Shape, err error) {
	err = json.Unmarshal([]byte(text), &s)
	return s, err
}

// makeTable writes one version of a table: as encoded rows, in key order or in none, or as CSV.
func makeTable(_ context.Context, args []string) error {
	if err := expect(args, "SHAPE", "VERSION", "FILE"); err != nil {
		return err
	}
	s, err := parseShape(args[0])
	if err != nil {
		return err
	}
	version := 1
	if args[1] == "2" {
		version = 2
	}
	unfinished := args[2] + ".part"
	switch filepath.Ext(args[2]) {
	case ".csv":
		err = workload.WriteCSV(unfinished, s, version)
	case ".shuffled":
		err = workload.WriteShuffled(unfinished, s.Encoded(version), s.Seed)
	default:
		err = workload.WriteRows(unfinished, s.Encoded(version))
	}
	if err != nil {
		return err
	}
	return os.Rename(unfinished, args[2])
}
