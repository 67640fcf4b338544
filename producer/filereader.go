package producer

import (
	"errors"
	"fmt"
	"io"

	"rewind/table"
)

// next gives the next row, valid until the next call, and io.EOF behind the last one of a finished file.
func (r *fileReader) next() (table.Row, table.Fingerprint, error) {
	for r.left == 0 {
		if r.end != nil || r.at < len(r.block) {
			return table.Row{}, table.Fingerprint{}, r.atEnd()
		}
		if err := r.nextBlock(); err != nil {
			return table.Row{}, table.Fingerprint{}, err
		}
	}
	r.left--
	row, f, end, rest, err := splitRecord(r.block[r.at:])
	if err != nil {
		return table.Row{}, table.Fingerprint{}, r.damaged(err)
	}
	r.began, r.at = r.at, len(r.block)-len(rest)
	if end != nil {
		r.end = end
		return table.Row{}, table.Fingerprint{}, r.atEnd()
	}
	r.digest.Add(f)
	return row, f, nil
}

// nextBlock goes on to the next block of rows, or to that of the end record.
func (r *fileReader) nextBlock() error {
	if !r.packed {
		if err := r.look(); err != nil || !r.packed {
			return err
		}
	}
	r.packed = false
	block, err := r.in.Unpack()
	if err != nil {
		return r.damaged(err)
	}
	r.left, r.block, r.at = r.count, block, 0
	return nil
}

// look reads the next block. One that has a summary stays packed.
func (r *fileReader) look() error {
	switch {
	case r.at < len(r.block):
		return r.atEnd()
	case r.summarized && r.digest != r.due:
		return r.damaged(fmt.Errorf("digest of the rows is %v behind a block, by its summary %v", r.digest, r.due))
	}
	count, records, err := r.in.Next()
	if errors.Is(err, io.EOF) {
		err = errors.New("the file ends before its end record")
	}
	if err != nil {
		return r.damaged(err)
	}
	if r.summarized = r.header.Version > 1 && isSummary(records); !r.summarized {
		r.count, r.left, r.block, r.at = count, count, records, 0
		return nil
	}
	if r.summary, err = parseSummary(count, records); err != nil {
		return r.damaged(err)
	}
	r.summaryPacked = append(r.summaryPacked[:0], r.in.Packed()...)
	if r.count, err = r.in.NextPacked(); errors.Is(err, io.EOF) {
		err = errors.New("the file ends behind a summary")
	}
	if err == nil && !r.summary.fits(r.count, r.in.Packed()) {
		err = errors.New("a block that is not its summary's")
	}
	if err != nil {
		return r.damaged(err)
	}
	r.packed, r.due = true, r.digest
	r.due.Merge(r.summary.digest)
	return nil
}

// pass passes over the block that was looked at: its rows count as read.
func (r *fileReader) pass() {
	r.packed = false
	r.digest.Merge(r.summary.digest)
}

// blockEnds says that the rows of the block were all given: a record of the next block follows, or the end record.
func (r *fileReader) blockEnds() bool {
	return r.left == 0 || r.at < len(r.block) && r.block[r.at] == endTag
}

// atEnd checks what stands behind the end record, and that the rows are those that it counted.
func (r *fileReader) atEnd() error {
	if r.end == nil || r.left > 0 || r.at < len(r.block) {
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
