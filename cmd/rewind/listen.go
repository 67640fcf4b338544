package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"rewind/consumer"
	"rewind/metrics"
	"rewind/producer"
	"rewind/table"
	"rewind/topic"
)

// listenFlags are those of a command that can be watched while it runs.
type listenFlags struct {
	address string
	maxAge  time.Duration
}

func (f *listenFlags) add(cmd *cobra.Command, what string) {
	flags := cmd.Flags()
	flags.StringVar(&f.address, "listen", "", "serve /metrics to Prometheus and /healthz at this address; a port alone is this machine's own")
	flags.DurationVar(&f.maxAge, "max-age", 0, "with --listen: how old "+what+" may be before /healthz says 503 (0: of any age)")
}

// check says what makes no sense; running is whether the command goes on until it is stopped.
func (f listenFlags) check(running bool, hint string) error {
	switch {
	case f.address == "" && f.maxAge != 0:
		return usageErrorf("--listen 127.0.0.1:9469 --max-age 30m; rewind status --max-age asks once").because(errors.New("--max-age needs --listen"))
	case f.address != "" && !running:
		return usageErrorf("%s", hint).because(errors.New("--listen is of a command that runs until it is stopped"))
	case f.maxAge < 0:
		return usageErrorf("such as --max-age 30m").because(fmt.Errorf("--max-age %s is no age", f.maxAge))
	}
	return nil
}

func (f listenFlags) options(tables []tableConfig) metrics.Options {
	build := buildInfo()
	o := metrics.Options{Version: build.Version, Revision: build.Revision, MaxAge: f.maxAge}
	for _, t := range tables {
		o.Tables = append(o.Tables, t.name.String())
	}
	return o
}

// listening is a server that runs, and what it needs; nil is none.
type listening struct {
	app    *app
	server *metrics.Server
	stop   context.CancelFunc
	wait   sync.WaitGroup
}

// listen occupies the address before anything begins, and says where it is.
func (a *app) listen(ctx context.Context, f listenFlags) (*listening, error) {
	server, err := metrics.Listen(ctx, f.address)
	if err != nil {
		return nil, err
	}
	a.log.Info("listening", "address", server.Addr())
	return &listening{app: a, server: server, stop: func() {}}, nil
}

// close ends the server and what it started.
func (l *listening) close() {
	if l == nil {
		return
	}
	l.stop()
	l.wait.Wait()
	if err := l.server.Close(); err != nil {
		l.app.log.Warn("the metrics' server was not closed well", "error", err)
	}
}

// listenProduce serves a producer's metrics, if that was asked for.
func (a *app) listenProduce(ctx context.Context, tables []tableConfig, f listenFlags) (*listening, *metrics.Producer, error) {
	if f.address == "" {
		return nil, nil, nil
	}
	l, err := a.listen(ctx, f)
	if err != nil {
		return nil, nil, err
	}
	counts := metrics.NewProducer(f.options(tables))
	l.server.Serve(counts)
	return l, counts, nil
}

// begun counts a capture; what it gives is called with its end.
func (k *capturer) begun(name table.Name) (ended func(context.Context, producer.Report, error)) {
	if k.counts == nil {
		return func(context.Context, producer.Report, error) {}
	}
	began := time.Now()
	k.counts.Begun(name.String())
	return func(ctx context.Context, r producer.Report, err error) {
		took := time.Since(began)
		if ctx.Err() != nil {
			return // nobody looks any more
		}
		if err != nil {
			k.counts.Failed(name.String(), errorKind(exitCode(ctx, err)), took)
			return
		}
		k.counts.Committed(metrics.Capture{Table: name.String(), Took: took, ReadEnded: r.ReadEnded, Rows: r.Rows, Bytes: r.Bytes,
			Changes: [4]int64{r.Counts.Reads, r.Counts.Creates, r.Counts.Updates, r.Counts.Deletes}})
	}
}

// listenConsume serves a consumer's metrics, if that was asked for, fed through the options' callbacks.
func (a *app) listenConsume(ctx context.Context, c *config, tables []tableConfig, f listenFlags, o *consumer.Options) (*listening, error) {
	if f.address == "" {
		return nil, nil
	}
	l, err := a.listen(ctx, f)
	if err != nil {
		return nil, err
	}
	counts := metrics.NewConsumer(f.options(tables))
	o.Progress = func(p consumer.Progress) {
		counts.Journaled(metrics.Partition{Table: p.Table.String(), Partition: p.Partition, Entries: p.Entries, Bytes: p.Bytes,
			Repeats: p.Repeats, Stale: p.Stale, Doubtful: p.Doubtful, Gaps: p.Gaps, Next: p.Next,
			Snapshot: p.Snapshot, ReadEnded: p.ReadEnded, Across: p.Across, Torn: p.Torn})
	}
	o.Trouble = func(t consumer.Trouble) {
		if t.Err == nil {
			counts.Recovered(t.Table.String())
		} else {
			counts.Failed(t.Table.String(), errorKind(exitCode(ctx, t.Err)))
		}
		a.printTrouble(ctx, t)
	}
	until, stop := context.WithCancel(ctx)
	l.stop = stop
	l.wait.Go(func() { a.watchEnds(until, c, tables, counts) })
	l.server.Serve(counts)
	return l, nil
}

// How often Kafka is asked where the topics end, and how long it may take to answer.
const (
	endsEvery = 15 * time.Second
	endsLook  = 10 * time.Second
)

// watchEnds asks Kafka where the topics end: a consumer that stands still does not know.
func (a *app) watchEnds(ctx context.Context, c *config, tables []tableConfig, counts *metrics.Consumer) {
	quiet := *a
	quiet.log = slog.New(slog.DiscardHandler) // the consumer says that Kafka is away
	kafka, err := quiet.openKafka(c, tableConfig{})
	if err != nil {
		return // the consumer says why
	}
	defer kafka.Close()
	ticker := time.NewTicker(endsEvery)
	defer ticker.Stop()
	for {
		for _, t := range tables {
			limited, cancel := context.WithTimeout(ctx, endsLook)
			ends, err := endsIn(limited, kafka, t.name)
			cancel()
			switch {
			case ctx.Err() != nil:
				return
			case err == nil:
				counts.Ended(t.name.String(), ends)
			case exitCode(ctx, err) == exitUnreachable || errors.Is(err, context.DeadlineExceeded):
				counts.Away()
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// endsIn is where the partitions of a table's topic end.
func endsIn(ctx context.Context, kafka *topic.Client, name table.Name) ([]int64, error) {
	opened, err := kafka.Open(ctx, name, false)
	if err != nil {
		return nil, err
	}
	ends := make([]int64, opened.Partitions())
	for p := range ends {
		if _, ends[p], err = opened.Bounds(ctx, p); err != nil {
			return nil, err
		}
	}
	return ends, nil
}

// errorKind is the word for an exit code: what an error is counted under. An error's text may hold a row's key.
func errorKind(code int) string {
	kind, known := map[int]string{
		exitUsage: "configuration", exitPartial: "partial", exitNothing: "nothing_there", exitCorrupt: "corrupt",
		exitRefused: metrics.Refused, exitUnreachable: "unreachable", exitLocked: "locked", exitInterrupted: "interrupted",
	}[code]
	if !known {
		return metrics.Failed
	}
	return kind
}
