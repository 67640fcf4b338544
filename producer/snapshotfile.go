package producer

import (
	"bufio"
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

// A snapshot file is an Avro container file: one Row a table row in key order, a Summary in front of every block of them, then one End. Its
// header's metadata holds a fileHeader as JSON. A file without its End was not finished.
const (
	fileSchemaBegin = `{"type":"record","name":"SnapshotRecord","namespace":"rewind","fields":[{"name":"content","type":[` +
		`{"type":"record","name":"Row","fields":[{"name":"key","type":"bytes"},{"name":"image","type":"bytes"},` +
		`{"name":"fingerprint","type":{"type":"fixed","name":"Fingerprint","size":16}}]},` +
		`{"type":"record","name":"End","fields":[{"name":"read_ended","type":"long"},{"name":"rows","type":"long"},` +
		`{"name":"fingerprint","type":"Fingerprint"}]}`
	fileSchemaEnd = `]}]}`
	fileSchema    = fileSchemaBegin + `,{"type":"record","name":"Summary","fields":[{"name":"rows","type":"long"},{"name":"bytes","type":"long"},` +
		`{"name":"hash","type":{"type":"fixed","name":"Hash","size":16}},{"name":"fingerprint","type":"Fingerprint"},` +
		`{"name":"checksum","type":{"type":"fixed","name":"Checksum","size":4}}]}` + fileSchemaEnd
	fileSchema1 = fileSchemaBegin + fileSchemaEnd // of version 1, which knew no summaries
	fileMetaKey = "rewind.snapshot"
	fileVersion = 2
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
	Restore     *string           `json:"restore,omitempty"`  // of the table's definition; nil: not known
	Kept        int               `json:"kept,omitempty"`     // captures in a row that took over what had not changed
	HashKey     []byte            `json:"hash_key,omitempty"` // of the summaries' hashes; that of the file before as long as blocks are taken over

	schema *table.Schema // of Schema
}

func (h *fileHeader) check() (err error) {
	switch {
	case h.Version < 1 || h.Version > fileVersion:
		return fmt.Errorf("version %d, this rewind knows 1 to %d", h.Version, fileVersion)
	case h.Version == 1 && h.HashKey != nil || h.Version > 1 && len(h.HashKey) != hashKeyBytes:
		return fmt.Errorf("a key of %d bytes for its hashes", len(h.HashKey))
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

// fileReader reads a snapshot file row by row.
type fileReader struct {
	path   string
	file   disk.File
	input  *fileInput
	in     *ocf.Reader
	header fileHeader
	block  []byte
	count  int // records in block; once the next one is packed, in that
	left   int // of them, those that were not read yet
	began  int // where in block the record begins that was read last
	at     int // where it ends
	digest table.Digest
	end    *fileEnd

	due           table.Digest // once the rows of the block were read, where it has a summary
	summarized    bool         // it has one
	summary       summary
	summaryPacked []byte // its block as it stands in the file
	packed        bool   // the next block was looked at and is not unpacked: summarized and summary are of that one
}

// openFile gives an error that is fs.ErrNotExist where there is no file, *FileError for one that is none, and
// *crypt.KeyError for one that keys do not open.
func openFile(fsys disk.FS, path string, keys *crypt.Keys) (*fileReader, error) {
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	r := &fileReader{path: path, file: f}
	stat, err := f.Stat()
	var content io.Reader
	if err == nil {
		content, err = plaintext(f, path, keys)
	}
	if err == nil {
		r.input = &fileInput{content: content, file: f}
		err = r.readHeader(buffered(r.input, stat.Size()))
	}
	if err != nil {
		return nil, errors.Join(r.damaged(err), f.Close())
	}
	return r, nil
}

// fileInput is a file's content, read from its beginning to its end.
type fileInput struct {
	content io.Reader
	file    disk.File
	once    bool // nobody will read it again
	read    int64
	gone    int64 // of that, what the cache was told to forget
}

// forgottenAtOnce is after how many bytes the cache is told again.
const forgottenAtOnce = 8 << 20

func (r *fileInput) Read(b []byte) (int, error) {
	n, err := r.content.Read(b)
	r.read += int64(n)
	if r.once && r.read-r.gone >= forgottenAtOnce {
		r.gone = r.read // an encrypted file is longer than its content: there, too, these bytes were read
		disk.Forget(r.file, r.gone)
	}
	return n, err
}

// buffered reads a large file in large pieces; a small one is read by the container file's own buffer.
func buffered(content io.Reader, size int64) io.Reader {
	if size < fileBuffer {
		return content
	}
	return bufio.NewReaderSize(content, fileBuffer)
}

// plaintext is a snapshot file's content. Whether it is encrypted says its beginning: its name is the same, so that a rename
// replaces one by the other.
func plaintext(f disk.File, path string, keys *crypt.Keys) (io.Reader, error) {
	encrypted, err := crypt.IsEncrypted(f)
	if err != nil || !encrypted {
		return f, err
	}
	plain, size, err := plaintextAt(f, path, keys)
	if err != nil {
		return nil, err
	}
	return io.NewSectionReader(plain, 0, size), nil
}

// plaintextAt is plaintext, to be read anywhere, and its size.
func plaintextAt(f disk.File, path string, keys *crypt.Keys) (io.ReaderAt, int64, error) {
	stat, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	encrypted, err := crypt.IsEncrypted(f)
	if err != nil || !encrypted {
		return f, stat.Size(), err
	}
	return keys.Open(path, f, stat.Size())
}

func (r *fileReader) readHeader(content io.Reader) error {
	in, err := ocf.NewReader(content)
	if err != nil {
		return err
	}
	r.in = in
	h := in.Header()
	if !h.Derived || h.Schema != fileSchema && h.Schema != fileSchema1 {
		return errors.New("not a snapshot file's header")
	}
	if err := json.Unmarshal(h.Meta[fileMetaKey], &r.header); err != nil {
		return err
	}
	if (h.Schema == fileSchema1) != (r.header.Version == 1) {
		return fmt.Errorf("the schema of another version than %d", r.header.Version)
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
