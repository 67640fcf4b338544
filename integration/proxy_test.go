//go:build integration

package integration

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// proxy stands between rewind and a server and can make the network between them fail: in a count of requests, never in a count of
// seconds, so that the same faults happen again whatever the machine's pace.
type proxy struct {
	t      *testing.T
	target string
	frames bool // requests and answers are framed by a length, as Kafka's are; else a request is what one read gives

	listener net.Listener
	serving  sync.WaitGroup

	mutex   sync.Mutex
	conns   map[*pipe]struct{}
	judge   func(frame []byte) verdict // of each request; nil: all pass
	fault   fault
	left    int           // requests that the fault still befalls; −1: until heal
	stalled chan struct{} // closed when the stall ends
	closed  bool
}

// fault is what a network does to a request.
type fault int

// The faults of a network.
const (
	faultNone    fault = iota
	faultCut           // the connection ends before the request goes through
	faultSwallow       // the request goes through, its answer never comes
	faultDelay         // the request waits for a while
	faultStall         // nothing goes in or out until it is healed
)

func (f fault) String() string {
	return [...]string{"none", "cut", "swallow", "delay", "stall"}[f]
}

// faultDelayTime is how long a delayed request waits: the length of the fault itself, nothing is synchronised by it.
const faultDelayTime = 150 * time.Millisecond

// verdict is what is done with one request. A request with a gate waits until the gate is closed; of the server's answer it is told by
// the closing of answered, whether the answer goes on or not.
type verdict struct {
	fault    fault
	gate     <-chan struct{}
	answered chan struct{}
}

// newProxy listens at an address ("127.0.0.1:0" for any) for the length of the test.
func newProxy(t *testing.T, listen, target string, frames bool) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", listen)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, target: target, frames: frames, listener: l, conns: map[*pipe]struct{}{}}
	p.serving.Go(p.serve)
	t.Cleanup(func() {
		_ = l.Close()
		p.heal()
		p.mutex.Lock()
		p.closed = true
		p.mutex.Unlock()
		p.cutAll()
		p.serving.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil { // the server is away: that is what the client sees
			_ = client.Close()
			continue
		}
		c := &pipe{p: p, client: client, server: server}
		p.mutex.Lock()
		if p.closed {
			p.mutex.Unlock()
			c.close()
			return
		}
		p.conns[c] = struct{}{}
		p.mutex.Unlock()
		p.serving.Go(c.requests)
		p.serving.Go(c.answers)
	}
}

// befall lets a fault come over the next n requests; −1: until heal.
func (p *proxy) befall(f fault, n int) {
	p.mutex.Lock()
	p.fault, p.left = f, n
	if f == faultStall {
		p.stalled = make(chan struct{})
	}
	p.mutex.Unlock()
	if f == faultCut {
		p.cutAll()
	}
}

// heal ends every fault. What was stalled goes on; what lost an answer was cut.
func (p *proxy) heal() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.fault, p.left = faultNone, 0
	if p.stalled != nil {
		close(p.stalled)
		p.stalled = nil
	}
	for c := range p.conns {
		if c.lost {
			c.close()
		}
	}
}

// watch has every request judged.
func (p *proxy) watch(judge func(frame []byte) verdict) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.judge = judge
}

// cutAll ends the connections of now.
func (p *proxy) cutAll() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for c := range p.conns {
		c.close()
	}
}

// next says what becomes of a request.
func (p *proxy) next(frame []byte) verdict {
	p.mutex.Lock()
	judge := p.judge
	v := verdict{}
	if p.fault != faultNone && p.left != 0 {
		v.fault = p.fault
		v.gate = p.stalled
		p.left--
	}
	p.mutex.Unlock()
	if judge != nil && v.fault == faultNone {
		return judge(frame)
	}
	return v
}

// stall is closed when answers may go out; nil: they may.
func (p *proxy) stall() <-chan struct{} {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.stalled
}

// pipe is one connection through the proxy.
type pipe struct {
	p              *proxy
	client, server net.Conn
	once           sync.Once

	// Under the proxy's lock.
	lost     bool          // an answer was swallowed, and all behind it are
	answered chan struct{} // is closed at the next answer
}

func (c *pipe) close() {
	c.once.Do(func() {
		_ = c.client.Close()
		_ = c.server.Close()
	})
}

func (c *pipe) gone() {
	c.close()
	c.p.mutex.Lock()
	delete(c.p.conns, c)
	c.p.mutex.Unlock()
}

// requests copies from the client to the server.
func (c *pipe) requests() {
	for {
		frame, err := c.p.read(c.client)
		if err != nil { // what was asked is answered all the same: the server ends the connection
			_ = c.server.(*net.TCPConn).CloseWrite()
			return
		}
		v := c.p.next(frame)
		if v.gate != nil {
			<-v.gate
		}
		if v.fault == faultCut {
			c.close()
			return
		}
		if v.fault == faultDelay {
			time.Sleep(faultDelayTime)
		}
		c.p.mutex.Lock()
		c.lost = c.lost || v.fault == faultSwallow
		c.answered = v.answered
		c.p.mutex.Unlock()
		if _, err := c.server.Write(frame); err != nil {
			c.close()
			return
		}
	}
}

// answers copies from the server to the client.
func (c *pipe) answers() {
	defer c.gone()
	buffer := make([]byte, 64<<10)
	for {
		n, err := c.server.Read(buffer)
		if err != nil {
			return
		}
		if gate := c.p.stall(); gate != nil {
			<-gate
		}
		c.p.mutex.Lock()
		lost := c.lost
		if c.answered != nil {
			close(c.answered)
			c.answered = nil
		}
		c.p.mutex.Unlock()
		if lost {
			continue
		}
		_, _ = c.client.Write(buffer[:n]) // a client that is gone learns nothing
	}
}

// maxFrame is more than rewind sends in one request.
const maxFrame = 64 << 20

// read gives the next request.
func (p *proxy) read(from net.Conn) ([]byte, error) {
	if !p.frames {
		buffer := make([]byte, 64<<10)
		n, err := from.Read(buffer)
		return buffer[:n], err
	}
	var head [4]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > maxFrame {
		return nil, errors.New("not a frame")
	}
	frame := make([]byte, 4+size)
	copy(frame, head[:])
	_, err := io.ReadFull(from, frame[4:])
	return frame, err
}
