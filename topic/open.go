package topic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/segmentio/kafka-go"

	"rewind/table"
)

// maxMessageBytes is what topics are created with: a row of 16 MiB, before and after, and something over.
const maxMessageBytes = 40 << 20

// Open finds the table's topic, creating it if create, and waits until every partition has a leader.
// *NotFoundError where there is none; *UnreachableError when no broker answers within Options.Timeout.
func (c *Client) Open(ctx context.Context, t table.Name, create bool) (*Topic, error) {
	return c.open(ctx, t, create, c.options.Partitions)
}

// Create is Open that creates a missing topic with a number of partitions of its own; 0 is Options.Partitions.
func (c *Client) Create(ctx context.Context, t table.Name, partitions int) (*Topic, error) {
	if partitions < 0 || partitions > maxPartitions {
		return nil, fmt.Errorf("%d partitions: want 1 to %d", partitions, maxPartitions)
	}
	if partitions == 0 {
		partitions = c.options.Partitions
	}
	return c.open(ctx, t, true, partitions)
}

func (c *Client) open(ctx context.Context, t table.Name, create bool, partitions int) (*Topic, error) {
	name := c.Name(t)
	if err := c.reach(ctx, name); err != nil {
		return nil, err
	}
	created := false
	err := c.retry(ctx, name, func(ctx context.Context) error {
		_, err := c.lookup(ctx, name)
		return err
	})
	if errors.Is(err, ErrNotFound) && create {
		created, err = c.create(ctx, name, partitions)
	}
	if err != nil {
		return nil, err
	}
	found, err := c.awaitLeaders(ctx, name)
	if err != nil {
		return nil, err
	}
	opened := newTopic(c, name, len(found.Partitions), created)
	if create {
		opened.warnOfOneReplica(ctx, len(found.Partitions[0].Replicas))
	}
	return opened, nil
}

// reach asks a broker for its API versions: where credentials or TLS are wrong, this says so, while the creation of a
// topic would only say that no broker is available. A broker that wants credentials and gets none hangs up at the next
// request only, so the topic is asked for too.
func (c *Client) reach(ctx context.Context, name string) error {
	limited, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	var last error
	hungUp := 0
	ask := func() error {
		_, err := c.kafka.ApiVersions(limited, &kafka.ApiVersionsRequest{})
		if err == nil {
			var answer kafka.Error
			if _, err = c.lookup(limited, name); errors.Is(err, ErrNotFound) || errors.As(err, &answer) && !isAuthentication(err) {
				return nil
			}
		}
		if c.options.SASL == nil && isHangUp(err) {
			if hungUp++; hungUp == hangUps && c.wantsCredentials(limited, name) {
				return backoff.Permanent(&AuthError{Brokers: c.options.Brokers, Err: errNoCredentials})
			}
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			last = err
		}
		if err = c.classify(err); err != nil && !temporary(err) {
			return backoff.Permanent(err)
		}
		return err
	}
	err := backoff.Retry(ask, backoff.WithContext(newBackOff(), limited))
	switch {
	case err == nil:
		c.health.back()
		return nil
	case !temporary(err):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case last == nil:
		last = err
	}
	return &UnreachableError{Brokers: c.options.Brokers, Err: last}
}

// hangUps is how often a broker may hang up before it is asked whether it wants credentials.
const hangUps = 3

var errNoCredentials = errors.New("it answers, and then hangs up on whoever shows none")

func isHangUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// wantsCredentials: a broker that does says which requests it knows, and hangs up at the first one about a topic.
func (c *Client) wantsCredentials(ctx context.Context, name string) bool {
	dialer := kafka.Dialer{ClientID: clientID, Timeout: c.options.Timeout, DialFunc: c.dial}
	conn, err := dialer.DialContext(ctx, "tcp", c.options.Brokers[0])
	if err != nil {
		return false
	}
	defer conn.Close() //nolint:errcheck // only asked
	if err := conn.SetDeadline(time.Now().Add(c.options.Timeout)); err != nil {
		return false
	}
	if _, err := conn.ApiVersions(); err != nil {
		return false
	}
	_, err = conn.ReadPartitions(name)
	return isHangUp(err)
}

// lookup asks Kafka about one topic through a connection of its own: the transport's answers come from a cache that
// does not yet know a new topic, and still knows a deleted one.
func (c *Client) lookup(ctx context.Context, name string) (kafka.Topic, error) {
	fresh := c.newTransport()
	fresh.MetadataTopics = []string{name}
	defer fresh.CloseIdleConnections()
	client := &kafka.Client{Addr: c.kafka.Addr, Transport: fresh}
	res, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{name}})
	if err != nil {
		return kafka.Topic{}, err
	}
	for _, t := range res.Topics {
		if t.Name != name {
			continue
		}
		if errors.Is(t.Error, kafka.UnknownTopicOrPartition) {
			break
		}
		return t, t.Error
	}
	return kafka.Topic{}, &NotFoundError{Topic: name}
}

func (c *Client) create(ctx context.Context, name string, partitions int) (created bool, err error) {
	err = c.retry(ctx, name, func(ctx context.Context) error {
		res, err := c.kafka.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
			Topic:             name,
			NumPartitions:     partitions,
			ReplicationFactor: c.options.Replication,
			ConfigEntries: []kafka.ConfigEntry{
				{ConfigName: "cleanup.policy", ConfigValue: "delete"},
				// Only the journal may forget: a message that retention removed before it was journaled is a gap.
				{ConfigName: "retention.ms", ConfigValue: "-1"},
				{ConfigName: "retention.bytes", ConfigValue: "-1"},
				{ConfigName: "max.message.bytes", ConfigValue: strconv.Itoa(maxMessageBytes)},
			},
		}}})
		if err != nil {
			return err
		}
		err = res.Errors[name]
		created = err == nil
		if errors.Is(err, kafka.TopicAlreadyExists) {
			return nil
		}
		return err
	})
	return created, err
}

var errNoLeader = errors.New("a partition has no leader yet")

func (c *Client) awaitLeaders(ctx context.Context, name string) (found kafka.Topic, err error) {
	err = c.retry(ctx, name, func(ctx context.Context) error {
		if found, err = c.lookup(ctx, name); err != nil {
			if errors.Is(err, ErrNotFound) {
				return kafka.UnknownTopicOrPartition // just created: brokers learn of it one after the other
			}
			return err
		}
		if len(found.Partitions) == 0 {
			return errNoLeader
		}
		for _, p := range found.Partitions {
			if p.Error != nil && !errors.Is(p.Error, kafka.ReplicaNotAvailable) {
				return p.Error
			}
			if p.Leader.Host == "" {
				return errNoLeader
			}
		}
		t := &Topic{client: c, name: name}
		for p := range found.Partitions {
			if _, _, err := t.bounds(ctx, p); err != nil {
				return err
			}
		}
		return nil
	})
	return found, err
}

// leader of a partition, asked for afresh.
func (c *Client) leader(ctx context.Context, name string, partition int) (kafka.Partition, error) {
	t, err := c.lookup(ctx, name)
	if err != nil {
		if errors.Is(err, ErrNotFound) {
			err = kafka.UnknownTopicOrPartition
		}
		return kafka.Partition{}, err
	}
	for _, p := range t.Partitions {
		if p.ID != partition {
			continue
		}
		if p.Leader.Host == "" {
			return kafka.Partition{}, errNoLeader
		}
		p.Topic = name
		return p, nil
	}
	return kafka.Partition{}, fmt.Errorf("partition %d: %w", partition, kafka.UnknownTopicOrPartition)
}

// warnOfOneReplica says, once a topic, when an acknowledged message may stand on one disk only. With one replica it cannot
// be otherwise: that is a broker for development. A cluster that does not let us look is not worth an error.
func (t *Topic) warnOfOneReplica(ctx context.Context, replicas int) {
	if _, known := t.client.looked.LoadOrStore(t.name, true); known {
		return
	}
	limited, cancel := context.WithTimeout(ctx, t.client.options.Timeout)
	defer cancel()
	res, err := t.client.kafka.DescribeConfigs(limited, &kafka.DescribeConfigsRequest{
		Resources: []kafka.DescribeConfigRequestResource{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: t.name, ConfigNames: []string{minInSync},
		}},
	})
	if err != nil {
		t.client.options.Logger.Debug("topic: configuration unknown", "topic", t.name, "error", err)
		return
	}
	for _, r := range res.Resources {
		for _, e := range r.ConfigEntries {
			if e.ConfigName == minInSync && e.ConfigValue == "1" {
				level := slog.LevelWarn
				if replicas == 1 {
					level = slog.LevelInfo
				}
				t.client.options.Logger.Log(ctx, level, "topic: min.insync.replicas is 1: a broker's loss can lose acknowledged messages",
					"topic", t.name, "replicas", replicas)
			}
		}
	}
}

const minInSync = "min.insync.replicas"
