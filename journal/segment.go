package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"rewind/disk"
	"rewind/ocf"
)

// Metadata keys of a segment's header, and what they hold.
const (
	formatKey     = "rewind.format"    // version of the format
	streamKey     = "rewind.stream"    // 32 hex digits
	partitionKey  = "rewind.partition" // decimal
	baseKey       = "rewind.base"      // offset of the first entry, decimal
	afterKey      = "rewind.after"     // offset of the last entry before the segment, decimal; -1 in the first
	previousKey   = "rewind.previous"  // SHA-256 of the segment before, 64 hex digits; zeros in the first
	begunKey      = "rewind.begun"     // when it was begun, microseconds UTC, decimal: a hint for sealing by age; may be missing
	formatVersion = "1"
	streamDigits  = 32
	extension     = ".avro"
	ageExtension  = ".age" // behind extension: an encrypted segment
	nameDigits    = 20
)

// SegmentInfo describes a segment file.
type SegmentInfo struct {
	Path       string
	BaseOffset int64
	Bytes      int64 // of the plaintext
	Sealed     bool
	Encrypted  bool // the file at Path is
	Stream     string
	Partition  int
	After      int64    // offset of the last entry before the segment; -1 in the first
	Previous   [32]byte // SHA-256 of the segment before; zero in the first
	Marker     [16]byte // its sync marker, which its header decides
	Schema     string
	BehindCut  bool  // what stood before it was dropped by retention; the cut record names the SHA-256 that it is chained to
	Err        error // why the header cannot be read; then only Path, BaseOffset, Bytes and Sealed are set
}

// segment is a segment file by its name.
type segment struct {
	path string // of the file to read: the one in clear where it is there
	base int64
	both bool // the encrypted one is there beside it: a crash came between writing it and removing the one in clear
}

// encrypted says whether the file to read is. An encrypted segment is sealed, be it the last one.
func (s segment) encrypted() bool { return strings.HasSuffix(s.path, ageExtension) }

// sealed says whether nothing is appended to the segment any more.
func (s segment) sealed(isLast bool) bool { return !isLast || s.both || s.encrypted() }

func segmentName(base int64) string { return fmt.Sprintf("%0*d%s", nameDigits, base, extension) }

// listSegments lists a journal's segments in order. Other files are left alone, unless they are named as container files:
// a segment that was renamed must not simply be missing.
func listSegments(fsys disk.FS, dir string) ([]segment, error) {
	names, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var segments []segment
	for _, n := range names { // sorted, and so are offsets in names of one length
		clear := strings.TrimSuffix(n.Name(), ageExtension)
		digits, ok := strings.CutSuffix(clear, extension)
		if !ok {
			continue
		}
		path := filepath.Join(dir, n.Name())
		base, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || clear != segmentName(base) {
			return nil, &CorruptionError{Segment: path, Err: errors.New("this is not the name of a segment")}
		}
		if last := len(segments) - 1; last >= 0 && segments[last].base == base { // the one in clear comes first
			segments[last].both = true
			continue
		}
		segments = append(segments, segment{path: path, base: base})
	}
	return segments, nil
}

// newHeader is the header of a segment to be written.
func (o *Options) newHeader(base int64, schema string, after int64, previous [sha256.Size]byte) ocf.Header {
	return ocf.Header{
		Schema: schema,
		Codec:  ocf.Snappy, // the only one whose blocks have a checksum
		Meta: map[string][]byte{
			formatKey:    []byte(formatVersion),
			streamKey:    []byte(o.Stream),
			partitionKey: strconv.AppendInt(nil, int64(o.Partition), 10),
			baseKey:      strconv.AppendInt(nil, base, 10),
			afterKey:     strconv.AppendInt(nil, after, 10),
			previousKey:  hex.AppendEncode(nil, previous[:]),
		},
	}
}

// parseHeader checks a header that was read and says what it describes.
func (o *Options) parseHeader(s segment, h ocf.Header) (SegmentInfo, error) {
	version := string(h.Meta[formatKey])
	if version != formatVersion && version != "" && h.Derived {
		return SegmentInfo{}, &VersionError{Segment: s.path, Version: version}
	}
	info := SegmentInfo{Path: s.path, BaseOffset: s.base, Stream: string(h.Meta[streamKey]), Schema: h.Schema, Marker: h.Sync}
	if err := info.parse(h); err != nil {
		return SegmentInfo{}, &CorruptionError{Segment: s.path, Err: err}
	}
	if o.Stream != "" && (info.Stream != o.Stream || info.Partition != o.Partition) {
		return SegmentInfo{}, &ForeignError{Segment: s.path, Stream: info.Stream, Partition: info.Partition, WantStream: o.Stream, WantPartition: o.Partition}
	}
	return info, nil
}

// parse takes over what the header says of itself.
func (i *SegmentInfo) parse(h ocf.Header) error {
	partition, partitionErr := strconv.ParseUint(string(h.Meta[partitionKey]), 10, 31)
	after, afterErr := strconv.ParseInt(string(h.Meta[afterKey]), 10, 64)
	previous := string(h.Meta[previousKey])
	known := string(h.Meta[formatKey]) == formatVersion && h.Derived && h.Codec == ocf.Snappy
	if !known || partitionErr != nil || afterErr != nil || !isHex(i.Stream, streamDigits) || !isHex(previous, 2*sha256.Size) {
		return errors.New("the header is not that of a segment")
	}
	i.Partition, i.After = int(partition), after
	if _, err := hex.Decode(i.Previous[:], []byte(previous)); err != nil {
		return err
	}
	if base := string(h.Meta[baseKey]); base != strconv.FormatInt(i.BaseOffset, 10) || after >= i.BaseOffset {
		return fmt.Errorf("the header says that the first offset is %.20q, behind %d; the name says %d", base, after, i.BaseOffset)
	}
	return nil
}

// readInfo reads a segment's header. headless: the file ends inside it, which only an active segment's may.
func (o *Options) readInfo(s segment, isLast bool) (info SegmentInfo, headless bool, err error) {
	f, err := o.openSegment(s)
	if err != nil {
		return SegmentInfo{}, false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info.Bytes = f.size
	in, err := ocf.NewReader(io.NewSectionReader(f, 0, f.size))
	if !f.sealed(isLast) && errors.Is(err, io.ErrUnexpectedEOF) {
		return SegmentInfo{}, true, nil
	}
	if err != nil {
		return info, false, corrupt(f.path, 0, err)
	}
	info, err = o.parseHeader(f.segment, in.Header())
	info.Bytes, info.Sealed, info.Encrypted = f.size, f.sealed(isLast), f.encrypted()
	return info, false, err
}
