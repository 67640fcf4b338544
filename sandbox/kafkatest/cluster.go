// Package kafkatest is an in-process Kafka for tests whose network can lose the answer to a request: what kafka-go meets
// when a broker dies between storing and answering.
package kafkatest

import (
	"context"
	"encoding/binary"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Cluster is a kfake cluster of one broker behind a network that fails on demand.
type Cluster struct {
	*kfake.Cluster

	lose atomic.Int32 // answers to produce requests still to be lost
	down atomic.Bool  // connections are refused and cut

	damage atomic.Pointer[Damage]
	strike atomic.Pointer[Strike]

	mutex sync.Mutex
	conns map[*conn]struct{}
}

// New starts a cluster that ends with the test.
func New(t testing.TB, opts ...kfake.Opt) *Cluster {
	t.Helper()
	c := &Cluster{conns: map[*conn]struct{}{}}
	opts = append([]kfake.Opt{kfake.NumBrokers(1), kfake.ListenFn(c.listen)}, opts...)
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	c.Cluster = cluster
	t.Cleanup(cluster.Close)
	return c
}

// LoseProduceAnswers makes the next n produce requests succeed without their sender learning of it.
func (c *Cluster) LoseProduceAnswers(n int) { c.lose.Store(int32(n)) }

// SetDown cuts every connection and refuses new ones until it is set back.
func (c *Cluster) SetDown(down bool) {
	c.down.Store(down)
	if !down {
		return
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for conn := range c.conns {
		_ = conn.Conn.Close()
	}
}

// AnswerProduce answers the next produce request with a Kafka error code, without storing anything.
func (c *Cluster) AnswerProduce(code int16) {
	c.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		produce := req.(*kmsg.ProduceRequest)
		res := produce.ResponseKind().(*kmsg.ProduceResponse)
		for _, t := range produce.Topics {
			topic := kmsg.NewProduceResponseTopic()
			topic.Topic, topic.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				partition := kmsg.NewProduceResponseTopicPartition()
				partition.Partition, partition.ErrorCode = p.Partition, code
				topic.Partitions = append(topic.Partitions, partition)
			}
			res.Topics = append(res.Topics, topic)
		}
		return res, nil, true
	})
}

// DeleteRecords removes what lies before an offset, as retention does.
func (c *Cluster) DeleteRecords(t testing.TB, topic string, partition int32, before int64) {
	t.Helper()
	req := kmsg.NewPtrDeleteRecordsRequest()
	reqTopic := kmsg.NewDeleteRecordsRequestTopic()
	reqTopic.Topic = topic
	reqPartition := kmsg.NewDeleteRecordsRequestTopicPartition()
	reqPartition.Partition, reqPartition.Offset = partition, before
	reqTopic.Partitions = append(reqTopic.Partitions, reqPartition)
	req.Topics = append(req.Topics, reqTopic)
	res, err := req.RequestWith(context.Background(), c.admin(t))
	if err != nil || res.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Fatalf("delete records: %v, %+v", err, res)
	}
}

// DeleteTopic deletes a topic.
func (c *Cluster) DeleteTopic(t testing.TB, topic string) {
	t.Helper()
	req := kmsg.NewPtrDeleteTopicsRequest()
	reqTopic := kmsg.NewDeleteTopicsRequestTopic()
	reqTopic.Topic = &topic
	req.Topics = append(req.Topics, reqTopic)
	req.TopicNames = []string{topic}
	res, err := req.RequestWith(context.Background(), c.admin(t))
	if err != nil || res.Topics[0].ErrorCode != 0 {
		t.Fatalf("delete topic: %v, %+v", err, res)
	}
}

// AddPartitions gives a topic more partitions: as many as count in all.
func (c *Cluster) AddPartitions(t testing.TB, topic string, count int32) {
	t.Helper()
	req := kmsg.NewPtrCreatePartitionsRequest()
	reqTopic := kmsg.NewCreatePartitionsRequestTopic()
	reqTopic.Topic, reqTopic.Count = topic, count
	req.Topics, req.TimeoutMillis = append(req.Topics, reqTopic), 10_000
	res, err := req.RequestWith(context.Background(), c.admin(t))
	if err != nil || res.Topics[0].ErrorCode != 0 {
		t.Fatalf("add partitions: %v, %+v", err, res)
	}
}

func (c *Cluster) admin(t testing.TB) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func (c *Cluster) listen(network, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	return &listener{Listener: l, cluster: c}, nil
}

type listener struct {
	net.Listener
	cluster *Cluster
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		wrapped := &conn{Conn: accepted, cluster: l.cluster}
		l.cluster.mutex.Lock()
		l.cluster.conns[wrapped] = struct{}{}
		l.cluster.mutex.Unlock()
		if !l.cluster.down.Load() {
			return wrapped, nil
		}
		_ = wrapped.Close()
	}
}

// conn watches the requests go by: a frame is its length, then the API's key.
type conn struct {
	net.Conn
	cluster *Cluster
	header  []byte // the begin of the current frame, up to 6 bytes
	left    int64  // bytes of the current frame behind its header
	cut     atomic.Bool
	late    *Strike // that withholds the current frame
	kept    []byte  // of it
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.watch(p[:n])
	if c.late != nil {
		c.withhold()
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *conn) watch(b []byte) {
	for len(b) > 0 {
		if c.left > 0 {
			skipped := min(c.left, int64(len(b)))
			c.left -= skipped
			b = b[skipped:]
			continue
		}
		c.header = append(c.header, b[0])
		b = b[1:]
		if len(c.header) < 6 {
			continue
		}
		c.left = int64(binary.BigEndian.Uint32(c.header)) - 2
		key := kmsg.Key(binary.BigEndian.Uint16(c.header[4:]))
		if key == kmsg.Produce && c.cluster.lose.Add(-1) >= 0 {
			c.cut.Store(true)
		}
		c.struck(key)
		if c.late != nil { // what is left of this frame is not for the broker
			c.kept = append(append(c.kept, c.header...), b...)
			return
		}
		c.header = c.header[:0]
	}
}

func (c *conn) Write(p []byte) (int, error) {
	if c.cut.Load() {
		_ = c.Conn.Close()
		return 0, net.ErrClosed
	}
	return c.Conn.Write(c.cluster.damage.Load().apply(p))
}

func (c *conn) Close() error {
	c.cluster.mutex.Lock()
	delete(c.cluster.conns, c)
	c.cluster.mutex.Unlock()
	return c.Conn.Close()
}
