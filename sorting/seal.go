package sorting

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"

	"rewind/disk"
)

// What a run holds on the disk is sealed, block by block, under a key that only this process knows and that ends with it: no row is
// ever on the disk in clear because of a sort, and a block that the disk gives back otherwise than it got it is found out. A block's
// nonce is the run's number and the block's place in it.
const sealedBytes = 32 << 10 // of plaintext in a block; the last one of a run is shorter

var errDamagedRun = errors.New("sorted run: the disk gave back other bytes than were written")

// newSeal makes a cipher with a new key.
func newSeal() (cipher.AEAD, error) {
	var key [32]byte
	_, _ = rand.Read(key[:]) // it never fails
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (r *run) nonce(block int64) []byte {
	nonce := binary.BigEndian.AppendUint32(make([]byte, 0, 12), r.number)
	return binary.BigEndian.AppendUint64(nonce, uint64(block))
}

// sealWriter seals what is written to a run's file.
type sealWriter struct {
	run    *run
	plain  []byte
	sealed []byte
}

// Write takes bytes for the blocks.
func (w *sealWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		taken := min(len(p), sealedBytes-len(w.plain))
		w.plain, p = append(w.plain, p[:taken]...), p[taken:]
		if len(w.plain) == sealedBytes {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

// flush writes the block that was begun.
func (w *sealWriter) flush() error {
	if len(w.plain) == 0 {
		return nil
	}
	w.sealed = w.run.seal.Seal(w.sealed[:0], w.run.nonce(w.run.blocks), w.plain, nil)
	w.plain = w.plain[:0]
	w.run.blocks++
	n, err := w.run.file.Write(w.sealed)
	w.run.size += int64(n)
	return err
}

// sealReader reads a run from its first block on.
type sealReader struct {
	run    *run
	block  int64
	sealed []byte
	rest   []byte // of the block that is being read
}

// Read gives the next bytes.
func (r *sealReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *sealReader) next() error {
	if r.block == r.run.blocks {
		return io.EOF
	}
	step := int64(sealedBytes + r.run.seal.Overhead())
	at := r.block * step
	if r.sealed == nil {
		r.sealed = make([]byte, min(step, r.run.size))
	}
	sealed := r.sealed[:min(step, r.run.size-at)]
	if err := readAll(r.run.file, sealed, at); err != nil {
		return err
	}
	plain, err := r.run.seal.Open(sealed[:0], r.run.nonce(r.block), sealed, nil)
	if err != nil {
		return errDamagedRun
	}
	r.block++
	r.rest = plain
	return nil
}

// readAll fills b: the file is at least as long.
func readAll(f disk.File, b []byte, at int64) error {
	n, err := f.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return errDamagedRun
	}
	return err
}
