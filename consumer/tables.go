package consumer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"rewind/table"
	"rewind/topic"
)

// Wait is how long a table in trouble waits before it is tried again.
type Wait struct {
	First    time.Duration // after the first failure; each further one doubles it; 0: 1 s
	Longest  time.Duration // that it grows to; 0: 1 min
	Standing time.Duration // where a person has to do something; 0: 5 min
}

// Trouble is what keeps one table from being consumed. The same trouble is told once.
type Trouble struct {
	Table table.Name
	Err   error         // nil: it is over, the table is consumed again
	Again time.Duration // until the next try; 0: there is none
}

// TablesError is the errors of the tables that could not be consumed, of several.
type TablesError struct {
	Errs []error // in the order of the tables
	Of   int     // tables in all
}

func (e *TablesError) Error() string {
	texts := make([]string, len(e.Errs))
	for i, err := range e.Errs {
		texts[i] = err.Error()
	}
	return fmt.Sprintf("%d of %d tables were not consumed: %s", len(e.Errs), e.Of, strings.Join(texts, "; "))
}

// Unwrap gives the errors.
func (e *TablesError) Unwrap() []error { return e.Errs }

// Exit codes of errors that pass by themselves, or may.
const (
	exitFailed      = 1
	exitUnreachable = 7
)

// passes says whether the cause of an error may pass without anybody doing something about it.
func passes(err error) bool {
	var coder interface {
		error
		ExitCode() int
	}
	if !errors.As(err, &coder) {
		return true
	}
	code := coder.ExitCode()
	return code == exitFailed || code == exitUnreachable
}

// runner consumes the tables side by side.
type runner struct {
	kafka   *topic.Client
	options Options

	mutex    sync.Mutex
	standing int                // tables that wait for a person
	end      context.CancelFunc // of all tables
	away     error              // that ended all of them: a server is away for all
}

func newRunner(kafka *topic.Client, o Options) *runner {
	if o.Wait.First == 0 {
		o.Wait.First = time.Second
	}
	if o.Wait.Longest == 0 {
		o.Wait.Longest = time.Minute
	}
	if o.Wait.Standing == 0 {
		o.Wait.Standing = 5 * time.Minute
	}
	return &runner{kafka: kafka, options: o}
}

func (r *runner) run(outer context.Context) (report Report, err error) {
	ctx, cancel := context.WithCancel(outer)
	defer cancel()
	r.end = cancel
	n := len(r.options.Tables)
	reports, errs := make([][]PartitionReport, n), make([]error, n)
	var wait sync.WaitGroup
	for i, name := range r.options.Tables {
		wait.Go(func() { reports[i], errs[i] = r.table(ctx, name) })
	}
	wait.Wait()
	for _, all := range reports {
		report.Partitions = append(report.Partitions, all...)
	}
	if outer.Err() != nil {
		return report, nil
	}
	if r.away != nil {
		return report, r.away
	}
	return report, sum(errs)
}

// sum is what a Run ends with.
func sum(errs []error) error {
	var failed []error
	for _, err := range errs {
		if err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) == 0 || len(errs) == 1 {
		return errors.Join(failed...)
	}
	return &TablesError{Errs: failed, Of: len(errs)}
}

// table consumes one table for as long as it makes sense to try.
func (r *runner) table(ctx context.Context, name table.Name) (all []PartitionReport, err error) {
	c := &tableConsumer{kafka: r.kafka, options: r.options, name: name, logger: r.options.Logger.With("table", name.String())}
	said := ""
	wait := r.options.Wait.First
	for {
		c.flowing = func() {
			if said != "" {
				r.tell(Trouble{Table: name})
			}
			said, wait = "", r.options.Wait.First
		}
		reports, err := c.run(ctx)
		all = merge(all, reports)
		if err == nil || ended(ctx, err) {
			return all, nil
		}
		standing := !passes(err)
		again, last := r.again(err, standing, wait)
		if text := err.Error(); text != said {
			said = text
			if !last {
				r.tell(Trouble{Table: name, Err: err, Again: again})
			}
		}
		if again == 0 {
			return all, err
		}
		wait = min(2*wait, r.options.Wait.Longest)
		pause(ctx, again)
		if standing {
			r.mutex.Lock()
			r.standing--
			r.mutex.Unlock()
		}
		if ctx.Err() != nil {
			return all, err // of a table that still waited when the last one gave up
		}
	}
}

// ended says that an error is the end of ctx; a time limit that a job ran into while ctx goes on is none.
func ended(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
}

// again says how long to wait before the next try, 0 for none. last says that the error ends the Run, and is told by it.
func (r *runner) again(err error, standing bool, wait time.Duration) (again time.Duration, last bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	var away *topic.UnreachableError
	switch {
	case r.options.UntilCaughtUp && errors.As(err, &away):
		if r.away == nil {
			r.away = err
		}
		r.end()
		return 0, true
	case r.options.UntilCaughtUp:
		return 0, len(r.options.Tables) == 1
	case !standing:
		return wait, false
	}
	if r.standing++; r.standing == len(r.options.Tables) {
		r.end()
		return 0, len(r.options.Tables) == 1
	}
	return r.options.Wait.Standing, false
}

func (r *runner) tell(t Trouble) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	switch {
	case r.options.Trouble != nil:
		r.options.Trouble(t)
	case t.Err == nil:
		r.options.Logger.Info("consume: the table is consumed again", "table", t.Table.String())
	default:
		r.options.Logger.Error("consume: the table is not consumed", "table", t.Table.String(), "error", t.Err, "again in", t.Again)
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// merge adds what a further try did.
func merge(all, more []PartitionReport) []PartitionReport {
	for _, r := range more {
		found := false
		for i := range all {
			a := &all[i]
			if a.Stream != r.Stream || a.Partition != r.Partition || r.Stream == "" {
				continue
			}
			a.Entries, a.Bytes, a.Repeats = a.Entries+r.Entries, a.Bytes+r.Bytes, a.Repeats+r.Repeats
			a.Stale, a.Doubtful, a.Gaps = a.Stale+r.Stale, a.Doubtful+r.Doubtful, a.Gaps+r.Gaps
			a.Next, found = max(a.Next, r.Next), true
		}
		if !found {
			all = append(all, r)
		}
	}
	return all
}
