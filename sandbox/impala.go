package sandbox

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"time"

	"rewind/sandbox/internal/engine"
	"rewind/sandbox/internal/hs2"
)

// ImpalaOptions of a stand-in for Impala. The zero value serves at a free port
// of 127.0.0.1, without a password, from a temporary folder that Close removes.
type ImpalaOptions struct {
	Addr     string      // to listen at; "": 127.0.0.1 and a free port
	Dir      string      // of the SQLite file and the warehouse; "": temporary
	User     string      // with a password: who may log in; "": rewind
	Password string      // asked for by SASL PLAIN (LDAP); "": no authentication
	TLS      *tls.Config // nil: plain text
	Logger   *slog.Logger

	// TranslateManaged makes managed tables external ones with
	// external.table.purge, as the metastore of Hive 3 does.
	TranslateManaged bool

	// What follows provokes, for tests, what a busy Impala does.

	BatchRows    int           // at most so many rows a fetch
	EmptyBatches int           // empty batches with more to come, before each batch
	FetchDelay   time.Duration // every batch is computed that much later
	FetchWait    time.Duration // how long a fetch waits before it answers STILL_EXECUTING; 0: 1s
	ExpireAfter  int           // statements after which a session has expired; 0: never

	// Fault is asked before each statement: an error in before is reported
	// instead of executing it, one in after although it was executed.
	Fault func(statement string) (before, after error)

	// Rewrite gives the statement that is executed in the place of the one that
	// came: an engine that answers something else than it was asked for.
	Rewrite func(statement string) string

	// RepeatAnswers gives the rows of a statement again where it comes again,
	// whatever has changed since, and encodes them once: to measure a reader,
	// not this engine. A reader must not change how many rows it fetches at once.
	RepeatAnswers bool

	// Call is asked before each call of the service, and says what goes wrong
	// with it; 0 is nothing.
	Call func(Call) CallFault
}

// Call is one call of the service.
type Call = hs2.Call

// CallFault is what goes wrong with a call.
type CallFault = hs2.CallFault

// The faults of calls.
const (
	CallRefused = hs2.CallRefused // answered with an error, and nothing was done
	CallCut     = hs2.CallCut     // the connection is closed, and nothing was done
	CallLost    = hs2.CallLost    // done, and the connection is closed without an answer
	CallStalled = hs2.CallStalled // done, and never answered: the client hangs up some day
	CallShort   = hs2.CallShort   // rows are answered with a column less than their description says
)

// Impala is a running stand-in: a HiveServer2 server that understands Impala's
// SQL and speaks as Impala does.
type Impala struct {
	options ImpalaOptions
	dir     string // to remove at Close
	engine  *engine.Engine
	server  *hs2.Server
	addr    string
}

// Query is a statement that a stand-in is executing.
type Query = hs2.Query

// StartImpala starts a stand-in; Close ends it.
func StartImpala(o ImpalaOptions) (*Impala, error) {
	if o.Addr == "" {
		o.Addr = freeAddr
	}
	if o.Password != "" && o.User == "" {
		o.User = "rewind"
	}
	if o.Password == "" {
		o.User = ""
	}
	i := &Impala{options: o}
	dir := o.Dir
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "rewind-impala-"); err != nil {
			return nil, err
		}
		i.dir = dir
	}
	if err := i.start(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("start the Impala stand-in: %w", err), i.Close())
	}
	return i, nil
}

func (i *Impala) start(dir string) error {
	o := i.options
	var err error
	if i.engine, err = engine.Open(engine.Options{Dir: dir, Durable: o.Dir != "", Translate: o.TranslateManaged}); err != nil {
		return err
	}
	l, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return err
	}
	i.addr = l.Addr().String()
	if o.TLS != nil {
		l = tls.NewListener(l, o.TLS)
	}
	i.server = hs2.Serve(l, i.engine, hs2.Options{User: o.User, Password: o.Password, BatchRows: o.BatchRows, EmptyBatches: o.EmptyBatches,
		FetchDelay: o.FetchDelay, FetchWait: o.FetchWait, ExpireAfter: o.ExpireAfter, Fault: o.Fault, Rewrite: o.Rewrite, Call: o.Call, RepeatAnswers: o.RepeatAnswers, Logger: o.Logger})
	return nil
}

// Addr is the host and port at which it listens.
func (i *Impala) Addr() string { return i.addr }

// DSN is what impala-go connects with. With TLS it lacks ca-cert=FILE, the authority's certificate.
func (i *Impala) DSN() string {
	u := url.URL{Scheme: "impala", Host: i.addr, RawQuery: "auth=noauth"}
	if i.options.User != "" {
		u.User = url.UserPassword(i.options.User, i.options.Password)
		u.RawQuery = "auth=ldap"
	}
	if i.options.TLS != nil {
		u.RawQuery += "&tls=true"
	}
	return u.String()
}

// Warehouse is the local folder of the managed tables.
func (i *Impala) Warehouse() string { return i.engine.Warehouse() }

// Queries lists the statements that run or whose rows are not all computed.
func (i *Impala) Queries() []Query { return i.server.Queries() }

// ExpireSessions makes the open sessions answer as Impala's do after a long pause.
func (i *Impala) ExpireSessions() { i.server.ExpireSessions() }

// Close ends all queries and connections, and waits for them.
func (i *Impala) Close() error {
	var err error
	if i.server != nil {
		err = i.server.Close()
	}
	if i.engine != nil {
		err = errors.Join(err, i.engine.Close())
	}
	if i.dir != "" {
		err = errors.Join(err, os.RemoveAll(i.dir))
	}
	return err
}
