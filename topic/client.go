package topic

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/compress"
	"github.com/segmentio/kafka-go/sasl"
)

// Options of the connection to Kafka. The zero value of a field is the documented default; Brokers has none.
type Options struct {
	Brokers     []string      // host:port; the port is 9092 where none is given
	Prefix      string        // of topic names; "" is "rewind"
	Partitions  int           // of topics that are created; 0 is 4
	Replication int           // of topics that are created; 0 is the broker's default
	Compression string        // "lz4" ("" too), "zstd", "snappy", "gzip", "none"
	Timeout     time.Duration // of one request, and of Open's search for a broker; 0 is 15 s
	Group       string        // consumer group that carries the lag gauge; "" is the prefix
	TLS         *tls.Config   // nil: plain text
	SASL        sasl.Mechanism
	Logger      *slog.Logger // nil: nothing is logged
}

func (o Options) withDefaults() Options {
	if o.Prefix == "" {
		o.Prefix = "rewind"
	}
	if o.Partitions == 0 {
		o.Partitions = 4
	}
	if o.Replication == 0 {
		o.Replication = -1 // Kafka's way of saying: the broker's default
	}
	if o.Compression == "" {
		o.Compression = "lz4"
	}
	if o.Timeout == 0 {
		o.Timeout = 15 * time.Second
	}
	if o.Group == "" {
		o.Group = o.Prefix
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Limits on what a configuration may ask for.
const (
	maxPartitions  = 1024
	maxReplication = 32
)

var compressions = map[string]kafka.Compression{
	"none": 0, "gzip": compress.Gzip, "snappy": compress.Snappy, "lz4": compress.Lz4, "zstd": compress.Zstd,
}

// Client of a Kafka cluster.
type Client struct {
	options     Options
	compression kafka.Compression
	transport   *kafka.Transport
	kafka       *kafka.Client
	health      health
	looked      sync.Map // names of the topics whose min.insync.replicas was looked at
}

// NewClient checks the options; it connects to nothing yet.
func NewClient(o Options) (*Client, error) {
	o = o.withDefaults()
	if len(o.Brokers) == 0 {
		return nil, errors.New("no Kafka broker is configured")
	}
	brokers := make([]string, len(o.Brokers))
	for i, b := range o.Brokers {
		brokers[i] = withPort(b)
	}
	o.Brokers = brokers
	compression, ok := compressions[o.Compression]
	if !ok {
		return nil, fmt.Errorf("unknown compression %q: want lz4, zstd, snappy, gzip or none", o.Compression)
	}
	if o.Partitions < 1 || o.Partitions > maxPartitions {
		return nil, fmt.Errorf("%d partitions: want 1 to %d", o.Partitions, maxPartitions)
	}
	if o.Replication > maxReplication || o.Replication < -1 {
		return nil, fmt.Errorf("replication %d: want 1 to %d", o.Replication, maxReplication)
	}
	if err := checkPrefix(o.Prefix); err != nil {
		return nil, err
	}
	c := &Client{options: o, compression: compression}
	c.health.logger, c.health.brokers = o.Logger, strings.Join(brokers, ",")
	c.transport = c.newTransport()
	c.kafka = &kafka.Client{Addr: kafka.TCP(brokers...), Transport: c.transport}
	return c, nil
}

// Close ends the client's connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

const clientID = "rewind"

// metadataTTL bounds how long a moved leader stays unknown to appends; it is also kafka-go's time limit for one request
// of metadata.
const metadataTTL = 4 * time.Second

func (c *Client) newTransport() *kafka.Transport {
	return &kafka.Transport{
		ClientID:    clientID,
		DialTimeout: c.options.Timeout,
		MetadataTTL: metadataTTL,
		Dial:        c.dial,
		SASL:        c.options.SASL,
	}
}

func withPort(broker string) string {
	if _, _, err := net.SplitHostPort(broker); err == nil {
		return broker
	}
	return net.JoinHostPort(strings.Trim(broker, "[]"), "9092")
}
