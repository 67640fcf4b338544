package engine

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/ncruces/go-sqlite3"
)

// Engine holds the databases of one stand-in.
type Engine struct {
	file      string
	warehouse string

	writer    *sqlite3.Conn
	writing   chan struct{} // holds one token: the right to write
	mu        sync.Mutex
	idle      []*sqlite3.Conn
	closed    bool
	translate bool
}

// Options of an Engine.
type Options struct {
	Dir       string // where the SQLite file and the warehouse are
	Durable   bool   // survive a crash of the machine
	Translate bool   // managed tables become external ones with purge, as Hive 3's metastore makes them
}

// maxIdle connections are kept for the next queries.
const maxIdle = 4

// Open opens or makes the engine's files.
func Open(o Options) (*Engine, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	e := &Engine{file: filepath.Join(dir, "impala.sqlite"), warehouse: filepath.Join(dir, "warehouse"),
		writing: make(chan struct{}, 1), translate: o.Translate}
	if err := os.MkdirAll(e.warehouse, 0o755); err != nil {
		return nil, err
	}
	if e.writer, err = e.connect(); err != nil {
		return nil, err
	}
	synchronous := "OFF"
	if o.Durable {
		synchronous = "NORMAL"
	}
	err = e.writer.Exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=" + synchronous + ";" + catalogDDL +
		"INSERT OR IGNORE INTO databases VALUES ('default', 'Default Hive database', '');")
	if err != nil {
		return nil, errors.Join(err, e.writer.Close())
	}
	e.writing <- struct{}{}
	return e, nil
}

// Warehouse is the folder of the managed tables.
func (e *Engine) Warehouse() string { return e.warehouse }

func (e *Engine) connect() (*sqlite3.Conn, error) {
	path := "/" + strings.TrimPrefix(filepath.ToSlash(e.file), "/")
	name := url.URL{Scheme: "file", Path: path, RawQuery: "_pragma=busy_timeout(60000)"} // a path may hold # and ?
	c, err := sqlite3.Open(name.String())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", e.file, err)
	}
	return c, nil
}

// reader gives a connection for one query; release takes it back.
func (e *Engine) reader() (*sqlite3.Conn, error) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil, errClosed
	}
	if n := len(e.idle); n > 0 {
		c := e.idle[n-1]
		e.idle = e.idle[:n-1]
		e.mu.Unlock()
		return c, nil
	}
	e.mu.Unlock()
	return e.connect()
}

var errClosed = errors.New("the stand-in is closed")

func (e *Engine) release(c *sqlite3.Conn) error {
	c.SetInterrupt(context.Background())
	if !c.GetAutocommit() {
		if err := c.Exec("ROLLBACK"); err != nil {
			return errors.Join(err, c.Close())
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || len(e.idle) >= maxIdle {
		return c.Close()
	}
	e.idle = append(e.idle, c)
	return nil
}

// write runs fn in a transaction of the one writer.
func (e *Engine) write(ctx context.Context, fn func(*sqlite3.Conn) error) (err error) {
	select {
	case <-e.writing:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { e.writing <- struct{}{} }()
	if e.writer == nil {
		return errClosed
	}
	e.writer.SetInterrupt(ctx)
	defer e.writer.SetInterrupt(context.Background())
	tx, err := e.writer.BeginImmediate()
	if err != nil {
		return err
	}
	defer tx.End(&err)
	return fn(e.writer)
}

// Close waits for a running write and closes the files; queries must be closed before.
func (e *Engine) Close() error {
	<-e.writing
	err := e.writer.Close()
	e.writer = nil
	e.writing <- struct{}{}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	for _, c := range e.idle {
		err = errors.Join(err, c.Close())
	}
	e.idle = nil
	return err
}
