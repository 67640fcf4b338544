package kafkatest

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Way in which the network fails a request.
type Way uint8

// Ways. Of all of them the sender only sees that its connection broke.
const (
	LoseAnswer  Way = iota + 1 // the broker did what it was asked to
	LoseRequest                // it never heard of it
	Delay                      // it hears of it behind the next requests of that kind
)

// Strike fails the K-th request that a cluster gets.
type Strike struct {
	Key   kmsg.Key // of the requests that are counted; -1: all
	K     int      // 1 is the first
	Way   Way
	After int // Delay: how many more requests of that kind come before it; 0: it waits for Deliver

	mutex     sync.Mutex
	seen      int
	hit       bool
	delivered bool
	frame     []byte // of a Delay
}

// SetStrike makes the network fail a request, counted from now; nil: no longer.
func (c *Cluster) SetStrike(s *Strike) { c.strike.Store(s) }

// Hit says whether there was such a request.
func (s *Strike) Hit() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.hit
}

// Deliver hands a delayed request to the broker, and waits for what becomes of it.
func (c *Cluster) Deliver(t testing.TB, s *Strike) {
	t.Helper()
	if err := c.deliver(s); err != nil {
		t.Fatal(err)
	}
}

func (c *Cluster) deliver(s *Strike) error {
	s.mutex.Lock()
	frame := s.frame
	if s.delivered || frame == nil {
		frame = nil
	}
	s.delivered = s.delivered || frame != nil
	s.mutex.Unlock()
	if frame == nil {
		return nil
	}
	to, err := net.Dial("tcp", c.ListenAddrs()[0])
	if err != nil {
		return err
	}
	defer func() { _ = to.Close() }()
	if _, err := to.Write(frame); err != nil {
		return err
	}
	var size [4]byte
	if _, err := io.ReadFull(to, size[:]); err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, to, int64(binary.BigEndian.Uint32(size[:])))
	return err
}

// struck does to a request what the strike says.
func (c *conn) struck(key kmsg.Key) {
	s := c.cluster.strike.Load()
	if s == nil || s.Key != -1 && s.Key != key {
		return
	}
	s.mutex.Lock()
	s.seen++
	seen := s.seen
	s.hit = s.hit || seen == s.K
	s.mutex.Unlock()
	switch {
	case seen == s.K && s.Way == LoseAnswer:
		c.cut.Store(true)
	case seen == s.K:
		c.late = s
	case s.Way == Delay && s.After > 0 && seen == s.K+s.After:
		_ = c.cluster.deliver(s)
	}
}

// withhold keeps the frame that the broker must not have, and breaks the connection.
func (c *conn) withhold() {
	size := int(binary.BigEndian.Uint32(c.kept)) + 4
	if missing := size - len(c.kept); missing > 0 {
		rest := make([]byte, missing)
		n, _ := io.ReadFull(c.Conn, rest)
		c.kept = append(c.kept, rest[:n]...)
	}
	if c.late.Way == Delay && len(c.kept) == size {
		c.late.mutex.Lock()
		c.late.frame = c.kept
		c.late.mutex.Unlock()
	}
	_ = c.Conn.Close()
}
