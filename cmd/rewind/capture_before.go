package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"rewind/disk"
	"rewind/impala"
	"rewind/producer"
	"rewind/replay"
	"rewind/topic"
)

// How often a wait looks at Kafka and the journal, and how often it tries whether it can do the other's work itself.
const (
	waitPoll = 500 * time.Millisecond
	waitTry  = 5 * time.Second
)

// captureWait brings the table's state of now into the journal before it is replaced: it captures and journals itself what
// nobody else does, and waits for whoever holds the table's locks: a running producer's next capture, a running consumer.
type captureWait struct {
	app      *app
	job      *restoreJob
	meter    *meter
	capturer *capturer
	journal  *replay.Journal
	asked    time.Time
	tried    map[string]time.Time // when something was tried last
	said     string               // what is waited for, as it was said last
	told     time.Time            // when that was

	elsewhere bool              // the producer keeps its snapshots on another machine
	producer  *disk.LockedError // by the producer that runs beside; nil: none was met
	consumer  *disk.LockedError // by the consumer that runs beside; nil: none was met
	captured  []int64           // snapshots that count: whose read began after the moment of asking
	commits   commits           // of the producer that is waited for
}

// captureAndJournal gives the snapshot of the table that a --replace begins with, once it is a restore point.
func (a *app) captureAndJournal(ctx context.Context, job *restoreJob, db *impala.DB, m *meter) (int64, error) {
	w := &captureWait{app: a, job: job, meter: m, asked: time.Now(), tried: map[string]time.Time{}}
	w.told = w.asked
	var err error
	if w.capturer, err = a.newCapturer(ctx, job.config, db); err != nil {
		return 0, err
	}
	defer w.capturer.close()
	if w.commits.kafka, err = a.openKafka(job.config, job.table); err != nil {
		return 0, err
	}
	defer w.commits.kafka.Close()
	if w.journal, err = replay.Open(job.config.journalDir(), job.table.name, a.replayOptions(job.config, nil)); err != nil {
		return 0, err
	}
	_, err = a.disk().Stat(filepath.Join(job.config.snapshotDir(), job.table.name.FileName()))
	w.elsewhere = errors.Is(err, fs.ErrNotExist)
	return w.run(ctx)
}

// run takes turns until the capture is in the journal, or the time is up.
func (w *captureWait) run(ctx context.Context) (int64, error) {
	ticker := time.NewTicker(waitPoll)
	defer ticker.Stop()
	for {
		id, err := w.turn(ctx)
		if err != nil || id != 0 {
			return id, err
		}
		if err := w.standing(); err != nil {
			return 0, err
		}
		if time.Since(w.asked) >= w.job.flags.wait {
			return 0, w.timeout()
		}
		w.tell(time.Now())
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-ticker.C:
		}
	}
}

// turn does what can be done now, and gives the snapshot once it is a restore point.
func (w *captureWait) turn(ctx context.Context) (int64, error) {
	if w.elsewhere || w.producer != nil {
		if err := w.look(ctx); err != nil {
			return 0, err
		}
	}
	if len(w.captured) == 0 && !w.elsewhere && w.due("capture") {
		if err := w.capture(ctx); err != nil {
			return 0, err
		}
	}
	if len(w.captured) == 0 {
		return 0, nil
	}
	if id, err := w.journaled(ctx); err != nil || id != 0 || !w.due("consume") {
		return id, err
	}
	_, err := w.app.consumeOnce(ctx, w.job.config, []tableConfig{w.job.table}, w.meter)
	if errors.As(err, &w.consumer) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return w.journaled(ctx)
}

// due says whether it is time to try something again.
func (w *captureWait) due(what string) bool {
	if last, tried := w.tried[what]; tried && time.Since(last) < waitTry {
		return false
	}
	w.tried[what] = time.Now()
	return true
}

// capture captures the table, unless a running producer holds its snapshots.
func (w *captureWait) capture(ctx context.Context) error {
	// What is replaced now is an accident more often than not: it is kept whatever the guard says. Behind a gap of lost messages
	// only a baseline is a restore point.
	f := captureFlags{allowDelete: true, allowChange: true, rebaseline: w.journal.OpenLoss() != nil}
	report, err := w.capturer.capture(ctx, w.job.table, f, w.meter)
	var locked *disk.LockedError
	var duplicate *producer.DuplicateKeyError
	switch {
	case errors.As(err, &locked):
		w.producer = locked
		return nil
	case errors.As(err, &duplicate):
		return &codedError{code: duplicate.ExitCode(), message: duplicate.Error(),
			hint: "the table as it is cannot be captured; --no-capture replaces it all the same, and it is kept under another name"}
	case err != nil:
		return err
	}
	for _, e := range report.Allowed {
		if !w.app.json {
			fmt.Fprintf(w.app.stderr, "captured although the guard would refuse it, because it is replaced now: %s\n", allowedText(e))
		}
	}
	w.producer, w.captured = nil, []int64{report.Snapshot}
	return nil
}

// look finds out which captures of the producer that is waited for count: those whose read began after the moment of asking. By
// its clock they did, or they follow one in the same term that was committed after it: a producer captures a table once at a time.
func (w *captureWait) look(ctx context.Context) error {
	first := w.commits.topic == nil
	before := w.commits.last
	news, err := w.commits.look(ctx, w.journal, w.job.table.name)
	if errors.Is(err, topic.ErrNotFound) && w.elsewhere {
		w.elsewhere = false // nobody has captured it yet
		return nil
	}
	for _, c := range news.Captures {
		// What was there at the first look was committed before it, whatever another machine's clock says.
		began := !c.ReadBegan.Before(w.asked) && (!first || !w.elsewhere)
		follows := !first && before != nil && w.commits.fresh && before.By == c.By
		if began || follows {
			w.captured = append(w.captured, c.Snapshot)
		}
		w.commits.fresh, before = !first, &c
	}
	if refusal := w.commits.refusal; err == nil && refusal != nil && len(w.captured) == 0 && len(news.Refusals) > 0 && (!first || !refusal.At.Before(w.asked)) {
		return w.refused(refusal)
	}
	return err
}

// journaled gives the newest of the captures that count, if it is a restore point by now. Damage ends the wait: nothing behind it
// is seen.
func (w *captureWait) journaled(ctx context.Context) (int64, error) {
	if err := w.journal.Refresh(ctx); err != nil {
		return 0, err
	}
	for _, id := range slices.Backward(w.captured) {
		_, err := w.journal.Point(id)
		if err == nil {
			return id, nil
		}
		var lost *replay.GapError
		if errors.As(err, &lost) {
			return 0, err
		}
	}
	return 0, w.journal.Damage()
}
