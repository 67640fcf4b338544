package hs2

import (
	"context"
	"sync"

	"github.com/apache/thrift/lib/go/thrift"
	hs "github.com/beltran/gohive/hiveserver"
)

// answers are the rows that statements were answered with, for a server that repeats them: whoever reads them does not wait for the engine.
// Who begins to fetch so many rows at once goes on with as many: a batch that is kept must not be divided.
type answers struct {
	mutex sync.Mutex
	of    map[answer][]*batch
}

type answer struct {
	statement string
	size      int // of its batches
}

// known gives a statement's batches, nil if it was not answered before. They are not to be changed.
func (a *answers) known(statement string, size int) []*batch {
	if a == nil {
		return nil
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.of[answer{statement, size}]
}

func (a *answers) keep(statement string, size int, batches []*batch) {
	if a == nil {
		return
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.of[answer{statement, size}] = batches
}

// repeatFetch is FetchResults of a server that repeats its answers: it sends the bytes that it sent before.
type repeatFetch struct{ handler *handler }

// Process answers one call.
func (p repeatFetch) Process(ctx context.Context, seq int32, in, out thrift.TProtocol) (bool, thrift.TException) {
	args := hs.TCLIServiceFetchResultsArgs{}
	if err := args.Read(ctx, in); err != nil {
		return false, thrift.WrapTException(err)
	}
	if err := in.ReadMessageEnd(ctx); err != nil {
		return false, thrift.WrapTException(err)
	}
	response, b := p.handler.fetch(args.Req)
	err := all([]func() error{
		func() error { return out.WriteMessageBegin(ctx, "FetchResults", thrift.REPLY, seq) },
		func() error { return writeFetched(ctx, out, response, b) },
		func() error { return out.WriteMessageEnd(ctx) },
		func() error { return out.Flush(ctx) },
	})
	if err != nil {
		return false, thrift.WrapTException(err)
	}
	return true, nil
}

// writeFetched writes the answer to a fetch, encoded the first time that its batch is given whole.
func writeFetched(ctx context.Context, out thrift.TProtocol, response *hs.TFetchResultsResp, b *batch) error {
	result := hs.TCLIServiceFetchResultsResult{Success: response}
	if b == nil {
		return result.Write(ctx, out)
	}
	var err error
	b.once.Do(func() {
		buffer := thrift.NewTMemoryBuffer()
		err = result.Write(ctx, thrift.NewTBinaryProtocolConf(buffer, nil))
		b.encoded = buffer.Bytes()
	})
	if err == nil {
		_, err = out.Transport().Write(b.encoded)
	}
	return err
}
