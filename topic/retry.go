package topic

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// unknownTopicTries is how often in a row a topic may be unknown (brokers learn of a new topic at different times)
// before it counts as deleted.
const unknownTopicTries = 10

// retry runs op until it succeeds, is refused for good, or ctx ends. Each try has the client's time limit.
func (c *Client) retry(ctx context.Context, topic string, op func(context.Context) error) error {
	unknown, failed, began := 0, 0, time.Now()
	try := func() error {
		attempt, cancel := context.WithTimeout(ctx, c.options.Timeout)
		defer cancel()
		err := c.classify(op(attempt))
		if err == nil {
			c.health.back()
			return nil
		}
		if ctx.Err() != nil {
			return backoff.Permanent(context.Cause(ctx))
		}
		if !isUnknownTopic(err) {
			unknown = 0
		} else if unknown++; unknown >= unknownTopicTries {
			return backoff.Permanent(&NotFoundError{Topic: topic})
		}
		if !temporary(err) {
			return backoff.Permanent(refused(topic, err))
		}
		return err
	}
	notify := func(err error, _ time.Duration) {
		if isDamage(err) {
			c.options.Logger.Debug("topic: a batch cannot be read, fetched again", "topic", topic, "reason", err)
			return
		}
		if isSettling(err) && time.Since(began) < settleTime {
			c.options.Logger.Debug("topic: not ready yet", "topic", topic, "reason", err)
			return
		}
		// A connection that idled while the broker was started again breaks at its next use, and the next one is good.
		if failed++; failed == 1 {
			c.options.Logger.Debug("topic: sent again", "topic", topic, "reason", err)
			return
		}
		c.health.away(err)
	}
	return backoff.RetryNotify(try, backoff.WithContext(newBackOff(), ctx), notify)
}

// newBackOff waits 0.1 s at first and 5 s at most, for ever.
func newBackOff() *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(100*time.Millisecond),
		backoff.WithMaxInterval(5*time.Second),
		backoff.WithMaxElapsedTime(0))
}

// settleTime is how long a new topic or group, or one whose leader moves, may be without it before that is an outage.
const settleTime = 5 * time.Second

func isSettling(err error) bool {
	if isUnknownTopic(err) || errors.Is(err, errNoLeader) || errors.Is(err, protocol.ErrNoLeader) {
		return true
	}
	var code kafka.Error
	if !errors.As(err, &code) {
		return false
	}
	switch code {
	case kafka.LeaderNotAvailable, kafka.NotLeaderForPartition,
		kafka.GroupLoadInProgress, kafka.GroupCoordinatorNotAvailable, kafka.NotCoordinatorForGroup:
		return true
	}
	return false
}

func isUnknownTopic(err error) bool {
	return errors.Is(err, kafka.UnknownTopicOrPartition) || errors.Is(err, protocol.ErrNoTopic) || errors.Is(err, protocol.ErrNoPartition)
}

// temporary says whether trying again can help: everything does that is not a verdict of Kafka's or our own.
func temporary(err error) bool {
	var verdict interface{ ExitCode() int }
	if errors.As(err, &verdict) {
		return false
	}
	var code kafka.Error
	if !errors.As(err, &code) {
		return true
	}
	switch code {
	case kafka.Unknown, kafka.BrokerNotAvailable, kafka.ReplicaNotAvailable, kafka.ThrottlingQuotaExceeded, kafka.UnstableOffsetCommit:
		return true
	}
	return code.Temporary()
}

// refused makes the error of a request that Kafka will not take; errors of our own stay as they are.
func refused(topic string, err error) error {
	var verdict interface{ ExitCode() int }
	if errors.As(err, &verdict) {
		return err
	}
	return &RefusedError{Topic: topic, Err: err}
}

// health says once that Kafka went away and once that it is back.
type health struct {
	logger  *slog.Logger
	brokers string

	mutex sync.Mutex
	since time.Time // zero: Kafka answers
}

func (h *health) away(err error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.since.IsZero() {
		h.since = time.Now()
		h.logger.Warn("kafka: away, waiting for it", "brokers", h.brokers, "error", err)
	}
}

func (h *health) back() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if !h.since.IsZero() {
		h.logger.Info("kafka: back", "brokers", h.brokers, "after", time.Since(h.since).Round(time.Millisecond))
		h.since = time.Time{}
	}
}
