package hs2

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	hs "github.com/beltran/gohive/hiveserver"

	"rewind/sandbox/internal/engine"
)

// Call is one call of the service.
type Call struct {
	Number int    // from 1, over all connections
	Name   string // OpenSession, ExecuteStatement, FetchResults, ...
}

// CallFault is what goes wrong with a call; 0 is nothing.
type CallFault uint8

// The faults of calls.
const (
	CallRefused CallFault = iota + 1 // answered with an error, and nothing was done
	CallCut                          // the connection is closed, and nothing was done
	CallLost                         // done, and the connection is closed without an answer
	CallStalled                      // done, and never answered: the client hangs up some day
	CallShort                        // rows are answered with a column less than their description says
)

// errCut ends a connection.
var errCut = errors.New("cut for a test")

// errRefused is what a refused call is answered with.
var errRefused = &engine.Error{SQLState: "HY000", Message: "ImpalaRuntimeException: refused for a test"}

// lostPatience is how long a statement whose answer will be lost may take: it is to be done then.
const lostPatience = time.Minute

// calls lets the calls of one connection go wrong.
type calls struct {
	*hs.TCLIServiceProcessor
	handler *handler
	conn    net.Conn
}

// Process serves one call.
func (c *calls) Process(ctx context.Context, in, out thrift.TProtocol) (bool, thrift.TException) {
	ask := c.handler.server.options.Call
	if ask == nil {
		return c.TCLIServiceProcessor.Process(ctx, in, out)
	}
	name, _, seq, err := in.ReadMessageBegin(ctx)
	if err != nil {
		return false, thrift.WrapTException(err)
	}
	call, found := c.GetProcessorFunction(name)
	if !found {
		return false, thrift.NewTApplicationException(thrift.UNKNOWN_METHOD, "Unknown function "+name)
	}
	fault := ask(Call{Number: c.handler.server.nextCall(), Name: name})
	c.handler.fault = fault
	defer func() { c.handler.fault = 0 }()
	switch fault {
	case CallCut:
		return false, thrift.WrapTException(errCut)
	case CallLost, CallStalled:
		nowhere := thrift.NewTBinaryProtocolConf(thrift.NewTMemoryBuffer(), nil)
		if ok, err := call.Process(ctx, seq, in, nowhere); !ok || err != nil {
			return ok, err
		}
		if fault == CallStalled {
			_, _ = c.conn.Read(make([]byte, 1)) // until the client is gone, or the server closes
		}
		return false, thrift.WrapTException(errCut)
	}
	return call.Process(ctx, seq, in, out)
}

func (s *Server) nextCall() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	return s.calls
}

// refusal is the error of a call that is to be refused, once.
func (h *handler) refusal() error {
	if h.fault != CallRefused {
		return nil
	}
	h.fault = 0
	return errRefused
}

// patience is how long a call waits for its statement before it says that it is still running: quick ones are answered at once.
func (h *handler) patience() time.Duration {
	if h.fault == CallLost || h.fault == CallStalled {
		return lostPatience
	}
	return patience
}

// shortened leaves out the last column where that is asked for.
func (h *handler) shortened(set *hs.TRowSet) *hs.TRowSet {
	if h.fault == CallShort && len(set.Columns) > 0 {
		set.Columns = set.Columns[:len(set.Columns)-1]
	}
	return set
}
