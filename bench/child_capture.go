package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"rewind/bench/workload"
	"rewind/producer"
	"rewind/sandbox"
	"rewind/table"
	"rewind/topic"
)

// serveKafka is an in-process Kafka in a process of its own, until it is told to end: whoever is measured does not pay for it.
func serveKafka(ctx context.Context, _ []string) error {
	k, err := sandbox.StartKafka(sandbox.KafkaOptions{})
	if err != nil {
		return err
	}
	if _, err := fmt.Println(k.Broker()); err != nil {
		return err
	}
	<-ctx.Done()
	return k.Close()
}

// measureCapture captures a table whose rows are ready, and says how long the stages took.
func measureCapture(ctx context.Context, args []string) error {
	if err := expect(args, "SHAPE", "ROWS", "STATE", "BROKER"); err != nil {
		return err
	}
	s, err := parseShape(args[0])
	if err != nil {
		return err
	}
	report, watch, err := capture(ctx, s, args[1], args[2], topic.Options{Brokers: []string{args[3]}, Prefix: prefixOf(args[2]), Partitions: 4})
	if err != nil {
		return err
	}
	more := map[string]float64{"file_bytes": float64(report.FileBytes), "published_bytes": float64(report.Bytes), "changes": float64(report.Counts.Total())}
	stagesInto(more, report.Stages)
	return watch.say(report.Rows, more)
}

// prefixOf makes a folder's topics its own.
func prefixOf(state string) string {
	return "bench-" + strings.ReplaceAll(filepath.Base(state), ".", "-")
}

func stagesInto(more map[string]float64, stages []table.Stage) {
	for _, stage := range stages {
		more[stage.Name+"_s"] += stage.Took.Seconds()
	}
}

func capture(ctx context.Context, s workload.Shape, rows, state string, o topic.Options) (producer.Report, stopwatch, error) {
	if err := os.MkdirAll(state, 0o700); err != nil {
		return producer.Report{}, stopwatch{}, err
	}
	kafka, err := topic.NewClient(o)
	if err != nil {
		return producer.Report{}, stopwatch{}, err
	}
	defer kafka.Close()
	p := producer.New(workload.Source{Shape: s, Read: workload.ReadRows(rows)}, kafka, producer.Options{Dir: state})
	watch := start()
	report, err := p.Capture(ctx, s.Name(), producer.TableOptions{AcceptClock: true, SortHere: filepath.Ext(rows) == ".shuffled"})
	if err != nil {
		return report, watch, err
	}
	return report, watch, p.Close()
}
