package impala

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"

	"rewind/table"
)

// DB is one engine.
type DB struct {
	o       Options
	pool    *sql.DB
	address string
}

// Open makes a DB and reaches the server once. It removes nothing: see Cleanup.
func Open(ctx context.Context, o Options) (*DB, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	dsn, address, err := parseDSN(o.DSN)
	if err != nil {
		return nil, err
	}
	pool, err := sql.Open("impala", dsn)
	if err != nil {
		return nil, &ConfigError{"impala.dsn", err.Error()}
	}
	// No connection outlives its unit of work. One that waited in the pool may have died; its session's options are reset; after a
	// timeout its next answer would be the last statement's; after a cancellation a statement may still run in its session, which
	// only ends with it.
	pool.SetMaxIdleConns(-1)
	db := &DB{o: o, pool: pool, address: address}
	if err := db.read(ctx, table.Name{}, func(s *session) error { return s.ping(ctx) }); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return db, nil
}

// Close closes what is left of the connections.
func (db *DB) Close() error { return db.pool.Close() }

// Retries of what only reads.
const (
	maxRetries       = 3
	firstRetryDelay  = 200 * time.Millisecond
	longestRetryWait = 2 * time.Second
)

// read runs a unit of work that changes nothing, in a session of its own, and again when the server was out of reach.
func (db *DB) read(ctx context.Context, name table.Name, work func(*session) error) error {
	delays := backoff.NewExponentialBackOff(backoff.WithInitialInterval(firstRetryDelay), backoff.WithMaxInterval(longestRetryWait))
	once := func() error {
		err := db.once(ctx, name, false, work)
		var unreachable *UnreachableError
		if err != nil && !errors.As(err, &unreachable) {
			return backoff.Permanent(err)
		}
		return err
	}
	return backoff.RetryNotify(once, backoff.WithContext(backoff.WithMaxRetries(delays, maxRetries), ctx), func(err error, wait time.Duration) {
		db.o.Logger.Debug("impala: retrying", "error", err, "wait", wait)
	})
}

// change runs a unit of work that changes something, once.
func (db *DB) change(ctx context.Context, name table.Name, work func(*session) error) error {
	return db.once(ctx, name, true, work)
}

func (db *DB) once(ctx context.Context, name table.Name, change bool, work func(*session) error) error {
	s, err := db.session(ctx, name, change)
	if err != nil {
		return err
	}
	defer s.close()
	return work(s)
}

// restoreSession is what a session that changes something needs: other impalads see a new table at once, a file that cannot be
// read is an error, and a new table is transactional only if the old one was.
func restoreSession() []property {
	return []property{{"SYNC_DDL", "true"}, {"ABORT_ON_ERROR", "true"}, {"DEFAULT_TRANSACTIONAL_TYPE", "none"}}
}
