package journal

import (
	"errors"
	"fmt"
	"io"

	"rewind/crypt"
	"rewind/ocf"
)

// ErrFailed: a write or an fsync of this journal failed before. What the medium holds is unknown, so nothing more is
// accepted until it is opened again, which reads what is there.
var ErrFailed = errors.New("the journal failed before and accepts nothing more until it is opened again")

// CorruptionError: damage that is no torn tail. Nothing was changed.
type CorruptionError struct {
	Segment string // path
	Offset  int64  // byte offset in the segment; of an encrypted one, in its plaintext
	Err     error
}

// Error names the segment, the place and what is wrong there.
func (e *CorruptionError) Error() string {
	return fmt.Sprintf("the journal is corrupt: segment %s at byte %d: %v", e.Segment, e.Offset, e.Err)
}

// Unwrap gives what is wrong.
func (e *CorruptionError) Unwrap() error { return e.Err }

// ExitCode is that of "corrupt".
func (e *CorruptionError) ExitCode() int { return 5 }

// Hint says what to do.
func (e *CorruptionError) Hint() string {
	return "nothing was changed; bring the segment back from a copy of the journal, or move the partition's folder aside, and `rewind consume TABLE --refetch` reads it again if the topic still has it. Where cut.json lies in the stream's folder, retention dropped what stood before: then that folder is moved as a whole, and what the base held is lost"
}

// ForeignError: the folder holds the journal of another stream or partition.
type ForeignError struct {
	Segment                  string // path
	Stream, WantStream       string
	Partition, WantPartition int
}

// Error names both.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("segment %s belongs to stream %s, partition %d, not to stream %s, partition %d", e.Segment, e.Stream, e.Partition, e.WantStream, e.WantPartition)
}

// ExitCode is that of "corrupt".
func (e *ForeignError) ExitCode() int { return 5 }

// Hint says what to do.
func (e *ForeignError) Hint() string {
	return "a folder was copied or moved to a wrong place, or the topic was made anew; nothing was changed"
}

// VersionError: the segment was written in a format that this program does not know.
type VersionError struct {
	Segment string // path
	Version string
}

// Error names the version.
func (e *VersionError) Error() string {
	return fmt.Sprintf("segment %s has format version %.20q, this program reads version %s", e.Segment, e.Version, formatVersion)
}

// Hint says what to do.
func (e *VersionError) Hint() string {
	return "use the version of rewind that wrote it, or a later one"
}

// corrupt gives content errors of a container file their segment; errors of reading stay what they are.
func corrupt(path string, at int64, err error) error {
	var damage *ocf.DamageError
	var cipher *crypt.DamageError
	var known *CorruptionError
	var key *crypt.KeyError
	var dropped *DroppedError
	switch {
	case errors.As(err, &known), errors.As(err, &key), errors.As(err, &dropped):
		return err
	case errors.As(err, &cipher):
		return &CorruptionError{Segment: path, Offset: at, Err: cipher}
	case errors.As(err, &damage):
		return &CorruptionError{Segment: path, Offset: damage.Offset, Err: damage.Err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &CorruptionError{Segment: path, Offset: at, Err: err}
	}
	return fmt.Errorf("read segment %s: %w", path, err)
}
