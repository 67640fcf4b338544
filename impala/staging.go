package impala

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"rewind/disk"
	"rewind/ocf"
	"rewind/table"
)

const (
	maxStagingFile = 256 << 20 // one scan range each for several of Impala's threads
	progressRows   = 50_000
	// The staging folder is for this user and, through the group of the folder above (setgid), for Impala's.
	folderMode  = 0o750
	fileMode    = 0o640
	stderrShown = 4 << 10
	commandWait = 10 * time.Second // for a cancelled command to end
)

// stagingMeta keeps Hive, which reads the same files in tests and at some sites, from shifting dates before 1582.
func stagingMeta() map[string][]byte {
	return map[string][]byte{"writer.proleptic": []byte("true"), "writer.time.zone": []byte("UTC")}
}

// stager writes rows as container files into one folder, image by image.
type stager struct {
	fs     disk.FS
	folder string
	schema string
	limit  int64

	file   disk.File
	writer *ocf.Writer
	files  int
	rows   int64
	bytes  int64
}

// stage writes all rows. An error of the rows, such as a digest that is not the restore point's, is given back.
func (db *DB) stage(r *record, s *table.Schema, total int64, rows iter.Seq2[table.Row, error]) (rowCount, bytes int64, err error) {
	if err := db.o.FS.MkdirAll(r.Path, folderMode); err != nil {
		return 0, 0, err
	}
	st := &stager{fs: db.o.FS, folder: r.Path, schema: s.AvroSchema(), limit: maxStagingFile}
	for row, err := range rows {
		if err == nil {
			err = st.append(row.Image)
		}
		if err != nil {
			return st.rows, st.bytes, errors.Join(err, st.close())
		}
		if st.rows%progressRows == 0 {
			db.o.Progress(Progress{Stage: "stage", Rows: st.rows, Total: total, Bytes: st.size()})
		}
	}
	if err := st.close(); err != nil {
		return st.rows, st.bytes, err
	}
	db.o.Progress(Progress{Stage: "stage", Rows: st.rows, Total: total, Bytes: st.bytes})
	return st.rows, st.bytes, nil
}

func (s *stager) append(image []byte) error {
	if s.writer != nil && s.writer.Size() >= s.limit {
		if err := s.close(); err != nil {
			return err
		}
	}
	if s.writer == nil {
		if err := s.open(); err != nil {
			return err
		}
	}
	s.rows++
	return s.writer.Append(image)
}

func (s *stager) open() (err error) {
	name := filepath.Join(s.folder, fmt.Sprintf("part-%05d.avro", s.files))
	if s.file, err = s.fs.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode); err != nil {
		return err
	}
	s.files++
	s.writer, err = ocf.NewWriter(s.file, ocf.Header{Schema: s.schema, Codec: ocf.Snappy, Meta: stagingMeta()})
	if err == nil {
		s.writer.Spare() // it is read once
	}
	return err
}

func (s *stager) size() int64 {
	if s.writer == nil {
		return s.bytes
	}
	return s.bytes + s.writer.Size()
}

// close finishes the file that is open, if any.
func (s *stager) close() error {
	if s.file == nil {
		return nil
	}
	var err error
	if s.writer != nil {
		err = s.writer.Flush()
		s.bytes += s.writer.Size()
	}
	if err == nil {
		err = s.file.Sync() // another machine may read it
	}
	err = errors.Join(err, s.file.Close())
	s.file, s.writer = nil, nil
	return err
}

// put carries the folder to where Impala sees it, if it is not there already.
func (db *DB) put(ctx context.Context, r *record) error {
	if len(db.o.Staging.Put) == 0 {
		return nil
	}
	r.Put = true
	if err := db.save(r); err != nil {
		return err
	}
	return runCommand(ctx, db.o.Staging.Put, r)
}

// unstage removes the folder on both sides.
func (db *DB) unstage(ctx context.Context, r *record) error {
	if r.Folder == "" {
		return nil
	}
	var err error
	if r.Put && len(db.o.Staging.Remove) > 0 {
		err = runCommand(ctx, db.o.Staging.Remove, r)
	}
	return errors.Join(err, removeFolder(db.o.FS, r.Path))
}

// removeFolder removes a folder of files. Folders in it are not ours, and keep it.
func removeFolder(fsys disk.FS, folder string) error {
	entries, err := fsys.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := fsys.Remove(filepath.Join(folder, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return fsys.Remove(folder)
}

// runCommand runs a site's command, without a shell.
func runCommand(ctx context.Context, words []string, r *record) error {
	replace := strings.NewReplacer("{path}", r.Path, "{uri}", r.URI)
	arguments := make([]string, len(words))
	for i, w := range words {
		arguments[i] = replace.Replace(w)
	}
	var stderr bytes.Buffer
	command := exec.CommandContext(ctx, arguments[0], arguments[1:]...)
	command.Stdout, command.Stderr = io.Discard, &tail{buffer: &stderr, limit: stderrShown}
	command.WaitDelay = commandWait
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &CommandError{Command: shownCommand(words, arguments), Stderr: strings.TrimSpace(stderr.String()), Err: err}
	}
	return nil
}

// shownCommand is a command as a message shows it: its name, and what rewind itself put into it. Its other words may be secrets.
func shownCommand(words, arguments []string) string {
	shown := []string{arguments[0]}
	for i, w := range words[1:] {
		if w == "{path}" || w == "{uri}" {
			shown = append(shown, arguments[i+1])
		} else if shown[len(shown)-1] != "…" {
			shown = append(shown, "…")
		}
	}
	return strings.Join(shown, " ")
}

// tail keeps the last bytes that were written.
type tail struct {
	buffer *bytes.Buffer
	limit  int
}

func (t *tail) Write(p []byte) (int, error) {
	t.buffer.Write(p)
	t.buffer.Next(max(t.buffer.Len()-t.limit, 0))
	return len(p), nil
}
