package topic

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/segmentio/kafka-go"
)

// A fetch is written and read here and not by kafka-go, whose readers believe the numbers in a record batch: they make room
// for as many headers and records as it claims to have, unpack without a limit, and do not look at its checksum.

const (
	fetchKey     = 1
	fetchVersion = 10 // Kafka 2.1 and later: the first that gives batches in zstd
)

// maxAnswerBytes bounds what is read of one answer. Kafka gives one batch whole even where it is larger than was asked for.
const maxAnswerBytes = maxBatchBytes + fetchBytes

// fetchConn is a connection to a partition's leader, ready to be asked.
type fetchConn struct {
	net.Conn
	correlation int32
	asked       question
	ahead       bool // it was asked, and the answer is not read yet
}

// question is what a fetch asks for.
type question struct {
	topic     string
	partition int
	offset    int64
	bytes     int // of batches, at most, but for the first one
}

// dialLeader connects to a partition's leader and logs in.
func (c *Client) dialLeader(ctx context.Context, leader kafka.Partition) (*fetchConn, error) {
	var raw net.Conn
	dialer := kafka.Dialer{ClientID: clientID, Timeout: c.options.Timeout, SASLMechanism: c.options.SASL,
		DialFunc: func(ctx context.Context, network, address string) (conn net.Conn, err error) {
			raw, err = c.dial(ctx, network, address)
			return raw, err
		}}
	// kafka-go asks one thing after the other and reads no byte behind an answer, so that the connection can be taken over.
	if _, err := dialer.DialPartition(ctx, "tcp", "", leader); err != nil {
		return nil, err
	}
	return &fetchConn{Conn: raw}, nil
}

// answer of a fetch.
type answer struct {
	high    int64  // the partition's end
	records []byte // whole record batches, the last of which may be cut off
	memory  []byte // what records alias
}

// fetch asks for what stands in a partition from an offset on, unless that was asked ahead, and reads the answer: into memory, which grows
// where it must.
func (f *fetchConn) fetch(ask question, limit time.Duration, memory []byte) (answer, error) {
	if err := f.SetDeadline(time.Now().Add(limit)); err != nil {
		return answer{}, err
	}
	if f.ahead && f.asked.offset != ask.offset {
		size, err := f.receive()
		if err == nil {
			_, err = io.CopyN(io.Discard, f, size)
		}
		if err != nil {
			return answer{}, err
		}
	}
	if !f.ahead {
		if err := f.ask(ask); err != nil {
			return answer{}, err
		}
	}
	size, err := f.receive()
	if err != nil {
		return answer{}, err
	}
	body, err := readGrowing(f, memory[:0], int(size))
	if err != nil {
		return answer{}, err
	}
	a, err := readAnswer(body, ask.topic, ask.partition)
	a.memory = body
	return a, err
}

// askAhead asks for what will be fetched next, so that the broker has it ready. The answer waits in the connection.
func (f *fetchConn) askAhead(ask question, limit time.Duration) error {
	if f.ahead {
		return nil
	}
	if err := f.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	return f.ask(ask)
}

func (f *fetchConn) ask(ask question) error {
	f.correlation++
	if _, err := f.Write(fetchRequest(f.correlation, ask)); err != nil {
		return err
	}
	f.asked, f.ahead = ask, true
	return nil
}

// receive reads the head of the answer to what was asked, and gives the size of what follows.
func (f *fetchConn) receive() (size int64, err error) {
	f.ahead = false
	var header [8]byte
	if _, err := io.ReadFull(f, header[:]); err != nil {
		return 0, err
	}
	size = int64(int32(binary.BigEndian.Uint32(header[:])))
	if size < 4 || size > maxAnswerBytes {
		return 0, fmt.Errorf("kafka announces an answer of %d bytes", size)
	}
	if got := int32(binary.BigEndian.Uint32(header[4:])); got != f.correlation {
		return 0, fmt.Errorf("kafka answers request %d where %d was asked", got, f.correlation)
	}
	return size - 4, nil
}

// leastAnswer is how much memory an answer gets at first.
const leastAnswer = 16 << 10

// readGrowing reads n bytes. Memory grows with what comes, not with what is announced.
func readGrowing(from io.Reader, b []byte, n int) ([]byte, error) {
	for n > len(b) {
		if len(b) == cap(b) {
			b = append(make([]byte, 0, min(n, max(2*len(b), leastAnswer))), b...)
		}
		end := min(n, cap(b))
		got, err := io.ReadFull(from, b[len(b):end])
		if b = b[:len(b)+got]; err != nil {
			return nil, unexpectedEnd(err)
		}
	}
	return b, nil
}

func unexpectedEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func fetchRequest(correlation int32, ask question) []byte {
	b := make([]byte, 4, 128+len(ask.topic))
	b = binary.BigEndian.AppendUint16(b, fetchKey)
	b = binary.BigEndian.AppendUint16(b, fetchVersion)
	b = appendInt32(b, correlation)
	b = appendText(b, clientID)
	b = appendInt32(b, -1) // a consumer, no replica
	b = appendInt32(b, int32(fetchWait.Milliseconds()))
	b = appendInt32(b, 1) // at least so many bytes
	b = appendInt32(b, int32(ask.bytes))
	b = append(b, 0)       // read uncommitted: the stream's own protocol decides
	b = appendInt32(b, 0)  // no fetch session
	b = appendInt32(b, -1) // nor a new one
	b = appendInt32(b, 1)  // topics
	b = appendText(b, ask.topic)
	b = appendInt32(b, 1) // partitions
	b = appendInt32(b, int32(ask.partition))
	b = appendInt32(b, -1) // whatever the leader's epoch
	b = binary.BigEndian.AppendUint64(b, uint64(ask.offset))
	b = binary.BigEndian.AppendUint64(b, ^uint64(0)) // the start is a replica's business
	b = appendInt32(b, int32(ask.bytes))
	b = appendInt32(b, 0) // forgotten topics
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

func appendInt32(b []byte, v int32) []byte { return binary.BigEndian.AppendUint32(b, uint32(v)) }

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

var errAnswer = errors.New("kafka's answer to a fetch is not what was asked for")

// readAnswer reads the body of an answer about one partition.
func readAnswer(body []byte, topic string, partition int) (answer, error) {
	f := fields{rest: body}
	f.skip(4) // throttled for so many milliseconds: it has waited already
	if code := f.int16(); !f.short && code != 0 {
		return answer{}, kafka.Error(code)
	}
	f.skip(4) // session
	if f.int32() != 1 || f.text() != topic || f.int32() != 1 || f.int32() != int32(partition) {
		return answer{}, errAnswer
	}
	code := f.int16()
	a := answer{high: f.int64()}
	f.skip(16)                                // last stable offset, first offset
	f.skip(16 * int(max(f.int32(), 0)))       // aborted transactions
	a.records = f.bytes(max(f.int32(), 0))    // null where there is nothing
	if code := kafka.Error(code); code != 0 { // an error comes without the rest at times
		return answer{}, code
	}
	if f.short {
		return answer{}, errAnswer
	}
	return a, nil
}

// fields reads an answer's fields one after the other; short says that one of them was not there.
type fields struct {
	rest  []byte
	short bool
}

func (f *fields) bytes(n int32) []byte {
	if f.short || int(n) > len(f.rest) {
		f.short = true
		return nil
	}
	b := f.rest[:n:n]
	f.rest = f.rest[n:]
	return b
}

func (f *fields) skip(n int) {
	if f.short || n > len(f.rest) {
		f.short = true
		return
	}
	f.rest = f.rest[n:]
}

func (f *fields) int16() int16 {
	if b := f.bytes(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (f *fields) int32() int32 {
	if b := f.bytes(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (f *fields) int64() int64 {
	if b := f.bytes(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (f *fields) text() string { return string(f.bytes(int32(max(f.int16(), 0)))) }
