package producer

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"

	"rewind/crypt"
	"rewind/disk"
	"rewind/ocf"
	"rewind/table"
)

const (
	// blockBytes is about what a block holds: so little that many blocks of a table are the same in two snapshots, though rows of it
	// changed all over. Packing them takes the same time a row, and no more than 3 % more room, than larger ones.
	blockBytes = 6 << 10
	// fileBuffer is what is read and written at once.
	fileBuffer = 256 << 10
)

// fileWriter writes a snapshot file.
type fileWriter struct {
	file   disk.File
	buffer *bufio.Writer
	cipher io.WriteCloser // between out and buffer; nil: the file is in clear
	out    *ocf.Writer
	block  []byte // the records of the block that is being filled
	count  int    // how many
	most   int    // bytes that a block is filled to
	digest table.Digest

	hashKey  []byte
	packed   ocf.Ahead
	contents []byte // of the block's rows, to be hashed
	summary  []byte // its record
}

// createFile begins a snapshot file, encrypted if keys are for that.
func createFile(fsys disk.FS, path string, h *fileHeader, keys *crypt.Keys) (*fileWriter, error) {
	if keys.WriteOnly() {
		return nil, errors.New("a snapshot file must be read again, and the keys only write")
	}
	h.Version = fileVersion
	if len(h.HashKey) == 0 {
		h.HashKey = newHashKey()
	}
	meta, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	f, err := fsys.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	w := &fileWriter{file: f, buffer: bufio.NewWriterSize(f, fileBuffer), most: blockBytes, hashKey: h.HashKey}
	var to io.Writer = w.buffer
	if keys.Encrypts() {
		if w.cipher, err = keys.NewWriter(to); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		to = w.cipher
	}
	if w.out, err = ocf.NewWriter(to, ocf.Header{Schema: fileSchema, Meta: map[string][]byte{fileMetaKey: meta}}); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return w, nil
}

// recordOverhead is what a row's record is longer than its key and image, at most.
const recordOverhead = 1 + 2*binaryMaxLong + fingerprintBytes

const binaryMaxLong = 10

// append adds a row.
func (w *fileWriter) append(row table.Row, f table.Fingerprint) error {
	if err := w.room(len(row.Key) + len(row.Image) + recordOverhead); err != nil {
		return err
	}
	w.digest.Add(f)
	w.block = appendRow(w.block, row, f)
	w.count++
	return nil
}

// appendRecords adds rows as another file has them, one behind the other. Their fingerprints are the caller's to add.
func (w *fileWriter) appendRecords(count int, records []byte) error {
	if count == 0 {
		return nil
	}
	if err := w.room(len(records)); err != nil {
		return err
	}
	if len(records) >= w.most {
		return w.writeBlock(count, records)
	}
	w.block = append(w.block, records...)
	w.count += count
	return nil
}

// room writes the block that is being filled, where more would not fit into it.
func (w *fileWriter) room(size int) error {
	if w.count > 0 && len(w.block)+size > w.most {
		return w.flush()
	}
	return nil
}

// appendBlock adds a whole block and its summary as another file has them, packed.
func (w *fileWriter) appendBlock(count int, summary, packed []byte) error {
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.out.WritePacked(1, summary); err != nil {
		return err
	}
	return w.out.WritePacked(count, packed)
}

// summarizeBlock adds a whole block as another file has it, packed, of which that file has no summary.
func (w *fileWriter) summarizeBlock(count int, records, packed []byte) error {
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.summarize(records, packed); err != nil {
		return err
	}
	return w.out.WritePacked(count, packed)
}

// summarize writes the summary of the block that will follow.
func (w *fileWriter) summarize(records, packed []byte) error {
	s, contents, err := summarize(records, packed, w.hashKey, w.contents)
	if w.contents = again(contents); err != nil {
		return err
	}
	w.summary = appendSummary(w.summary[:0], &s)
	return w.out.WriteBlock(1, w.summary)
}

func (w *fileWriter) writeBlock(count int, records []byte) error {
	if err := w.packed.Pack(count, records); err != nil {
		return err
	}
	if err := w.summarize(records, w.packed.Packed()); err != nil {
		return err
	}
	return w.out.WriteAhead(&w.packed)
}

// align ends the block that is being filled where one of the file before ends, so that the blocks behind it can be the same; one that
// holds little is filled on.
func (w *fileWriter) align() error {
	if len(w.block) < blockBytes/4 {
		return nil
	}
	return w.flush()
}

func (w *fileWriter) flush() error {
	if w.count == 0 {
		return nil
	}
	err := w.writeBlock(w.count, w.block)
	w.block, w.count = w.block[:0], 0
	return err
}

// finish closes the file's content and makes it durable; its name is not yet.
func (w *fileWriter) finish(readEnded int64) (fileEnd, error) {
	end := fileEnd{readEnded: readEnded, digest: w.digest}
	err := w.flush()
	if err == nil {
		err = w.out.WriteBlock(1, appendEnd(nil, end))
	}
	if err == nil && w.cipher != nil {
		err = w.cipher.Close()
	}
	if err == nil {
		err = w.buffer.Flush()
	}
	if err == nil {
		err = w.file.Sync()
	}
	return end, errors.Join(err, w.file.Close())
}

func (w *fileWriter) abandon() { _ = w.file.Close() }
