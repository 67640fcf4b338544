package journal

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"rewind/crypt"
	"rewind/disk"
)

const defaultSignEvery = 10 * time.Second

// Signing says with which key a journal's head is signed. Its zero value: not at all.
type Signing struct {
	Key     ed25519.PrivateKey // nil: the journal has no head
	Every   time.Duration      // at most so long are durable entries without a signature; 0: 10 s
	Table   string             // goes into the head
	AsFound bool               // sign what there is though its head is missing or does not fit
}

// signer writes a journal's head: at each new segment, at the end, and at most Signing.Every behind what is durable. A
// head is written behind the entries that it signs, so it is never ahead of them; a crash leaves the one before.
type signer struct {
	fs   disk.FS
	path string
	Signing

	mu      sync.Mutex
	pending *Head // what is durable and not signed yet
	segment string
	wrote   time.Time
	timer   *time.Timer // runs while something is pending
	closed  bool
}

// openHead holds what is there against the head that was signed last, before anything is cut, and makes the signer. What it
// finds changed it does not sign.
func (j *Journal) openHead() error {
	s := j.options.Signing
	if s.Key == nil {
		return nil
	}
	if s.Every <= 0 {
		s.Every = defaultSignEvery
	}
	w := &signer{fs: j.options.FS, path: filepath.Join(j.dir, headName), Signing: s}
	if s.AsFound {
		j.signer = w
		return nil
	}
	head, err := readHead(j.options.FS, j.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if len(j.Reader().Segments()) > 0 {
			return &HeadError{Path: w.path, Reason: "it is missing, though there is a journal", hint: "if it was never signed: " + signAsFoundHint}
		}
	case err != nil:
		return err
	default:
		if err := j.holdHead(head, w.path); err != nil {
			return err
		}
		w.segment = head.Segment
		j.signedNext = head.Next
	}
	j.signer = w
	return nil
}

// holdHead holds the journal against a head.
func (j *Journal) holdHead(h Head, path string) error {
	if err := j.options.ours(h, path, j.options.Signing.Key.Public().(ed25519.PublicKey)); err != nil {
		return err
	}
	_, err := j.Reader().Hold(h)
	var key *crypt.KeyError
	if errors.As(err, &key) && j.options.Keys.WriteOnly() {
		return nil // the segment that was signed last is encrypted already: who can read it verifies it
	}
	return err
}

// SignedNext is the offset below which everything was signed when the journal was opened; 0 without a key.
func (j *Journal) SignedNext() int64 { return j.signedNext }

// Sign signs what is durable now, if the journal has a key. What Open found and no head signs yet is signed by this alone,
// once the caller knows it for good, or with the next Append.
func (j *Journal) Sign() error {
	if j.signer == nil {
		return nil
	}
	if j.failed != nil {
		return fmt.Errorf("%w: %w", ErrFailed, j.failed)
	}
	j.signer.note(j.headNow())
	return j.signer.flush()
}

// headNow describes the journal's end, not signed yet.
func (j *Journal) headNow() Head {
	h := Head{Stream: j.options.Stream, Partition: j.options.Partition, Next: j.next,
		SHA256: hex.EncodeToString(make([]byte, sha256.Size)), Previous: hex.EncodeToString(make([]byte, sha256.Size))}
	if a := j.active; a != nil {
		h.Segment, h.Bytes = segmentName(a.base), a.bytes
		h.SHA256, h.Previous = hex.EncodeToString(a.hash.Sum(nil)), hex.EncodeToString(a.previous[:])
	}
	return h
}

// signAppended is the end of an Append.
func (j *Journal) signAppended() error {
	if j.signer == nil {
		return nil
	}
	j.signer.note(j.headNow())
	return j.signer.due()
}

// note takes what is durable now.
func (w *signer) note(h Head) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = &h
}

// due signs at once in a new segment and where the last signature is too old; else a timer will.
func (w *signer) due() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	wait := w.Every - time.Since(w.wrote)
	if w.pending.Segment != w.segment || wait <= 0 {
		return w.write()
	}
	if w.timer == nil {
		w.timer = time.AfterFunc(wait, w.fire)
	}
	return nil
}

// fire signs for who has nothing more to append. Should it fail, the next Append tries again, and tells.
func (w *signer) fire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = nil
	if w.closed || w.write() == nil {
		return
	}
	w.wrote = time.Time{}
}

func (w *signer) flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.write()
}

// write signs what is pending. The lock is held.
func (w *signer) write() error {
	if w.pending == nil {
		return nil
	}
	h := *w.pending
	h.Table, h.At = w.Table, time.Now().UTC().Truncate(time.Microsecond)
	h.sign(w.Key)
	text, err := json.MarshalIndent(h, "", "  ")
	if err == nil {
		err = disk.WriteFile(w.fs, w.path, append(text, '\n'), fileMode)
	}
	if err != nil {
		return err
	}
	w.pending, w.segment, w.wrote = nil, h.Segment, time.Now()
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	return nil
}

// close signs what is left.
func (w *signer) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.write()
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	return err
}
