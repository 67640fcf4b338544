package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"rewind/change"
	"rewind/disk"
	"rewind/sandbox"
)

// The password of the scripts whose servers want one.
const badUser, badPassword = "me", "swordfish"

// badServers are the servers of a script about bad input, and what they were seen to hold.
type badServers struct {
	play       playground
	kafka      *kgo.Client
	descending atomic.Bool // the engine sorts the other way round
	locks      []interface{ Close() error }
	before     world
}

// world is all that a failed command must leave as it was, each part as lines.
type world struct {
	offsets  []string // where the topics end
	messages []string // what they hold, but for the Opens with which a producer begins
	tables   []string // every table with its rows
	state    []string // every file in the data folder and in staging but the locks
}

// badCommands are what scripts about bad input do beside running rewind.
var badCommands = map[string]func(*testscript.TestScript, bool, []string){
	"remember":     badCommand(0, (*badServers).remember),
	"unchanged":    badCommand(-1, (*badServers).unchanged),
	"sort":         badCommand(1, (*badServers).sort),
	"topic-delete": badCommand(1, (*badServers).topicDelete),
	"topic-make":   badCommand(2, (*badServers).topicMake),
	"topic-trim":   badCommand(1, (*badServers).topicTrim),
	"topic-put":    badCommand(3, (*badServers).topicPut),
	"hold-lock":    badCommand(1, (*badServers).holdLock),
	"free-locks":   badCommand(0, (*badServers).freeLocks),
	"find":         badCommand(2, (*badServers).find),
	"flip":         badCommand(2, (*badServers).flip),
	"cut":          badCommand(2, (*badServers).cut),
	"full-disk":    badCommand(-1, (*badServers).fullDisk),
}

// badCommand makes a script command of a method; n is how many arguments it takes, -1: any number.
func badCommand(n int, do func(*badServers, *testscript.TestScript, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || n >= 0 && len(args) != n {
			ts.Fatalf("%d arguments are wanted", n)
		}
		ts.Check(do(ts.Value("servers").(*badServers), ts, args))
	}
}

// setupBad starts the servers of a script and writes play/rewind.yaml, which names them.
func setupBad(env *testscript.Env) error {
	b := &badServers{play: playground{app: newTestApp(), dir: filepath.Join(env.WorkDir, "play")}}
	for _, sub := range []string{"staging", "rewind-data"} {
		if err := os.MkdirAll(filepath.Join(b.play.dir, sub), 0o700); err != nil {
			return err
		}
	}
	impala := sandbox.ImpalaOptions{Rewrite: b.rewrite}
	kafka := sandbox.KafkaOptions{}
	var options []kgo.Opt
	if strings.HasSuffix(env.WorkDir, "bad_password") {
		impala.User, impala.Password = badUser, badPassword
		kafka.User, kafka.Password = badUser, badPassword
		options = append(options, plainAuth())
	}
	var err error
	if b.play.kafka, err = sandbox.StartKafka(kafka); err != nil {
		return err
	}
	env.Defer(b.play.close)
	if b.play.impala, err = sandbox.StartImpala(impala); err != nil {
		return err
	}
	if b.kafka, err = kgo.NewClient(append(options, kgo.SeedBrokers(b.play.kafka.Broker()))...); err != nil {
		return err
	}
	env.Defer(b.kafka.Close)
	env.Defer(func() { _ = b.freeLocks(nil, nil) })
	env.Values["servers"] = b
	env.Setenv("KAFKA", b.play.kafka.Broker())
	env.Setenv("IMPALA", b.play.impala.Addr())
	env.Setenv("PLAY", b.play.dir)
	return b.play.writeConfig(filepath.Join(b.play.dir, configName), playMark, "  - {name: default.my_table, key: [id]}\n")
}

func (b *badServers) rewrite(statement string) string {
	if b.descending.Load() {
		return strings.ReplaceAll(statement, " ASC NULLS FIRST", " DESC NULLS LAST")
	}
	return statement
}

// sort asc | desc: the engine's order from now on, whatever it is asked for.
func (b *badServers) sort(_ *testscript.TestScript, args []string) error {
	b.descending.Store(args[0] == "desc")
	return nil
}

func (b *badServers) remember(*testscript.TestScript, []string) (err error) {
	b.before, err = b.look()
	return err
}

// unchanged [offsets|messages|tables|state ...] compares with what was remembered; without arguments all of it.
func (b *badServers) unchanged(ts *testscript.TestScript, parts []string) error {
	now, err := b.look()
	if err != nil {
		return err
	}
	if len(parts) == 0 {
		parts = []string{"offsets", "messages", "tables", "state"}
	}
	for _, part := range parts {
		was, is := b.before.part(part), now.part(part)
		if part == "" || !slices.Equal(was, is) {
			ts.Fatalf("%s changed from\n%s\nto\n%s", part, strings.Join(was, "\n"), strings.Join(is, "\n"))
		}
	}
	return nil
}

func (w world) part(name string) []string {
	parts := map[string][]string{"offsets": w.offsets, "messages": w.messages, "tables": w.tables, "state": w.state}
	lines, ok := parts[name]
	if !ok {
		return []string{"there is no part " + name, strconv.Itoa(len(w.state))}
	}
	return lines
}

func (b *badServers) look() (w world, err error) {
	if w.offsets, w.messages, err = b.lookAtTopics(); err != nil {
		return w, fmt.Errorf("look at the topics: %w", err)
	}
	if w.tables, err = b.lookAtTables(); err != nil {
		return w, fmt.Errorf("look at the tables: %w", err)
	}
	for _, dir := range []string{"rewind-data", "staging"} {
		files, err := lookAtFiles(filepath.Join(b.play.dir, dir))
		if err != nil {
			return w, fmt.Errorf("look at the state: %w", err)
		}
		w.state = append(w.state, files...)
	}
	return w, nil
}

func lookAtFiles(dir string) (lines []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "lock" || strings.HasPrefix(d.Name(), "swap-") && strings.HasSuffix(d.Name(), ".lock") {
			return err
		}
		content, err := os.ReadFile(path)
		lines = append(lines, fmt.Sprintf("%s %d bytes %x", path, len(content), content))
		return err
	})
	return lines, err
}

func (b *badServers) lookAtTables() ([]string, error) {
	db, err := sql.Open("impala", b.play.impala.DSN())
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var lines []string
	names, err := firstColumns(db, "SHOW TABLES IN default", 1)
	for _, name := range names {
		rows, err := firstColumns(db, "SELECT * FROM default."+name, 2)
		if err != nil {
			return nil, err
		}
		slices.Sort(rows)
		lines = append(lines, name+": "+strings.Join(rows, "; "))
	}
	return lines, err
}

// firstColumns is the rows of a query, at most n columns of each.
func firstColumns(db *sql.DB, query string, n int) (lines []string, err error) {
	rows, err := db.Query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		lines = append(lines, strings.Trim(fmt.Sprint(values[:min(n, len(values))]), "[]"))
	}
	return lines, rows.Err()
}

// lookAtTopics reads every topic from its beginning to its end.
func (b *badServers) lookAtTopics() (offsets, messages []string, err error) {
	ctx := context.Background()
	answer, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, b.kafka)
	if err != nil {
		return nil, nil, err
	}
	for _, topic := range answer.Topics {
		for _, p := range topic.Partitions {
			values, next, err := b.readPartition(ctx, *topic.Topic, p.Partition)
			if err != nil {
				return nil, nil, err
			}
			place := fmt.Sprintf("%s/%d", *topic.Topic, p.Partition)
			offsets = append(offsets, fmt.Sprintf("%s ends at %d", place, next))
			for _, value := range values {
				messages = append(messages, fmt.Sprintf("%s: %x", place, value))
			}
		}
	}
	slices.Sort(offsets)
	slices.Sort(messages)
	return offsets, messages, nil
}

// readPartition gives the values in a partition but for the Opens, and where it ends.
func (b *badServers) readPartition(ctx context.Context, topic string, partition int32) (values [][]byte, next int64, err error) {
	list := kmsg.NewPtrListOffsetsRequest()
	list.ReplicaID = -1
	listTopic := kmsg.NewListOffsetsRequestTopic()
	listTopic.Topic = topic
	listPartition := kmsg.NewListOffsetsRequestTopicPartition()
	listPartition.Partition, listPartition.Timestamp = partition, -1
	listTopic.Partitions = append(listTopic.Partitions, listPartition)
	list.Topics = append(list.Topics, listTopic)
	ends, err := list.RequestWith(ctx, b.kafka)
	if err != nil {
		return nil, 0, err
	}
	next = ends.Topics[0].Partitions[0].Offset
	if next == 0 {
		return nil, 0, nil
	}
	start := map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().AtStart()}}
	options := []kgo.Opt{kgo.SeedBrokers(b.play.kafka.Broker()), kgo.ConsumePartitions(start)}
	if b.wantsPassword() {
		options = append(options, plainAuth())
	}
	reader, err := kgo.NewClient(options...)
	if err != nil {
		return nil, 0, err
	}
	defer reader.Close()
	decoder := change.NewDecoder()
	for at := int64(-1); at < next-1; {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, 0, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			at = r.Offset
			if m, err := decoder.Decode(r.Value); err != nil || m.Open == nil {
				values = append(values, r.Value)
			}
		})
	}
	return values, next, nil
}

func (b *badServers) topicDelete(_ *testscript.TestScript, args []string) error {
	req := kmsg.NewPtrDeleteTopicsRequest()
	topic := kmsg.NewDeleteTopicsRequestTopic()
	topic.Topic = &args[0]
	req.Topics, req.TopicNames = append(req.Topics, topic), []string{args[0]}
	res, err := req.RequestWith(context.Background(), b.kafka)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(res.Topics[0].ErrorCode)
}

func (b *badServers) topicMake(_ *testscript.TestScript, args []string) error {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = args[0], int32(n), 1
	req.Topics = append(req.Topics, topic)
	res, err := req.RequestWith(context.Background(), b.kafka)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(res.Topics[0].ErrorCode)
}

// topicPut TOPIC PARTITION TEXT
func (b *badServers) topicPut(_ *testscript.TestScript, args []string) error {
	partition, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	options := []kgo.Opt{kgo.SeedBrokers(b.play.kafka.Broker()), kgo.RecordPartitioner(kgo.ManualPartitioner())}
	writer, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer writer.Close()
	return writer.ProduceSync(context.Background(), &kgo.Record{Topic: args[0], Partition: int32(partition), Value: []byte(args[2])}).FirstErr()
}

// holdLock holds a lock file as another process does.
func (b *badServers) holdLock(ts *testscript.TestScript, args []string) error {
	lock, err := disk.OS.Lock(ts.MkAbs(args[0]))
	if err == nil {
		b.locks = append(b.locks, lock)
	}
	return err
}

func (b *badServers) freeLocks(*testscript.TestScript, []string) error {
	var errs []error
	for _, lock := range b.locks {
		errs = append(errs, lock.Close())
	}
	b.locks = nil
	return errors.Join(errs...)
}

// find NAME PATTERN sets NAME to the largest file that the pattern matches.
func (b *badServers) find(ts *testscript.TestScript, args []string) error {
	matches, err := filepath.Glob(ts.MkAbs(args[1]))
	if err != nil || len(matches) == 0 {
		return fmt.Errorf("nothing is %s: %w", args[1], err)
	}
	sizes := map[int64]string{}
	for _, m := range matches {
		if info, err := os.Stat(m); err == nil {
			sizes[info.Size()] = m
		}
	}
	ts.Setenv(args[0], sizes[slices.Max(slices.Collect(maps.Keys(sizes)))])
	return nil
}

// flip FILE BYTES flips a bit so many bytes before a file's end.
func (b *badServers) flip(ts *testscript.TestScript, args []string) error {
	back, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	content, err := os.ReadFile(ts.MkAbs(args[0]))
	if err != nil {
		return err
	}
	content[len(content)-back] ^= 0x10
	return os.WriteFile(ts.MkAbs(args[0]), content, 0o600)
}

// cut FILE BYTES cuts off a file's end.
func (b *badServers) cut(ts *testscript.TestScript, args []string) error {
	n, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return err
	}
	info, err := os.Stat(ts.MkAbs(args[0]))
	if err != nil {
		return err
	}
	return os.Truncate(ts.MkAbs(args[0]), info.Size()-n)
}
