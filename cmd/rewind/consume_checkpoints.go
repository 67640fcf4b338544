package main

import (
	"context"
	"errors"
	"sync"

	"rewind/consumer"
	"rewind/disk"
	"rewind/replay"
	"rewind/table"
)

// checkpoints makes them beside a consumer, in a goroutine of its own: appending never waits for it, and neither does the end.
type checkpoints struct {
	app    *app
	config *config
	every  int64
	stop   context.CancelFunc
	done   chan struct{}
	wake   chan struct{}

	mutex  sync.Mutex
	tables map[table.Name]*sinceCheckpoint
}

// sinceCheckpoint is how much of a table was journaled since its last checkpoint, as far as is known.
type sinceCheckpoint struct {
	known   bool  // entries is what stands behind the newest checkpoint
	entries int64 // since the journal was looked at, or in this process
	next    map[int]int64
	last    map[int]int64 // entries of the partition's progress
}

// sparedByConsume is how much of the disk stays free when consume writes a checkpoint that nobody asked for.
const sparedByConsume = 1 << 30

// startCheckpoints watches a consumer's progress; nil where no checkpoint is wanted.
func (a *app) startCheckpoints(ctx context.Context, c *config, o *consumer.Options) *checkpoints {
	every := c.Journal.checkpointEvery()
	if every == 0 || o.Keys.WriteOnly() {
		return nil
	}
	k := &checkpoints{app: a, config: c, every: every, done: make(chan struct{}), wake: make(chan struct{}, 1), tables: map[table.Name]*sinceCheckpoint{}}
	ctx, k.stop = context.WithCancel(ctx)
	told := o.Progress
	o.Progress = func(p consumer.Progress) {
		k.note(p)
		if told != nil {
			told(p)
		}
	}
	go k.run(ctx)
	return k
}

// note takes a partition's progress.
func (k *checkpoints) note(p consumer.Progress) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	t := k.tables[p.Table]
	if t == nil {
		t = &sinceCheckpoint{next: map[int]int64{}, last: map[int]int64{}}
		k.tables[p.Table] = t
	}
	fresh := p.Entries
	if last := t.last[p.Partition]; last <= p.Entries {
		fresh -= last
	}
	t.last[p.Partition], t.next[p.Partition] = p.Entries, p.Next
	t.entries += fresh
	if k.due(t) {
		select {
		case k.wake <- struct{}{}:
		default:
		}
	}
}

// due says whether the table's journal is worth a look. One that holds less in all needs none.
func (k *checkpoints) due(t *sinceCheckpoint) bool {
	if t.known {
		return t.entries >= k.every
	}
	all := int64(0)
	for _, n := range t.next {
		all += n
	}
	return all >= k.every
}

func (k *checkpoints) run(ctx context.Context) {
	defer close(k.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
			k.look(ctx)
		}
	}
}

// look makes the checkpoints that are due.
func (k *checkpoints) look(ctx context.Context) {
	k.mutex.Lock()
	var names []table.Name
	for name, t := range k.tables {
		if k.due(t) {
			names = append(names, name)
			t.known, t.entries = true, 0 // what comes meanwhile counts
		}
	}
	k.mutex.Unlock()
	for _, name := range names {
		behind, err := k.make(ctx, name)
		var locked *disk.LockedError
		switch {
		case ctx.Err() != nil:
			return
		case errors.As(err, &locked):
			k.app.log.Debug("checkpoint: another process is at it", "table", name.String())
		case err != nil:
			k.app.log.Warn("a checkpoint was not made; the next one is tried later", "table", name.String(), "error", err)
		}
		k.mutex.Lock()
		k.tables[name].entries += behind
		k.mutex.Unlock()
	}
}

// make makes the table's checkpoint, if there is as much behind the last one as is to be. behind is what there is where it made none.
func (k *checkpoints) make(ctx context.Context, name table.Name) (behind int64, err error) {
	o := k.app.replayOptions(k.config, nil)
	o.SpareBytes = sparedByConsume
	j, err := replay.Open(k.config.journalDir(), name, o)
	if err != nil {
		return 0, err
	}
	behind, newest, ok, err := j.SinceCheckpoint()
	if err != nil || !ok || behind < k.every {
		return behind, err
	}
	made, err := j.Checkpoint(ctx, newest)
	if err == nil && !made.Existed {
		k.app.log.Info("a checkpoint was made", "table", name.String(), "point", newest.ID, "path", made.Path, "bytes", made.Bytes)
	}
	return 0, err
}

// end stops it, in the middle of a checkpoint too; what is due is made before where the consumer ended by itself.
func (k *checkpoints) end(ctx context.Context, finish bool) {
	if k == nil {
		return
	}
	k.stop()
	<-k.done
	if finish {
		k.mutex.Lock()
		for _, t := range k.tables {
			t.known = false // one may have been stopped just now
		}
		k.mutex.Unlock()
		k.look(ctx)
	}
}
