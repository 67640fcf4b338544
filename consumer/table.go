package consumer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"rewind/table"
	"rewind/topic"
)

// tableConsumer consumes one table's topic.
type tableConsumer struct {
	kafka   *topic.Client
	options Options
	name    table.Name
	logger  *slog.Logger
	flowing func() // nil, or: called when entries were appended, by any partition
	topic   *topic.Topic
	stream  string
	mutex   sync.Mutex

	indexing sync.Mutex
}

// run waits for the topic, learns its stream and consumes its partitions. It begins anew, with nothing lost, when the topic was given
// partitions.
func (c *tableConsumer) run(ctx context.Context) (all []PartitionReport, err error) {
	for {
		reports, err := c.runOnce(ctx)
		all = merge(all, reports)
		var wider *WiderError
		if !errors.As(err, &wider) {
			return all, err
		}
		opened, openErr := c.kafka.Open(ctx, c.name, false)
		if openErr != nil || opened.Partitions() < wider.Partitions {
			return all, errors.Join(err, openErr)
		}
		c.logger.Info("consume: the topic was given partitions", "partitions", wider.Partitions, "before", wider.Consumed)
	}
}

func (c *tableConsumer) runOnce(ctx context.Context) ([]PartitionReport, error) {
	c.stream = ""
	if err := c.await(ctx); err != nil {
		return nil, err
	}
	found, err := c.findStream(ctx)
	if err != nil || !found {
		return nil, err
	}
	if err := c.signCuts(); err != nil {
		return nil, err
	}
	if err := c.encryptBases(); err != nil {
		return nil, err
	}
	reports := make([]PartitionReport, c.topic.Partitions())
	err = concurrently(ctx, len(reports), func(ctx context.Context, i int) error {
		p := &partition{table: c, number: i, report: &reports[i], logger: c.logger.With("partition", i)}
		return p.run(ctx)
	})
	return reports, err
}

// flows tells that the table is consumed.
func (c *tableConsumer) flows() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.flowing != nil {
		c.flowing()
		c.flowing = nil
	}
}

// await opens the topic, waiting for Kafka and for the topic's creation; it says once that it waits.
func (c *tableConsumer) await(ctx context.Context) error {
	wait := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(200*time.Millisecond), backoff.WithMaxInterval(5*time.Second), backoff.WithMaxElapsedTime(0))
	said := false
	try := func() error {
		opened, err := c.kafka.Open(ctx, c.name, false)
		var unreachable *topic.UnreachableError
		waits := errors.Is(err, topic.ErrNotFound) || errors.As(err, &unreachable)
		if err != nil && (!waits || c.options.UntilCaughtUp) {
			return backoff.Permanent(err)
		}
		c.topic = opened
		return err
	}
	err := backoff.RetryNotify(try, backoff.WithContext(wait, ctx), func(err error, _ time.Duration) {
		if !said {
			c.logger.Info("consume: waiting for the topic", "topic", c.kafka.Name(c.name), "reason", err)
			said = true
		}
	})
	if err == nil && said {
		c.logger.Info("consume: the topic is there", "topic", c.topic.Name())
	}
	return err
}

// emptied looks at a topic without a message: where there is no journal there is nothing to do; a journal of it is held
// against it, because a topic that was deleted and made again is empty too.
func (c *tableConsumer) emptied() (found bool, err error) {
	streams, err := c.journals()
	if err != nil || len(streams) == 0 {
		return false, err
	}
	return c.onlyJournal()
}

// streamDigits is how long a stream's id is, and so the name of its folder.
const streamDigits = 32

// journals are the streams that have one.
func (c *tableConsumer) journals() (streams []string, err error) {
	entries, err := c.options.FS.ReadDir(c.dir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if e.IsDir() && len(e.Name()) == streamDigits && strings.Trim(e.Name(), "0123456789abcdef") == "" { // else moved aside
			streams = append(streams, e.Name())
		}
	}
	return streams, nil
}

func (c *tableConsumer) onlyJournal() (bool, error) {
	streams, err := c.journals()
	if err != nil {
		return false, err
	}
	if len(streams) != 1 {
		return false, &NoStreamError{Topic: c.topic.Name(), Journals: len(streams)}
	}
	c.stream = streams[0]
	return true, nil
}

// dir holds the table's journals, one folder a stream.
func (c *tableConsumer) dir() string { return filepath.Join(c.options.Dir, c.name.FileName()) }

func (c *tableConsumer) partitionDir(number int) string {
	return filepath.Join(c.dir(), c.stream, fmt.Sprintf("%05d", number))
}

// skip is what gives up the message at an offset, nil when nothing does.
func (c *tableConsumer) skip(number int, offset int64) *Skip {
	for _, s := range c.options.Skip {
		if s.Next == 0 {
			s.Next = s.Offset + 1
		}
		if s.Table == c.name && s.Partition == number && s.Offset <= offset && offset < s.Next {
			return &s
		}
	}
	return nil
}
