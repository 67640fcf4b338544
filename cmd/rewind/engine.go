package main

import (
	"context"
	"os"
	"path/filepath"

	"rewind/impala"
	"rewind/producer"
	"rewind/replay"
	"rewind/table"
	"rewind/topic"
)

// The engine is all that the roles ask for.
var (
	_ producer.Source = (*impala.DB)(nil)
	_ replay.Target   = (*impala.DB)(nil)
	_ replay.Catalog  = (*impala.DB)(nil)
)

func (c *config) snapshotDir() string { return filepath.Join(c.Data, "snapshots") }

func (c *config) restoreDir() string { return filepath.Join(c.Data, "restore") }

// hasSnapshot says whether the producer's state of a table is on this machine.
func (c *config) hasSnapshot(name table.Name) bool {
	_, err := os.Stat(filepath.Join(c.snapshotDir(), name.FileName(), "current.avro"))
	return err == nil
}

// openKafka makes the client for one table's topic; it connects to nothing yet.
func (a *app) openKafka(c *config, t tableConfig) (*topic.Client, error) {
	if len(c.Kafka.Brokers) == 0 {
		return nil, missing(c, "kafka.brokers", "kafka: {brokers: [127.0.0.1:19092]}")
	}
	partitions := t.Partitions
	if partitions == 0 {
		partitions = c.Kafka.Partitions
	}
	o, err := c.Kafka.options(partitions)
	if err != nil {
		return nil, usageErrorf("see kafka: in %s", c.path).because(err)
	}
	o.Logger = a.log
	client, err := topic.NewClient(o)
	if err != nil {
		return nil, usageErrorf("see kafka: in %s", c.path).because(err)
	}
	return client, nil
}

// connectEngine connects to Impala, and changes nothing there; m may be nil.
func (a *app) connectEngine(ctx context.Context, c *config, m *meter) (*impala.DB, error) {
	if c.Impala.DSN == "" {
		return nil, missing(c, "impala.dsn", `impala: {dsn: "impala://127.0.0.1:21050?auth=noauth"}`)
	}
	o := a.engineOptions(c, m)
	var err error
	if o.DSN, err = c.Impala.dsn(); err != nil {
		return nil, usageErrorf("see impala: in %s", c.path).because(err)
	}
	return impala.Open(ctx, o)
}

// engineOptions are the configuration's; m may be nil.
func (a *app) engineOptions(c *config, m *meter) impala.Options {
	o := impala.Options{
		DSN: c.Impala.DSN, Session: c.Impala.Options, Timezone: c.Impala.Timezone, ValuesLimit: c.Impala.ValuesLimit,
		Staging: impala.Staging(c.Impala.Staging), Tables: map[table.Name]impala.TableOptions{},
		StateDir: c.restoreDir(), FS: a.fs, Logger: a.log,
	}
	if m != nil {
		o.Progress = func(p impala.Progress) { m.report(p.Stage, p.Rows, p.Total) }
	}
	for _, t := range c.Tables {
		o.Tables[t.name] = impala.TableOptions{Key: t.Key, Exclude: t.Exclude, Bytes: t.Bytes, Options: t.Options, Refresh: t.Refresh}
	}
	return o
}

// openEngine connects to Impala and removes what an earlier restore left there; m may be nil.
func (a *app) openEngine(ctx context.Context, c *config, m *meter) (*impala.DB, error) {
	db, err := a.connectEngine(ctx, c, m)
	if err != nil {
		return nil, err
	}
	// What an earlier run could not remove must not keep this one from its work.
	if err := db.Cleanup(ctx); err != nil {
		a.log.Warn("what an earlier restore left could not be removed; the next start tries again", "error", err)
	}
	return db, nil
}

// recover finishes what an earlier restore of the table left unfinished: every command that touches the table does so
// first.
func (a *app) recover(ctx context.Context, c *config, db *impala.DB, name table.Name) error {
	recovered, err := replay.Recover(ctx, name, db, db.Drop, a.replayOptions(c, nil))
	if err != nil {
		return err
	}
	if recovered.Pending {
		a.log.Warn("an unfinished restore was found and finished", "table", recovered.Table, "placed", recovered.Placed,
			"kept", recovered.Kept, "dropped", recovered.Dropped, "reason", recovered.Reason)
	}
	return nil
}
