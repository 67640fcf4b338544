package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"rewind/consumer"
	"rewind/table"
)

// consumeFlags are the flags of consume.
type consumeFlags struct {
	untilCaughtUp bool
	skip          int64
	skipUntil     int64
	partition     int
	signAsFound   bool
	refetch       bool
}

func (a *app) consumeCommand() *cobra.Command {
	f := consumeFlags{}
	var listen listenFlags
	cmd := &cobra.Command{
		Use:   "consume [TABLE...]",
		Short: "Keep in the journal what was published to Kafka",
		Long: `Appends the messages of every configured table's topic, or of those named, to the journal, until stopped. What is in the
journal is durable: one fsync a batch. It waits for topics that are not there yet, and through outages of Kafka.

A table whose topic holds a message that is not the one that must come next, or that is not rewind's, is stopped, and the
message named; the other tables go on, and the stopped one is tried again every five minutes. --skip gives such a message
up: the journal then says for good that there is a gap. A batch of messages that is damaged in Kafka is given up whole, by
its first offset. Where Kafka's retention took messages before they were journaled,
the gap is written without being asked, for nobody can bring them back; with --until-caught-up the command then ends
with 3. "rewind points" shows the gaps; "rewind produce TABLE --rebaseline" closes them.

A journal that ends before the place that Kafka knows it had reached has lost its end, and is not gone on with: it may come
back from a copy. --refetch reads again what the topic still has of it.`,
		Example: `  rewind consume
  rewind consume --listen 127.0.0.1:9470
  rewind consume --until-caught-up
  rewind consume shop.orders --partition 2 --skip 1234
  rewind consume shop.orders --refetch`,
		ValidArgsFunction: a.completeTables(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := listen.check(!f.untilCaughtUp, "rewind consume --listen 127.0.0.1:9470"); err != nil {
				return err
			}
			c, err := a.loadConfig()
			if err != nil {
				return err
			}
			tables, err := c.selectTables(args)
			if err != nil {
				return err
			}
			if f.refetch && len(args) != 1 {
				return usageErrorf("rewind consume shop.orders --refetch").because(errors.New("--refetch needs one table"))
			}
			skip, err := f.skips(tables, cmd.Flags().Changed("skip"))
			if err != nil {
				return err
			}
			o := consumer.Options{UntilCaughtUp: f.untilCaughtUp, Skip: skip, SignAsFound: f.signAsFound, Refetch: f.refetch}
			served, err := a.listenConsume(cmd.Context(), c, tables, listen, &o)
			if err != nil {
				return err
			}
			defer served.close()
			m := a.newMeter()
			defer m.stop()
			report, err := a.consume(cmd.Context(), c, tables, o, m)
			m.stop()
			if err == nil && f.untilCaughtUp && len(skip) == 0 {
				err = gapsWritten(report)
			}
			return errors.Join(err, a.printConsumed(report))
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.untilCaughtUp, "until-caught-up", false, "end at the ends that the topics have at the start")
	flags.Int64Var(&f.skip, "skip", 0, "give up the message at this offset, if the consumer stops there (needs a table and --partition)")
	flags.Int64Var(&f.skipUntil, "skip-until", 0, "with --skip: the first offset that is not given up (default: the one after it)")
	listen.add(cmd, "a table's last restore point")
	flags.IntVar(&f.partition, "partition", -1, "with --skip: the partition")
	flags.BoolVar(&f.signAsFound, "sign-as-found", false, "sign journals as they stand, though their signed head is missing or another one (journal.sign_key)")
	flags.BoolVar(&f.refetch, "refetch", false, "go on with a journal that lost its end, and read again what the topic still has of it (needs a table)")
	return cmd
}

// gapsWritten says that the journal has gaps which nobody asked for.
func gapsWritten(report consumer.Report) error {
	for _, p := range report.Partitions {
		if p.Gaps > 0 {
			return &codedError{code: exitPartial, message: fmt.Sprintf("%s: messages were removed from Kafka before they were journaled: the journal has a gap", p.Table),
				hint: fmt.Sprintf(`"rewind points %s" shows it; "rewind produce %s --rebaseline" makes the table restorable again`, p.Table, p.Table)}
		}
	}
	return nil
}

// skips is what --skip means.
func (f consumeFlags) skips(tables []tableConfig, given bool) ([]consumer.Skip, error) {
	if !given {
		return nil, nil
	}
	if len(tables) != 1 || f.partition < 0 || f.skip < 0 {
		return nil, usageErrorf("rewind consume shop.orders --partition 2 --skip 1234").
			because(errors.New("--skip needs one table, its partition and an offset"))
	}
	if f.skipUntil != 0 && f.skipUntil <= f.skip {
		return nil, usageErrorf("it is the first offset that is kept").because(errors.New("--skip-until is not behind --skip"))
	}
	return []consumer.Skip{{Table: tables[0].name, Partition: f.partition, Offset: f.skip, Next: f.skipUntil}}, nil
}

// consume runs the consumer of the tables.
func (a *app) consume(ctx context.Context, c *config, tables []tableConfig, o consumer.Options, m *meter) (consumer.Report, error) {
	kafka, err := a.openKafka(c, tableConfig{})
	if err != nil {
		return consumer.Report{}, err
	}
	defer kafka.Close()
	o.Dir, o.FS, o.Logger = c.journalDir(), a.fs, a.log
	o.Keys, o.SegmentAge = c.Encryption.keys, c.Encryption.sealAfter()
	if o.SignKey, err = c.signKey(); err != nil {
		return consumer.Report{}, err
	}
	if o.SignAsFound && o.SignKey == nil {
		return consumer.Report{}, missing(c, "journal.sign_key", "journal: {sign_key: /etc/rewind/sign.pem}")
	}
	for _, t := range tables {
		o.Tables = append(o.Tables, t.name)
	}
	if o.UntilCaughtUp {
		o.Progress = journalProgress(m)
	}
	if o.Trouble == nil {
		o.Trouble = func(t consumer.Trouble) { a.printTrouble(ctx, t) }
	}
	checkpoints := a.startCheckpoints(ctx, c, &o)
	report, err := consumer.Run(ctx, kafka, o)
	checkpoints.end(ctx, o.UntilCaughtUp && err == nil)
	var failed *consumer.TablesError
	if errors.As(err, &failed) {
		return report, someFailed(failed.Errs, failed.Of, "journaled") // what failed was told at once
	}
	if err == nil && o.UntilCaughtUp {
		err = ctx.Err()
	}
	return report, err
}

// printTrouble tells of one table's trouble, or that it is over, while the others are consumed.
func (a *app) printTrouble(ctx context.Context, t consumer.Trouble) {
	if t.Err == nil {
		a.log.Info("consume: the table is consumed again", "table", t.Table.String())
		return
	}
	err := t.Err
	if !strings.Contains(err.Error(), t.Table.String()) {
		err = fmt.Errorf("%s: %w", t.Table, err)
	}
	a.printError(err, exitCode(ctx, err))
	if t.Again > 0 {
		a.log.Info("consume: the table will be tried again", "table", t.Table.String(), "in", t.Again)
	}
}

// journalProgress shows a table's partitions, which are journaled at the same time, as one line.
func journalProgress(m *meter) func(consumer.Progress) {
	type place struct {
		table     table.Name
		partition int
	}
	var mu sync.Mutex
	known := map[place]consumer.Progress{}
	return func(p consumer.Progress) {
		mu.Lock()
		defer mu.Unlock()
		known[place{p.Table, p.Partition}] = p
		var done, total int64
		for at, q := range known {
			if at.table == p.Table {
				done += q.Entries
				total += q.Entries + max(0, q.End-q.Next)
			}
		}
		m.report("journal "+p.Table.String(), done, total)
	}
}

// consumeOnce journals what the tables' topics hold now.
func (a *app) consumeOnce(ctx context.Context, c *config, tables []tableConfig, m *meter) (consumer.Report, error) {
	return a.consume(ctx, c, tables, consumer.Options{UntilCaughtUp: true}, m)
}

// consumedLine is one partition's journal as --json prints it.
type consumedLine struct {
	Table     string `json:"table"`
	Stream    string `json:"stream"`
	Partition int    `json:"partition"`
	Entries   int64  `json:"entries"`
	Bytes     int64  `json:"bytes"`
	Repeats   int64  `json:"repeats"`
	Stale     int64  `json:"stale"`
	Doubtful  int64  `json:"doubtful,omitempty"`
	Gaps      int64  `json:"gaps"`
	Next      int64  `json:"next_offset"`
}

// printConsumed says what was appended: a line a table, or with --json a line a partition.
func (a *app) printConsumed(report consumer.Report) error {
	sums := map[string]*consumedLine{}
	var order []string
	for _, p := range report.Partitions {
		name := p.Table.String()
		if name == "." {
			continue // it never began
		}
		line := consumedLine{Table: name, Stream: p.Stream, Partition: p.Partition, Entries: p.Entries, Bytes: p.Bytes,
			Repeats: p.Repeats, Stale: p.Stale, Doubtful: p.Doubtful, Gaps: p.Gaps, Next: p.Next}
		if a.json {
			if err := a.printJSON(line); err != nil {
				return err
			}
			continue
		}
		sum := sums[name]
		if sum == nil {
			sum = &consumedLine{Table: name}
			sums[name], order = sum, append(order, name)
		}
		sum.Partition++
		sum.Entries += p.Entries
		sum.Bytes += p.Bytes
		sum.Repeats += p.Repeats
		sum.Stale += p.Stale
		sum.Doubtful += p.Doubtful
		sum.Gaps += p.Gaps
	}
	for _, name := range order {
		sum := sums[name]
		fmt.Fprintf(a.stdout, "%s: %s entries (%s bytes) into %d partitions of the journal%s\n",
			name, thousands(sum.Entries), thousands(sum.Bytes), sum.Partition, oddities(*sum))
	}
	return nil
}

// oddities names what is not seen on a quiet day.
func oddities(sum consumedLine) string {
	text := ""
	for _, odd := range []struct {
		n    int64
		what string
	}{{sum.Repeats, "repeats dropped"}, {sum.Stale, "messages of fenced producers dropped"},
		{sum.Doubtful, "messages behind a gap dropped"}, {sum.Gaps, plural(sum.Gaps, "gap") + " written"}} {
		if odd.n > 0 {
			text += fmt.Sprintf(", %s %s", thousands(odd.n), odd.what)
		}
	}
	return text
}
