package replay

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"rewind/change"
	"rewind/table"
)

// rememberedFile is <data>/proofs/<file>/<stream>-<partition>.json: what a walk over the sealed segments of one partition
// ended with, so that the next one goes on behind them. Derived, and deletable at any time. It proves nothing by itself: it
// counts for segments whose SHA-256 are those that were read, and whatever does not fit it is read again.
type rememberedFile struct {
	Version int             `json:"version"`
	Table   string          `json:"table"`
	SHA256  string          `json:"sha256"` // of Walk's bytes
	Walk    json.RawMessage `json:"walk"`
}

const (
	rememberedVersion = 1
	maxRemembered     = 512 << 20
)

// remembered is a walk's state behind the last entry of the sealed segments.
type remembered struct {
	Stream    string              `json:"stream"`
	Partition int                 `json:"partition"`
	At        time.Time           `json:"at"`
	Segments  []rememberedSegment `json:"segments"`
	Entries   int64               `json:"entries"`
	Last      int64               `json:"last"` // offset of the last entry
	Forms     []string            `json:"forms"`
	Spans     []rememberedSpan    `json:"spans"`
	Gaps      []rememberedGap     `json:"gaps,omitempty"`
	Order     rememberedOrder     `json:"order"`
	Open      *rememberedSpan     `json:"open,omitempty"` // begun and not committed
	Share     change.Counts       `json:"share"`          // of it, so far
	Delta     string              `json:"delta"`          // likewise
}

// rememberedSegment is a segment as it was read.
type rememberedSegment struct {
	Base     int64  `json:"base"`
	Bytes    int64  `json:"bytes"`    // of the file
	Modified int64  `json:"modified"` // of the file, nanoseconds since 1970
	SHA256   string `json:"sha256"`
	Entries  int64  `json:"entries,omitempty"`
}

// rememberedOrder is a sequence's state.
type rememberedOrder struct {
	Epoch   int64  `json:"epoch"`
	Writer  string `json:"writer"`
	Last    int64  `json:"last"`
	Columns int    `json:"columns"`
	Holes   bool   `json:"holes,omitempty"`
	Offset  int64  `json:"offset"`
}

// rememberedSpan is a span: its Begin is that of a form with another stamp, snapshot and previous one.
type rememberedSpan struct {
	Form     int               `json:"f"`
	Epoch    int64             `json:"e"`
	Writer   string            `json:"w"`
	Snapshot int64             `json:"s"`
	Previous int64             `json:"p"`
	From     int64             `json:"from"`
	To       int64             `json:"to"`
	Bytes    int64             `json:"bytes"`
	Changes  int64             `json:"changes"`
	Broken   bool              `json:"broken,omitempty"`
	Moved    string            `json:"moved,omitempty"`
	Commit   *rememberedCommit `json:"commit,omitempty"`
}

// rememberedCommit is a Commit without what its span says.
type rememberedCommit struct {
	Epoch     int64         `json:"e"`
	Writer    string        `json:"w"`
	ReadBegan int64         `json:"rb"`
	ReadEnded int64         `json:"re"`
	Counts    change.Counts `json:"counts"`
	Share     change.Counts `json:"share"`
	Seq       int64         `json:"seq"`
	Digest    string        `json:"digest"`
}

// rememberedGap is a gap of the partition.
type rememberedGap struct {
	Gap    Gap    `json:"gap"`
	Last   int64  `json:"last"`
	Epoch  int64  `json:"epoch,omitempty"` // of the partition's owner then
	Writer string `json:"writer,omitempty"`
}

func (j *Journal) rememberedPath(stream string, partition int) string {
	return filepath.Join(j.o.Data, "proofs", j.name.FileName(), fmt.Sprintf("%s-%0*d.json", stream, partitionDigits, partition))
}

// recall reads what an earlier walk left; nil where there is nothing that can be used.
func (j *Journal) recall(p *partition) *remembered {
	path := j.rememberedPath(p.stream, p.number)
	var f rememberedFile
	err := readJSONUpTo(j.o.FS, path, maxRemembered, &f)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var r remembered
	if err == nil {
		err = f.open(j.name, p, &r)
	}
	if err != nil {
		j.o.Logger.Warn("the record of an earlier verify cannot be used: its segments are read again", "path", path, "error", err)
		return nil
	}
	return &r
}

func (f *rememberedFile) open(name table.Name, p *partition, into *remembered) error {
	sum := sha256.Sum256(f.Walk)
	switch {
	case f.Version != rememberedVersion:
		return fmt.Errorf("it has version %d", f.Version)
	case f.Table != name.String():
		return fmt.Errorf("it is of %.200q", f.Table)
	case f.SHA256 != hex.EncodeToString(sum[:]):
		return errors.New("its bytes are not those that were written")
	}
	if err := json.Unmarshal(f.Walk, into); err != nil {
		return err
	}
	if into.Stream != p.stream || into.Partition != p.number {
		return fmt.Errorf("it is of stream %.40q, partition %d", into.Stream, into.Partition)
	}
	return nil
}

// remember writes what the next walk goes on from. The lock of the proofs is held.
func (j *Journal) remember(r *remembered) error {
	walk, err := json.Marshal(r)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(walk)
	f := rememberedFile{Version: rememberedVersion, Table: j.name.String(), SHA256: hex.EncodeToString(sum[:]), Walk: walk}
	return writeCompactJSON(j.o.FS, j.rememberedPath(r.Stream, r.Partition), f)
}

// forms collects Begins that differ in nothing but stamp, snapshot and previous one: most of a partition's are alike.
type forms struct {
	known map[string]int
	all   []string
}

func newForms(all []string) *forms {
	f := &forms{known: make(map[string]int), all: all}
	for i, text := range all {
		if message, err := base64.StdEncoding.DecodeString(text); err == nil {
			if m, err := change.NewDecoder().Decode(message); err == nil && m.Begin != nil {
				f.known[formKey(m.Begin)] = i
			}
		}
	}
	return f
}

func formKey(b *change.Begin) string {
	text := func(s *string) string {
		if s == nil {
			return "-"
		}
		return "+" + *s
	}
	return fmt.Sprintf("%q %q %q %q %q %d %q %q %q", b.Stream, b.Schema.AvroSchema(), b.DDL, b.Engine, fmt.Sprint(b.Options),
		b.Partitions, b.Partitioner, text(b.Scope), text(b.Baseline))
}

// of gives the number of a Begin's form.
func (f *forms) of(b *change.Begin) (int, error) {
	key := formKey(b)
	if i, ok := f.known[key]; ok {
		return i, nil
	}
	message, err := change.AppendBegin(nil, b)
	if err != nil {
		return 0, err
	}
	f.known[key] = len(f.all)
	f.all = append(f.all, base64.StdEncoding.EncodeToString(message))
	return len(f.all) - 1, nil
}

// begins decodes forms.
func begins(forms []string) ([]*change.Begin, error) {
	all := make([]*change.Begin, len(forms))
	decoder := change.NewDecoder()
	for i, text := range forms {
		message, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		m, err := decoder.Decode(message)
		if err != nil {
			return nil, err
		}
		if m.Begin == nil {
			return nil, errors.New("a form is no Begin")
		}
		all[i] = m.Begin
	}
	return all, nil
}

func stampFrom(epoch int64, writer string) (s change.Stamp, err error) {
	s.Epoch = epoch
	if len(writer) != 2*len(s.Writer) {
		return s, fmt.Errorf("writer %.40q", writer)
	}
	_, err = hex.Decode(s.Writer[:], []byte(writer))
	return s, err
}

func writerText(s change.Stamp) string { return hex.EncodeToString(s.Writer[:]) }

// rememberSpan writes a span down.
func rememberSpan(s *span, moved string, f *forms) (rememberedSpan, error) {
	b := s.begin
	form, err := f.of(b)
	r := rememberedSpan{
		Form: form, Epoch: b.Epoch, Writer: writerText(b.Stamp), Snapshot: b.Snapshot, Previous: b.Previous,
		From: s.from, To: s.to, Bytes: s.bytes, Changes: s.changes, Broken: s.broken, Moved: moved,
	}
	if c := s.commit; c != nil {
		r.Commit = &rememberedCommit{
			Epoch: c.Epoch, Writer: writerText(c.Stamp), ReadBegan: c.ReadBegan, ReadEnded: c.ReadEnded,
			Counts: c.Counts, Share: c.Share, Seq: c.Seq, Digest: c.Digest.String(),
		}
	}
	return r, err
}

// span makes it again.
func (r *rememberedSpan) span(forms []*change.Begin) (*span, error) {
	if r.Form < 0 || r.Form >= len(forms) {
		return nil, fmt.Errorf("form %d", r.Form)
	}
	begin := *forms[r.Form]
	var err error
	if begin.Stamp, err = stampFrom(r.Epoch, r.Writer); err != nil {
		return nil, err
	}
	begin.Snapshot, begin.Previous = r.Snapshot, r.Previous
	s := &span{begin: &begin, from: r.From, to: r.To, bytes: r.Bytes, changes: r.Changes, broken: r.Broken}
	if c := r.Commit; c != nil {
		s.commit = &change.Commit{Snapshot: r.Snapshot, ReadBegan: c.ReadBegan, ReadEnded: c.ReadEnded, Counts: c.Counts, Share: c.Share, Seq: c.Seq}
		if s.commit.Stamp, err = stampFrom(c.Epoch, c.Writer); err != nil {
			return nil, err
		}
		if s.commit.Digest, err = table.ParseDigest(c.Digest); err != nil {
			return nil, err
		}
	}
	return s, nil
}
