// Package hs2 serves Impala's side of the HiveServer2 protocol over TCP: the
// binary Thrift service, with Impala's own CloseImpalaOperation, its statuses
// and its way of answering fetches.
package hs2

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/apache/thrift/lib/go/thrift"

	"rewind/sandbox/internal/engine"
)

// Options of a Server; the zero value behaves well and asks for no password.
type Options struct {
	User, Password string        // LDAP: SASL PLAIN; no user means no authentication
	BatchRows      int           // at most so many rows a fetch; 0: as many as asked for
	EmptyBatches   int           // empty answers that say "more" before each batch
	FetchDelay     time.Duration // every batch is computed that much later, while fetches say STILL_EXECUTING
	FetchWait      time.Duration // how long a fetch waits for rows before it says so; 0: 1s
	ExpireAfter    int           // statements after which a session has expired; 0: never
	Fault          func(statement string) (before, after error)
	Rewrite        func(statement string) string // what is executed in a statement's place
	Call           func(Call) CallFault          // asked before each call of the service
	RepeatAnswers  bool                          // a statement that gave rows gives the same ones again
	Logger         *slog.Logger

	repeated *answers // nil: none
}

// Server serves one engine.
type Server struct {
	engine   *engine.Engine
	options  Options
	log      *slog.Logger
	listener net.Listener
	ctx      context.Context // of everything that runs here; ends with Close
	stop     context.CancelFunc
	wait     sync.WaitGroup

	mu         sync.Mutex
	sessions   map[string]*session
	operations map[string]*operation
	conns      map[net.Conn]bool
	closed     bool
	calls      int
}

// Serve starts to serve at the listener until Close.
func Serve(l net.Listener, e *engine.Engine, o Options) *Server {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.FetchWait == 0 {
		o.FetchWait = time.Second
	}
	if o.RepeatAnswers {
		o.repeated = &answers{of: map[answer][]*batch{}}
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{engine: e, options: o, log: o.Logger, listener: l, ctx: ctx, stop: stop,
		sessions: map[string]*session{}, operations: map[string]*operation{}, conns: map[net.Conn]bool{}}
	s.wait.Go(s.accept)
	return s
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return // the listener is closed
		}
		if !s.track(c) {
			s.end(c)
			return
		}
		s.wait.Go(func() {
			defer s.untrack(c)
			if err := s.connection(c); err != nil {
				s.log.Debug("impala: connection ended", "remote", c.RemoteAddr().String(), "err", err)
			}
		})
	}
}

func (s *Server) track(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.conns[c] = true
	}
	return !s.closed
}

func (s *Server) untrack(c net.Conn) {
	s.end(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// end closes a connection, which the client may have closed already.
func (s *Server) end(c net.Conn) {
	if err := c.Close(); err != nil {
		s.log.Debug("impala: close", "remote", c.RemoteAddr().String(), "err", err)
	}
}

// Close ends all connections, sessions and queries, and waits for them.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	err := s.listener.Close()
	for c := range s.conns {
		s.end(c)
	}
	s.mu.Unlock()
	s.stop()
	s.wait.Wait()
	return err
}

// connection serves one client until it goes. The sessions that it opened end with it.
func (s *Server) connection(c net.Conn) error {
	cfg := &thrift.TConfiguration{MaxMessageSize: maxMessage, MaxFrameSize: maxMessage}
	var transport thrift.TTransport = thrift.NewTSocketFromConnConf(c, cfg)
	user := ""
	if s.options.User != "" {
		var err error
		if user, err = authenticate(c, s.options.User, s.options.Password); err != nil {
			return err
		}
		transport = newSASLTransport(c, cfg)
	} else {
		transport = thrift.NewTBufferedTransport(transport, 1<<16)
	}
	protocol := thrift.NewTBinaryProtocolConf(transport, cfg)
	h := &handler{server: s, user: user, sessions: map[string]bool{}}
	defer h.disconnect()
	processor := &calls{newProcessor(h), h, c}
	for {
		ok, err := process(s.ctx, processor, protocol)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil || !ok {
			return err
		}
	}
}

// maxMessage bounds one request; Impala takes statements up to 16 MiB by default.
const maxMessage = 64 << 20

func process(ctx context.Context, p thrift.TProcessor, protocol thrift.TProtocol) (ok bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			ok, err = false, fmt.Errorf("panic while serving: %v", r)
		}
	}()
	ok, err = p.Process(ctx, protocol, protocol)
	var te thrift.TTransportException
	if errors.As(err, &te) && te.TypeId() == thrift.END_OF_FILE {
		return false, io.EOF
	}
	return ok, err
}

// Query is one statement that the server is executing, or whose rows are
// still being computed.
type Query struct {
	ID        string
	Statement string
	Started   time.Time
}

// Queries lists what runs, as Impala's web page does.
func (s *Server) Queries() []Query {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Query
	for _, op := range s.operations {
		if op.running() {
			list = append(list, Query{ID: guid(op.id), Statement: op.statement, Started: op.started})
		}
	}
	return list
}

// ExpireSessions makes every open session answer as one that timed out.
func (s *Server) ExpireSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.sessions {
		x.expired = true
	}
}
