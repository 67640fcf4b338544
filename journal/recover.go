package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Recovery says what Open cut.
type Recovery struct {
	Segment string // path
	Offset  int64  // byte at which the torn tail began
	Bytes   int64
	Copy    string // where the torn bytes were copied; "" if there were none
}

// cut takes a segment's torn tail away; settle makes that durable with the rest of the segment. A crash before it leaves the
// tail for the next Open, and one more copy of it.
func (j *Journal) cut(s segment, found scanned) error {
	if err := j.putAside(s, found.end, found.size); err != nil {
		return err
	}
	f, err := j.options.FS.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("cut the torn tail of %s: %w", s.path, err)
	}
	if err = errors.Join(f.Truncate(found.end), f.Close()); err != nil {
		return fmt.Errorf("cut the torn tail of %s: %w", s.path, err)
	}
	return nil
}

// remove takes a segment away that holds no whole block. If a crash brings its name back, the next Open removes it again;
// the folder is synced with the next segment at the latest.
func (j *Journal) remove(s segment, found scanned) error {
	if err := j.putAside(s, 0, found.size); err != nil {
		return err
	}
	if err := j.options.FS.Remove(s.path); err != nil {
		return fmt.Errorf("remove the segment that was never begun: %w", err)
	}
	return nil
}

// putAside copies the bytes [from, to) of a segment and logs their place, durably, before anything is taken away.
func (j *Journal) putAside(s segment, from, to int64) error {
	r := Recovery{Segment: s.path, Offset: from, Bytes: to - from}
	var err error
	if r.Bytes > 0 {
		r.Copy, err = j.copyAside(s, from, to)
	}
	if err == nil {
		err = j.logRecovery(r)
	}
	if err == nil {
		err = j.options.FS.SyncDir(j.dir)
	}
	if err != nil {
		return fmt.Errorf("put the torn tail of %s aside: %w", s.path, err)
	}
	j.recovered = append(j.recovered, r)
	return nil
}

// copyAside copies to the first free name.
func (j *Journal) copyAside(s segment, from, to int64) (string, error) {
	source, err := j.options.FS.OpenFile(s.path, os.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	defer source.Close() //nolint:errcheck // only read
	for n := 1; ; n++ {
		name := fmt.Sprintf("%s.torn-%d", s.path, n)
		f, err := j.options.FS.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = io.Copy(f, io.NewSectionReader(source, from, to-from))
		if err == nil {
			err = f.Sync()
		}
		return name, errors.Join(err, f.Close())
	}
}

// logRecovery adds a line to the folder's log.
func (j *Journal) logRecovery(r Recovery) error {
	f, err := j.options.FS.OpenFile(filepath.Join(j.dir, logName), os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return err
	}
	end, err := f.Seek(0, io.SeekEnd)
	line := ""
	if err == nil && end > 0 {
		var lastByte [1]byte
		if _, err = f.ReadAt(lastByte[:], end-1); err == nil && lastByte[0] != '\n' {
			line = "\n" // a crash cut the line before
		}
	}
	kept := "" // nothing was, of a file without a byte
	if r.Copy != "" {
		kept = filepath.Base(r.Copy)
	}
	if err == nil {
		line += fmt.Sprintf("time=%s segment=%s offset=%d bytes=%d copy=%q\n", time.Now().UTC().Format(time.RFC3339Nano),
			filepath.Base(r.Segment), r.Offset, r.Bytes, kept)
		_, err = io.WriteString(f, line)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
