package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kgo"

	"rewind/bench/workload"
	"rewind/change"
	"rewind/consumer"
	"rewind/table"
	"rewind/topic"
)

// messages gives the wire's messages of a baseline, as the producer would send them.
func messages(rows string, s workload.Shape) (values [][]byte, bytes int64, err error) {
	encoder, err := change.NewEncoder(s.Schema())
	if err != nil {
		return nil, 0, err
	}
	m := change.Change{Stamp: change.Stamp{Epoch: 1, Writer: [16]byte{1}}, Snapshot: firstSnapshot, Op: change.Read}
	for row, err := range workload.ReadRows(rows) {
		if err != nil {
			return nil, 0, err
		}
		m.Seq++
		m.Key, m.After = row.Key, row.Image
		v := encoder.AppendChange(nil, &m)
		values, bytes = append(values, v), bytes+int64(len(v))
	}
	return values, bytes, nil
}

// measurePublish captures a baseline into a topic of one partition; what counts is its stage publish: it reads the snapshot file, encodes,
// and waits for every acknowledgement.
func measurePublish(ctx context.Context, args []string) error {
	if err := expect(args, "SHAPE", "ROWS", "STATE", "BROKER"); err != nil {
		return err
	}
	s, err := parseShape(args[0])
	if err != nil {
		return err
	}
	o := topic.Options{Brokers: []string{args[3]}, Prefix: prefixOf(args[2]), Partitions: 1}
	report, watch, err := capture(ctx, s, args[1], args[2], o)
	if err != nil {
		return err
	}
	more := map[string]float64{"published_bytes": float64(report.Bytes)}
	stagesInto(more, report.Stages)
	return watch.say(report.Counts.Total(), more)
}

// toSend is the table's messages, ready, and the topic for them.
func toSend(ctx context.Context, args []string) (values [][]byte, client *kafka.Client, err error) {
	if err := expect(args, "SHAPE", "ROWS", "TOPIC", "BROKER"); err != nil {
		return nil, nil, err
	}
	s, err := parseShape(args[0])
	if err != nil {
		return nil, nil, err
	}
	if values, _, err = messages(args[1], s); err != nil {
		return nil, nil, err
	}
	client = &kafka.Client{Addr: kafka.TCP(args[3]), Timeout: time.Minute}
	return values, client, makeTopic(ctx, client, args[2])
}

// measureBareProduce sends the same messages by kafka-go alone: one request behind the other, everything encoded before.
func measureBareProduce(ctx context.Context, args []string) error {
	values, client, err := toSend(ctx, args)
	if err != nil {
		return err
	}
	watch := start()
	for first := 0; first < len(values); {
		end, size := first, 0
		var records []kafka.Record
		for end < len(values) && size < batchBytes {
			records = append(records, kafka.Record{Time: watch.began, Value: protocol.NewBytes(values[end])})
			size += len(values[end]) + topic.MessageOverhead
			end++
		}
		res, err := client.Produce(ctx, &kafka.ProduceRequest{
			Topic: args[2], RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...), Compression: kafka.Lz4})
		if err == nil {
			err = res.Error
		}
		if err != nil {
			return err
		}
		first = end
	}
	return watch.say(int64(len(values)), map[string]float64{"publish_s": time.Since(watch.began).Seconds()})
}

// createTopic makes a topic of one partition, for a tool that makes none.
func createTopic(ctx context.Context, args []string) error {
	if err := expect(args, "TOPIC", "BROKER"); err != nil {
		return err
	}
	return makeTopic(ctx, &kafka.Client{Addr: kafka.TCP(args[1]), Timeout: time.Minute}, args[0])
}

func makeTopic(ctx context.Context, client *kafka.Client, name string) error {
	res, err := client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: name, NumPartitions: 1, ReplicationFactor: 1}}})
	if err == nil {
		err = res.Errors[name]
	}
	if errors.Is(err, kafka.TopicAlreadyExists) {
		err = nil
	}
	for tries := 0; err == nil && tries < 100; tries++ {
		meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{name}})
		if err == nil && len(meta.Topics) == 1 && meta.Topics[0].Error == nil && len(meta.Topics[0].Partitions) == 1 && meta.Topics[0].Partitions[0].Leader.Port != 0 {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

// measureFranz sends them by franz-go's idempotent producer, as it comes but for the codec.
func measureFranz(ctx context.Context, args []string) error {
	values, _, err := toSend(ctx, args)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(args[3]), kgo.DefaultProduceTopic(args[2]), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()))
	if err != nil {
		return err
	}
	defer client.Close()
	watch := start()
	failed := make(chan error, 1)
	for _, v := range values {
		client.Produce(ctx, &kgo.Record{Value: v}, func(_ *kgo.Record, err error) {
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	default:
	}
	return watch.say(int64(len(values)), map[string]float64{"publish_s": time.Since(watch.began).Seconds()})
}

// measureConsume journals a topic from its beginning to its end.
func measureConsume(ctx context.Context, args []string) error {
	if err := expect(args, "DATA", "PREFIX", "BROKER"); err != nil {
		return err
	}
	if err := os.RemoveAll(args[0]); err != nil {
		return err
	}
	// A group of its own: its offset tells a lost journal, and this one is lost on purpose.
	o := topic.Options{Brokers: []string{args[2]}, Prefix: args[1], Group: fmt.Sprint("bench-", time.Now().UnixNano())}
	client, err := topic.NewClient(o)
	if err != nil {
		return err
	}
	defer client.Close()
	watch := start()
	report, err := consumer.Run(ctx, client, consumer.Options{
		Dir: filepath.Join(args[0], "journal"), Tables: []table.Name{workload.Shape{}.Name()}, UntilCaughtUp: true})
	if err != nil {
		return err
	}
	bytes := int64(0)
	for _, p := range report.Partitions {
		bytes += p.Bytes
	}
	return watch.say(report.Entries(), map[string]float64{"bytes": float64(bytes)})
}

// measureBareRead reads the same partition by kafka-go alone and does nothing with it.
func measureBareRead(ctx context.Context, args []string) error {
	if err := expect(args, "TOPIC", "BROKER"); err != nil {
		return err
	}
	watch := start() // as ours: from no connection to the last message
	conn, err := kafka.DialLeader(ctx, "tcp", args[1], args[0], 0)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	end, err := conn.ReadLastOffset()
	if err != nil {
		return err
	}
	if _, err := conn.Seek(0, kafka.SeekAbsolute); err != nil {
		return err
	}
	var message kafka.Message
	read, bytes := int64(0), int64(0)
	for next := int64(0); next < end; {
		batch := conn.ReadBatch(1, 8<<20)
		for {
			message, err = batch.ReadMessage()
			if err != nil {
				break
			}
			read, bytes, next = read+1, bytes+int64(len(message.Value)), message.Offset+1
		}
		if closing := batch.Close(); !errors.Is(err, io.EOF) {
			return errors.Join(err, closing)
		}
	}
	return watch.say(read, map[string]float64{"bytes": float64(bytes)})
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
