package ocf

import (
	"bytes"
	"errors"
	"io"
)

// SeekBlock gives a Reader of a file whose header was read before that begins with the first block behind a byte; nil where no block
// begins within so many bytes, or none at all. What looks like a block's beginning within records is none but by a chance of 1 in 2^128.
func SeekBlock(file io.ReaderAt, h Header, size, at int64, within int) (*Reader, error) {
	const step = 16 << 10
	window := make([]byte, 0, step+markerBytes)
	for start := at; start < size && start-at < int64(within); {
		kept := len(window)
		n, err := file.ReadAt(window[kept:min(int64(cap(window)), int64(kept)+size-start)], start)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if n == 0 {
			return nil, nil
		}
		window, start = window[:kept+n], start+int64(n)
		if i := bytes.Index(window, h.Sync[:]); i >= 0 {
			begins := start - int64(len(window)-i-markerBytes)
			if begins == size {
				return nil, nil
			}
			return ResumeReader(io.NewSectionReader(file, begins, size-begins), h, begins)
		}
		if keep := markerBytes - 1; len(window) > keep {
			window = window[:copy(window, window[len(window)-keep:])]
		}
	}
	return nil, nil
}
