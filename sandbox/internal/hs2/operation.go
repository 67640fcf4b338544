package hs2

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	hs "github.com/beltran/gohive/hiveserver"

	"rewind/sandbox/internal/engine"
)

// operation is one statement. It runs in a goroutine of its own, which
// computes its batches ahead of the fetches.
type operation struct {
	id        *hs.THandleIdentifier
	kind      hs.TOperationType
	statement string
	started   time.Time
	hasRows   bool
	session   string
	ctx       context.Context // of the statement
	cancel    context.CancelFunc
	options   *Options

	ready   chan struct{} // closed once the statement was analyzed, or DML is done, or it failed
	ended   chan struct{} // closed once nothing runs any more
	size    chan int      // the first fetch says how many rows a batch has
	batches chan *batch   // closed after the last one

	mu      sync.Mutex // guards what follows
	err     error
	columns []engine.ResultColumn
	counts  *changed
	sized   bool
	empty   int    // empty answers still to be given before the next rows
	rest    *batch // rows that were computed and not yet fetched
	offset  int64
}

// batchesAhead are computed before they are asked for.
const batchesAhead = 1

func newOperation(ctx context.Context, statement, session string, o *Options) *operation {
	op := &operation{id: newIdentifier(), kind: hs.TOperationType_EXECUTE_STATEMENT, statement: statement, started: time.Now(),
		session: session, options: o, ready: make(chan struct{}), ended: make(chan struct{}),
		size: make(chan int, 1), batches: make(chan *batch, batchesAhead), empty: o.EmptyBatches}
	op.ctx, op.cancel = context.WithCancel(ctx)
	return op
}

func (o *operation) running() bool { return !isClosed(o.ended) }

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// run executes the statement and computes its rows.
func (o *operation) run(execute func(context.Context) (*engine.Result, error)) {
	defer close(o.ended)
	defer close(o.batches)
	result, err := guarded(o.ctx, execute)
	o.mu.Lock()
	o.err = o.seen(err)
	if err == nil {
		if result.Rows != nil {
			o.columns = result.Rows.Columns
		}
		o.counts = &changed{result.Modified, result.Deleted}
	}
	o.mu.Unlock()
	close(o.ready)
	if err != nil || result.Rows == nil {
		return
	}
	err = o.feed(result.Rows)
	err = errors.Join(err, result.Rows.Close())
	o.mu.Lock()
	o.err = o.seen(err)
	o.mu.Unlock()
}

// guarded keeps a mistake of ours in one statement from taking the process along.
func guarded(ctx context.Context, execute func(context.Context) (*engine.Result, error)) (result *engine.Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the stand-in failed: %v\n%s", r, debug.Stack())
		}
	}()
	return execute(ctx)
}

// seen words an interruption as Impala does.
func (o *operation) seen(err error) error {
	if err != nil && o.ctx.Err() != nil {
		return &engine.Error{SQLState: "HY000", Message: "Cancelled"}
	}
	return err
}

func (o *operation) feed(rows *engine.Rows) error {
	var size int
	select {
	case size = <-o.size:
	case <-o.ctx.Done():
		return o.ctx.Err()
	}
	known := o.options.repeated.known(o.statement, size)
	var all []*batch // only of a server that repeats its answers
	for i := 0; ; i++ {
		var b *batch
		if i < len(known) {
			b = known[i]
		} else {
			var err error
			if b, err = o.fill(rows, size); err != nil {
				return err
			}
		}
		select {
		case o.batches <- b:
		case <-o.ctx.Done():
			return o.ctx.Err()
		}
		if o.options.repeated != nil {
			all = append(all, b)
		}
		if b.last {
			o.options.repeated.keep(o.statement, size, all)
			return nil
		}
	}
}

func (o *operation) fill(rows *engine.Rows, size int) (*batch, error) {
	if o.options.FetchDelay > 0 {
		t := time.NewTimer(o.options.FetchDelay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-o.ctx.Done():
			return nil, o.ctx.Err()
		}
	}
	b := newBatch(rows.Columns, size)
	for b.rows < size {
		ok, err := rows.Next()
		if err != nil {
			return nil, err
		}
		if !ok {
			b.last = true
			break
		}
		b.add(rows)
	}
	return b, nil
}

// fetched is the answer to one fetch.
type fetched struct {
	batch     *batch // nil: none yet
	executing bool   // nothing is there yet
	more      bool
	offset    int64
}

// fetch gives the next rows, waiting for them a while.
func (o *operation) fetch(size int, wait time.Duration) (fetched, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.sized {
		o.sized = true
		o.size <- size
	}
	if o.rest == nil {
		if o.empty > 0 {
			o.empty--
			return fetched{batch: newBatch(o.columns, 0), more: true, offset: o.offset}, nil
		}
		done, err := o.receive(wait)
		if err != nil || !done {
			return fetched{executing: !done, more: !done}, err
		}
		o.empty = o.options.EmptyBatches
	}
	b := o.rest
	if b == nil { // the rows have ended before
		return fetched{batch: newBatch(o.columns, 0), offset: o.offset}, nil
	}
	o.rest = b.split(size)
	f := fetched{batch: b, more: o.rest != nil || !b.last, offset: o.offset}
	o.offset += int64(b.rows)
	return f, nil
}

// receive waits for the next batch; done is false where it is still computed.
func (o *operation) receive(wait time.Duration) (done bool, err error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	o.mu.Unlock()
	defer o.mu.Lock()
	select {
	case b, ok := <-o.batches:
		if !ok {
			<-o.ended
			o.mu.Lock()
			defer o.mu.Unlock()
			return true, o.err
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.rest = b
		return true, nil
	case <-timer.C:
		return false, nil
	}
}

// wait waits until the statement is analyzed, or done where it gives no rows.
func (o *operation) wait(limit time.Duration) (ready bool, err error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-o.ready:
		o.mu.Lock()
		defer o.mu.Unlock()
		return true, o.err
	case <-timer.C:
		return false, nil
	}
}

// close cancels what still runs and waits for its end.
func (o *operation) close() *changed {
	o.cancel()
	<-o.ended
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counts
}
