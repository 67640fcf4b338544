package main

import (
	"fmt"
	"time"

	"rewind/change"
	"rewind/disk"
	"rewind/watch"
)

// waitTells is how often a wait says what it still waits for.
const waitTells = time.Minute

// awaits says what is waited for.
func (w *captureWait) awaits() string {
	name := w.job.table.name
	switch {
	case len(w.captured) > 0:
		return fmt.Sprintf("another process journals %s: waiting until it has snapshot %d", name, w.captured[len(w.captured)-1])
	case w.elsewhere:
		return fmt.Sprintf("no snapshots of %s are kept here: waiting for its producer's next capture", name)
	}
	return fmt.Sprintf("another process captures %s: waiting for its next capture", name)
}

// tell says what is waited for, when that is another thing than before and every minute.
func (w *captureWait) tell(now time.Time) {
	text := w.awaits()
	if text == w.said && now.Sub(w.told) < waitTells {
		return
	}
	waited := ""
	if text == w.said {
		waited = fmt.Sprintf(", %s so far", now.Sub(w.asked).Round(time.Second))
	}
	w.said, w.told = text, now
	w.app.log.Debug("replace: "+text, "table", w.job.table.name.String(), "waited", now.Sub(w.asked))
	if w.app.json {
		return
	}
	if w.commits.away != nil {
		waited += "; Kafka does not answer"
	}
	fmt.Fprintf(w.app.stderr, "%s (at most %s%s)\n", text, w.job.flags.wait, waited)
}

// standing says that the producer that is waited for had refused the table before, for what an accident leaves behind: it will refuse
// it again, and says so once. Whoever restores because of the accident must not wait for the guard that it has set off.
func (w *captureWait) standing() error {
	if len(w.captured) > 0 || w.producer == nil && !w.elsewhere {
		return nil
	}
	refusal := w.commits.refusal
	for _, g := range w.journal.Gaps() {
		if g.Open && g.Refused && w.commits.last == nil && refusal == nil {
			refusal = &watch.Refusal{At: g.At, Cause: g.Cause, Reason: g.Reason}
		}
	}
	if refusal == nil || refusal.Cause != change.CauseGuard && refusal.Cause != change.CauseDuplicateKey {
		return nil
	}
	return w.refused(refusal)
}

// timeout says which of the two did not come.
func (w *captureWait) timeout() error {
	e := &codedError{code: exitLocked}
	name := w.job.table.name
	switch {
	case len(w.captured) > 0:
		e.message = fmt.Sprintf("%s: snapshot %d is committed in Kafka, but the consumer%s did not bring it into the journal within %s",
			name, w.captured[len(w.captured)-1], heldBy(w.consumer), w.job.flags.wait)
		e.hint = "see what the running rewind consume says, and \"rewind status\"; nothing was changed"
	case w.commits.away != nil:
		e.code, e.cause = exitUnreachable, w.commits.away
		e.message = fmt.Sprintf("%s: whether the producer%s has captured it cannot be seen", name, heldBy(w.producer))
		e.hint = "nothing was changed; check that Kafka runs, then try again"
	default:
		e.message = fmt.Sprintf("%s: the producer%s committed no capture whose read began after %s within %s",
			name, heldBy(w.producer), clock(w.asked), w.job.flags.wait)
		if last := w.commits.last; last != nil {
			e.message += fmt.Sprintf(" (its last one is %d, read until %s)", last.Snapshot, clock(last.ReadEnded))
		}
		if refusal := w.commits.refusal; refusal != nil {
			e.message += fmt.Sprintf("; at %s it refused one: %s", clock(refusal.At), refusal.Reason)
		}
		e.hint = "nothing was changed; --wait must be longer than its --every and a capture take together, or the producer be stopped: then this captures itself"
	}
	return e
}

// refused says that the capture that is waited for will not come: the producer refuses the table as it is.
func (w *captureWait) refused(r *watch.Refusal) error {
	return &codedError{code: exitRefused, message: fmt.Sprintf("%s: the producer%s refuses to capture it: %s", w.job.table.name, heldBy(w.producer), r.Reason),
		hint: "nothing was changed. --no-capture replaces the table as it is all the same, and it is kept under another name;" +
			" or stop that producer: this then captures the table itself, whatever the guard says"}
}

// heldBy names the process that holds a lock, where it is known.
func heldBy(locked *disk.LockedError) string {
	if locked == nil || locked.Holder == "" {
		return ""
	}
	return " (process " + locked.Holder + ")"
}
