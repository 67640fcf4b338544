package producer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"rewind/change"
	"rewind/crypt"
	"rewind/disk"
	"rewind/ocf"
	"rewind/table"
)

// A snapshot file is an Avro container file: one Row a table row in key order, then one End. Its header's metadata holds
// a fileHeader as JSON. A file without its End was not finished.
const (
	fileSchema = `{"type":"record","name":"SnapshotRecord","namespace":"rewind","fields":[{"name":"content","type":[` +
		`{"type":"record","name":"Row","fields":[{"name":"key","type":"bytes"},{"name":"image","type":"bytes"},` +
		`{"name":"fingerprint","type":{"type":"fixed","name":"Fingerprint","size":16}}]},` +
		`{"type":"record","name":"End","fields":[{"name":"read_ended","type":"long"},{"name":"rows","type":"long"},` +
		`{"name":"fingerprint","type":"Fingerprint"}]}]}]}`
	fileMetaKey = "rewind.snapshot"
	fileVersion = 1
)

// fileHeader says what a snapshot file is, and where in the topic the search for its Commit begins.
type fileHeader struct {
	Version     int               `json:"version"`
	Stream      string            `json:"stream"`
	Snapshot    int64             `json:"snapshot"`
	Previous    int64             `json:"previous"`
	Epoch       int64             `json:"epoch"`
	Writer      string            `json:"writer"`
	Schema      string            `json:"schema"`
	Options     map[string]string `json:"options"`
	Partitions  int               `json:"partitions"`
	Partitioner string            `json:"partitioner"`
	Offsets     []int64           `json:"offsets"`
	Restore     *string           `json:"restore,omitempty"` // of the table's definition; nil: not known

	schema *table.Schema // of Schema
}

func (h *fileHeader) check() (err error) {
	switch {
	case h.Version != fileVersion:
		return fmt.Errorf("version %d, this rewind knows %d", h.Version, fileVersion)
	case h.Stream == "" || h.Snapshot <= 0 || h.Partitions <= 0 || len(h.Offsets) != h.Partitions || len(h.Writer) > 2*len(change.Stamp{}.Writer):
		return errors.New("incomplete header")
	case h.Partitioner != change.PartitionerXXH3:
		return fmt.Errorf("unknown partitioner %q", h.Partitioner)
	}
	h.schema, err = table.ParseAvroSchema(h.Schema)
	return err
}

// fileEnd closes a snapshot file.
type fileEnd struct {
	readEnded int64
	digest    table.Digest
}

// fileWriter writes a snapshot file.
type fileWriter struct {
	file   disk.File
	cipher io.WriteCloser // between out and file; nil: the file is in clear
	out    *ocf.Writer
	record []byte
	digest table.Digest
}

// createFile begins a snapshot file, encrypted if keys are for that.
func createFile(fsys disk.FS, path string, h *fileHeader, keys *crypt.Keys) (*fileWriter, error) {
	if keys.WriteOnly() {
		return nil, errors.New("a snapshot file must be read again, and the keys only write")
	}
	h.Version = fileVersion
	meta, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	f, err := fsys.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	w := &fileWriter{file: f}
	var to io.Writer = f
	if keys.Encrypts() {
		if w.cipher, err = keys.NewWriter(f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		to = w.cipher
	}
	if w.out, err = ocf.NewWriter(to, ocf.Header{Schema: fileSchema, Meta: map[string][]byte{fileMetaKey: meta}}); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return w, nil
}

func (w *fileWriter) append(row table.Row, f table.Fingerprint) error {
	w.digest.Add(f)
	w.record = appendRow(w.record[:0], row, f)
	return w.out.Append(w.record)
}

// finish closes the file's content and makes it durable; its name is not yet.
func (w *fileWriter) finish(readEnded int64) (fileEnd, error) {
	end := fileEnd{readEnded: readEnded, digest: w.digest}
	w.record = appendEnd(w.record[:0], end)
	err := w.out.Append(w.record)
	if err == nil {
		err = w.out.Flush()
	}
	if err == nil && w.cipher != nil {
		err = w.cipher.Close()
	}
	if err == nil {
		err = w.file.Sync()
	}
	return end, errors.Join(err, w.file.Close())
}

func (w *fileWriter) abandon() { _ = w.file.Close() }

// fileReader reads a snapshot file row by row.
type fileReader struct {
	path   string
	file   disk.File
	in     *ocf.Reader
	header fileHeader
	block  []byte
	left   int // records in block
	digest table.Digest
	end    *fileEnd
}

// openFile gives an error that is fs.ErrNotExist where there is no file, *FileError for one that is none, and
// *crypt.KeyError for one that keys do not open.
func openFile(fsys disk.FS, path string, keys *crypt.Keys) (*fileReader, error) {
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	r := &fileReader{path: path, file: f}
	content, err := plaintext(f, path, keys)
	if err == nil {
		err = r.readHeader(content)
	}
	if err != nil {
		return nil, errors.Join(r.damaged(err), f.Close())
	}
	return r, nil
}

// plaintext is a snapshot file's content. Whether it is encrypted says its beginning: its name is the same, so that a rename
// replaces one by the other.
func plaintext(f disk.File, path string, keys *crypt.Keys) (io.Reader, error) {
	encrypted, err := crypt.IsEncrypted(f)
	if err != nil || !encrypted {
		return f, err
	}
	stat, err := f.Stat()
	if err != nil {
		return nil, err
	}
	plain, size, err := keys.Open(path, f, stat.Size())
	if err != nil {
		return nil, err
	}
	return io.NewSectionReader(plain, 0, size), nil
}

func (r *fileReader) readHeader(content io.Reader) error {
	in, err := ocf.NewReader(content)
	if err != nil {
		return err
	}
	r.in = in
	h := in.Header()
	if !h.Derived || h.Schema != fileSchema {
		return errors.New("not a snapshot file's header")
	}
	if err := json.Unmarshal(h.Meta[fileMetaKey], &r.header); err != nil {
		return err
	}
	return r.header.check()
}

// damaged places an error of the content; one of the disk or of the key stays as it is.
func (r *fileReader) damaged(err error) error {
	var path *os.PathError
	var key *crypt.KeyError
	if errors.As(err, &path) || errors.As(err, &key) {
		return err
	}
	return &FileError{Path: r.path, Err: err}
}

// next gives the next row, valid until the next call, and io.EOF behind the last one of a finished file.
func (r *fileReader) next() (table.Row, table.Fingerprint, error) {
	for r.left == 0 {
		if r.end != nil || len(r.block) > 0 {
			return table.Row{}, table.Fingerprint{}, r.atEnd()
		}
		count, block, err := r.in.Next()
		if errors.Is(err, io.EOF) {
			err = errors.New("the file ends before its end record")
		}
		if err != nil {
			return table.Row{}, table.Fingerprint{}, r.damaged(err)
		}
		r.left, r.block = count, block
	}
	r.left--
	row, f, end, rest, err := splitRecord(r.block)
	if err != nil {
		return table.Row{}, table.Fingerprint{}, r.damaged(err)
	}
	r.block = rest
	if end != nil {
		r.end = end
		return table.Row{}, table.Fingerprint{}, r.atEnd()
	}
	r.digest.Add(f)
	return row, f, nil
}

// atEnd checks what stands behind the end record, and that the rows are those that it counted.
func (r *fileReader) atEnd() error {
	if r.end == nil || r.left > 0 || len(r.block) > 0 {
		return r.damaged(errors.New("records do not fill their block"))
	}
	if r.end.digest != r.digest {
		return r.damaged(fmt.Errorf("digest of the rows is %v, the end record says %v", r.digest, r.end.digest))
	}
	if _, _, err := r.in.Next(); !errors.Is(err, io.EOF) {
		return r.damaged(errors.New("something follows the end record"))
	}
	return io.EOF
}

func (r *fileReader) close() { _ = r.file.Close() }
