package crypt

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"filippo.io/age"
)

const intro = "age-encryption.org/v1\n"

// IsEncrypted looks at a file's beginning.
func IsEncrypted(file io.ReaderAt) (bool, error) {
	start := make([]byte, len(intro))
	n, err := file.ReadAt(start, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return string(start[:n]) == intro, nil
}

// Open gives the plaintext of an encrypted file, and its length. Its end is authenticated first, so a file that was cut is
// known at once; the rest is, piece by piece, before any of it is handed out. The errors, also those of reading later, are a
// *KeyError, which is no damage, a *DamageError, or what reading the file met. Memory: two pieces of 64 KiB.
func (k *Keys) Open(path string, file io.ReaderAt, size int64) (plain io.ReaderAt, length int64, err error) {
	o := &opener{}
	if k.Opens() {
		o.identities, o.known = k.identities, &k.known
	}
	in := &source{path: path, file: file}
	decrypted, length, err := age.DecryptReaderAt(in, size, o)
	var wrong *age.NoIdentityMatchError
	if errors.As(err, &wrong) && in.failed.Load() == nil {
		return nil, 0, &KeyError{Path: path, To: o.names, Have: k.haveNames()}
	}
	if err != nil {
		return nil, 0, in.explain(err)
	}
	return &plaintext{in: in, decrypted: decrypted, length: length}, length, nil
}

func (k *Keys) haveNames() []string {
	if k == nil {
		return nil
	}
	return k.Identities()
}

// source is the encrypted file; it keeps an error of reading, which is told apart from what the content is by nothing else.
type source struct {
	path   string
	file   io.ReaderAt
	failed atomic.Pointer[error]
}

// ReadAt reads the encrypted file.
func (s *source) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.file.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		s.failed.Store(&err)
	}
	return n, err
}

func (s *source) explain(err error) error {
	if failed := s.failed.Load(); failed != nil {
		return *failed
	}
	return &DamageError{Path: s.path, Reason: err.Error()}
}

// plaintext is the decrypted file.
type plaintext struct {
	in        *source
	decrypted io.ReaderAt
	length    int64
}

// ReadAt reads the plaintext.
func (t *plaintext) ReadAt(p []byte, off int64) (int, error) {
	if off >= t.length {
		return 0, io.EOF
	}
	n, err := t.decrypted.ReadAt(p, off)
	if err != nil && err != io.EOF { //nolint:errorlint // io.EOF is the end of the plaintext only where it is bare
		return n, t.in.explain(err)
	}
	return n, err
}

// DamageError: an encrypted file is not what was written. It was cut, changed, or something was appended.
type DamageError struct {
	Path   string
	Reason string
}

// Error names the file and what is wrong.
func (e *DamageError) Error() string {
	return fmt.Sprintf("the encrypted file %s is damaged: %s", e.Path, e.Reason)
}

// KeyError: a file is encrypted to a key that is not at hand. It is whole, as far as can be seen without the key.
type KeyError struct {
	Path string
	To   []string // the recipients that it is encrypted to; none where another program made it
	Have []string // the recipients of the keys that were tried
}

// Error names the file, the key that it needs and those that were tried.
func (e *KeyError) Error() string {
	to := ""
	if len(e.To) > 0 {
		to = " to " + strings.Join(e.To, ", ")
	}
	if len(e.Have) == 0 {
		return fmt.Sprintf("%s is encrypted%s, and no key to open it is configured", e.Path, to)
	}
	return fmt.Sprintf("%s is encrypted%s, which no configured key opens (there is the key of %s)", e.Path, to, strings.Join(e.Have, ", "))
}

// ExitCode is that of a wrong configuration.
func (e *KeyError) ExitCode() int { return 2 }

// Hint says what to do.
func (e *KeyError) Hint() string {
	return "nothing is wrong with the file: encryption.identity in rewind.yaml names a file of age identities; add the missing one there, old ones stay behind the new one"
}
