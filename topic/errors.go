package topic

import (
	"errors"
	"fmt"
	"strings"
)

// Sentinels for errors.Is; the errors themselves are the types below.
var (
	ErrNotFound   = errors.New("topic does not exist")
	ErrOffsetLost = errors.New("offset is not in the partition")
)

// NotFoundError: there is no such topic.
type NotFoundError struct{ Topic string }

func (e *NotFoundError) Error() string { return "topic " + e.Topic + " does not exist" }

// Is makes it ErrNotFound.
func (e *NotFoundError) Is(target error) bool { return target == ErrNotFound }

// ExitCode is "nothing there".
func (e *NotFoundError) ExitCode() int { return 4 }

// Hint says what to do.
func (e *NotFoundError) Hint() string {
	return "`rewind produce` creates a table's topic with its first capture; check kafka.brokers and kafka.prefix"
}

// OffsetLostError: the partition no longer has the offset, or does not have it yet.
type OffsetLostError struct {
	Topic       string
	Partition   int
	Wanted      int64
	First, Next int64 // what the partition has: First up to but not including Next
}

func (e *OffsetLostError) Error() string {
	return fmt.Sprintf("%s partition %d: offset %d is not there: Kafka has %d up to %d", e.Topic, e.Partition, e.Wanted, e.First, e.Next)
}

// Is makes it ErrOffsetLost.
func (e *OffsetLostError) Is(target error) bool { return target == ErrOffsetLost }

// ExitCode is "a gap".
func (e *OffsetLostError) ExitCode() int { return 4 }

// Hint says what to do.
func (e *OffsetLostError) Hint() string {
	if e.Wanted > e.Next {
		return "the topic is shorter than it was: it was deleted and made again, or Kafka lost its end"
	}
	return "messages were removed before they were read (retention.ms should be -1)"
}

// UnreachableError: no broker answered in time.
type UnreachableError struct {
	Brokers []string
	Err     error // the last try's
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("no Kafka broker answers at %s: %v", strings.Join(e.Brokers, ", "), e.Err)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// ExitCode is "unreachable".
func (e *UnreachableError) ExitCode() int { return 7 }

// Hint says what to do.
func (e *UnreachableError) Hint() string {
	if strings.Contains(e.Err.Error(), "TLS handshake") {
		return "check kafka.brokers and that the port speaks TLS: a port without it hangs up on a handshake; there, take tls out of kafka:"
	}
	return "check kafka.brokers, that the broker runs, and that it speaks TLS and SASL as configured"
}

// TooLargeError: one message is larger than Kafka takes.
type TooLargeError struct {
	Topic     string
	Partition int
	Bytes     int
	Index     int // of the message among those that were to be appended
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s partition %d: Kafka refuses a message of %d bytes as too large", e.Topic, e.Partition, e.Bytes)
}

// ExitCode is "configuration".
func (e *TooLargeError) ExitCode() int { return 2 }

// Hint says what to do.
func (e *TooLargeError) Hint() string {
	return fmt.Sprintf("raise max.message.bytes of the topic to more than %d (kafka-configs.sh --alter --topic %s --add-config max.message.bytes=…),"+
		" and message.max.bytes, replica.fetch.max.bytes and socket.request.max.bytes of the brokers with it", e.Bytes, e.Topic)
}

// RefusedError: Kafka refused a request in a way that trying again does not change.
type RefusedError struct {
	Topic string
	Err   error
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("kafka refuses: topic %s: %v", e.Topic, e.Err)
}

func (e *RefusedError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *RefusedError) Hint() string {
	return "rewind needs to describe, create, write and read its topics, and to commit and read the offsets of its group"
}
