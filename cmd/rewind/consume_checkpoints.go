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

// sinceCheckpoint is how far a table's journal is, by partition, and from where on it is worth a checkpoint.
type sinceCheckpoint struct {
	partitions map[int]consumer.Progress
	from       int64 // sum of the offsets up to which there is a checkpoint, or one was tried; 0: not known
	looked     int64 // the newest snapshot at which it was tried: without another nothing more can be done
}

// reach is the sum of the offsets that are read next.
func (t *sinceCheckpoint) reach() (sum int64) {
	for _, p := range t.partitions {
		sum += p.Next
	}
	return sum
}

// snapshot is the newest one whose Commits all partitions hold; 0: there is none.
func (t *sinceCheckpoint) snapshot() int64 {
	newest := t.partitions[0].Snapshot
	for n := range t.partitions[0].Across {
		newest = min(newest, t.partitions[n].Snapshot)
	}
	return newest
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
		t = &sinceCheckpoint{partitions: map[int]consumer.Progress{}}
		k.tables[p.Table] = t
	}
	if p.Next < t.partitions[p.Partition].Next { // another stream, or one that is read again
		t.from = 0
	}
	t.partitions[p.Partition] = p
	if k.due(t) {
		select {
		case k.wake <- struct{}{}:
		default:
		}
	}
}

// due says whether the table's journal is worth a look: it is opened for that.
func (k *checkpoints) due(t *sinceCheckpoint) bool {
	return t.reach()-t.from >= k.every && t.snapshot() > t.looked
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
	tried := map[table.Name]int64{} // how far each is now
	for name, t := range k.tables {
		if k.due(t) {
			tried[name], t.looked = t.reach(), t.snapshot()
		}
	}
	k.mutex.Unlock()
	for name, reach := range tried {
		from, err := k.make(ctx, name)
		var locked *disk.LockedError
		switch {
		case ctx.Err() != nil:
			return
		case errors.As(err, &locked):
			k.app.log.Debug("checkpoint: another process is at it", "table", name.String())
		case err != nil:
			k.app.log.Warn("a checkpoint was not made; the next one is tried later", "table", name.String(), "error", err)
		}
		if err != nil {
			from = reach
		}
		k.mutex.Lock()
		k.tables[name].from = from
		k.mutex.Unlock()
	}
}

// make makes the table's checkpoint, if there is as much behind the last one as is to be, and says up to where there is one then.
func (k *checkpoints) make(ctx context.Context, name table.Name) (from int64, err error) {
	o := k.app.replayOptions(k.config, nil)
	o.SpareBytes = sparedByConsume
	j, err := replay.Open(k.config.journalDir(), name, o)
	if err != nil {
		return 0, err
	}
	since, ok, err := j.SinceCheckpoint()
	if err != nil || !ok || since.Entries < k.every {
		return since.End - since.Entries, err
	}
	made, err := j.Checkpoint(ctx, since.Newest)
	if err == nil && !made.Existed {
		k.app.log.Info("a checkpoint was made", "table", name.String(), "point", since.Newest.ID, "path", made.Path, "bytes", made.Bytes)
	}
	return since.End, err
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
			t.from, t.looked = 0, 0 // one may have been stopped just now
		}
		k.mutex.Unlock()
		k.look(ctx)
	}
}
