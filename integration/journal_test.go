//go:build integration

package integration

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"iter"
	"math"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"

	"rewind/change"
	"rewind/journal"
	"rewind/table"
)

// readByOthers copies a journal away and has three Avro libraries that are not ours read its files: Apache's for Java, fastavro for
// Python and goavro. Each prints an entry as one line of fields between tabs:
//
//	offset Open   epoch writer stream table ts_us
//	offset Begin  epoch writer stream snapshot previous schema ddl engine options partitions partitioner
//	offset Change epoch writer snapshot seq op key before after
//	offset Commit epoch writer snapshot seq read_began read_ended r c u d r c u d rows m f
//	offset Gap    epoch writer reason next_offset ts_us cause
//
// Null is ~. Free text and bytes are hexadecimal; an image is {column=value,…} with floats as their bits and decimals unscaled.
// All must give what our own reader gives.
func readByOthers(t *testing.T, journalDir string) {
	t.Helper()
	away := filepath.Join(t.TempDir(), "away")
	if err := os.CopyFS(away, os.DirFS(journalDir)); err != nil {
		t.Fatal(err)
	}
	segments, err := filepath.Glob(filepath.Join(away, "*", "*", "*", "*.avro"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("no segments in %s: %v", journalDir, err)
	}
	sort.Strings(segments)
	jars := setting(t, "REWIND_JARS")
	for name, others := range map[string]iter.Seq[string]{
		"Apache Avro for Java": output(t, append([]string{"java", "-cp", filepath.Join(jars, "*"), "avro/Journal.java"}, segments...)...),
		"fastavro":             output(t, append([]string{setting(t, "REWIND_PYTHON"), "avro/journal.py"}, segments...)...),
		"goavro":               goavroLines(t, segments),
	} {
		began := time.Now()
		n := sameLines(t, name, others, ownLines(t, away))
		t.Logf("%s reads the same %d entries in %d segments, in %v", name, n, len(segments), time.Since(began).Round(time.Millisecond))
	}
}

// sameLines compares two sequences of lines and counts them.
func sameLines(t *testing.T, name string, got, want iter.Seq[string]) (n int) {
	t.Helper()
	next, stop := iter.Pull(want)
	defer stop()
	for line := range got {
		expected, more := next()
		if !more || line != expected {
			t.Fatalf("%s reads as entry %d\n%s\nwhere we read\n%s", name, n, tail(line), tail(expected))
		}
		n++
	}
	if expected, more := next(); more {
		t.Fatalf("%s ends before\n%s", name, tail(expected))
	}
	return n
}

// output runs a program in this folder and yields the lines that it prints.
func output(t *testing.T, args ...string) iter.Seq[string] {
	return func(yield func(string) bool) {
		cmd := exec.Command(args[0], args[1:]...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReaderSize(pipe, 1<<20)
		for {
			line, err := lines.ReadString('\n')
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if !yield(strings.TrimSuffix(line, "\n")) {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				return
			}
		}
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%s: %v\n%s", args, err, tail(stderr.String()))
		}
	}
}

// ownLines reads the journals under a folder with our own packages.
func ownLines(t *testing.T, dir string) iter.Seq[string] {
	return func(yield func(string) bool) {
		partitions, err := filepath.Glob(filepath.Join(dir, "*", "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		sort.Strings(partitions)
		for _, partition := range partitions {
			for line := range partitionLines(t, partition) {
				if !yield(line) {
					return
				}
			}
		}
	}
}

func partitionLines(t *testing.T, dir string) iter.Seq[string] {
	var number int
	if _, err := fmt.Sscan(filepath.Base(dir), &number); err != nil {
		t.Fatal(err)
	}
	reader, err := journal.OpenReader(dir, journal.Options{
		Stream: filepath.Base(filepath.Dir(dir)), Partition: number, Schema: change.EntrySchema(nil),
		Splitter: func(schema string) (func([]byte) (int, error), error) {
			d, err := change.NewEntryDecoder(schema)
			if err != nil {
				return nil, err
			}
			return d.RecordLen, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(string) bool) {
		decoders := map[string]*change.EntryDecoder{}
		var codec *table.Codec
		for entry, err := range reader.Entries(0) {
			if err != nil {
				t.Fatal(err)
			}
			d := decoders[entry.Schema]
			if d == nil {
				if d, err = change.NewEntryDecoder(entry.Schema); err != nil {
					t.Fatal(err)
				}
				decoders[entry.Schema] = d
			}
			if s := d.Schema(); s != nil && (codec == nil || codec.Schema() != s) {
				if codec, err = table.NewCodec(s); err != nil {
					t.Fatal(err)
				}
			}
			offset, m, err := d.Decode(entry.Record)
			if err != nil {
				t.Fatal(err)
			}
			if !yield(ownLine(t, codec, offset, m)) {
				return
			}
		}
	}
}

func ownLine(t *testing.T, codec *table.Codec, offset int64, m change.Message) string {
	head := fmt.Sprintf("%d\t%s", offset, m.Kind())
	if stamp, has := m.Stamp(); has || m.Gap != nil { // a consumer's Gap has a stamp of zeros
		head += fmt.Sprintf("\t%d\t%x", stamp.Epoch, stamp.Writer)
	}
	counts := func(c change.Counts) string {
		return fmt.Sprintf("%d\t%d\t%d\t%d", c.Reads, c.Creates, c.Updates, c.Deletes)
	}
	switch {
	case m.Open != nil:
		return fmt.Sprintf("%s\t%s\t%s\t%d", head, m.Open.Stream, m.Open.Table, m.Open.At)
	case m.Begin != nil:
		b := m.Begin
		previous := "~"
		if b.Previous != 0 {
			previous = fmt.Sprint(b.Previous)
		}
		var options []string
		for name, value := range b.Options {
			options = append(options, name+"="+value)
		}
		sort.Strings(options)
		return fmt.Sprintf("%s\t%s\t%d\t%s\t%x\t%x\t%x\t%s\t%d\t%s", head, b.Stream, b.Snapshot, previous, b.Schema.AvroSchema(), b.DDL, b.Engine,
			strings.Join(options, ","), b.Partitions, b.Partitioner)
	case m.Commit != nil:
		c := m.Commit
		return fmt.Sprintf("%s\t%d\t%d\t%d\t%d\t%s\t%s\t%d\t%d\t%d", head, c.Snapshot, c.Seq, c.ReadBegan, c.ReadEnded, counts(c.Counts), counts(c.Share),
			c.Digest.Rows, int64(c.Digest.M), int64(c.Digest.F))
	case m.Gap != nil:
		return fmt.Sprintf("%s\t%x\t%d\t%d\t%s", head, m.Gap.Reason, m.Gap.NextOffset, m.Gap.At, m.Gap.Cause)
	}
	c := m.Change
	return fmt.Sprintf("%s\t%d\t%d\t%s\t%x\t%s\t%s", head, c.Snapshot, c.Seq, " rcud"[c.Op:c.Op+1], c.Key, ownImage(t, codec, c.Before), ownImage(t, codec, c.After))
}

func ownImage(t *testing.T, codec *table.Codec, image []byte) string {
	if image == nil {
		return "~"
	}
	s := codec.Schema()
	row := make([]table.Value, len(s.Columns))
	if err := codec.Decode(image, row); err != nil {
		t.Fatal(err)
	}
	byID := map[int]string{}
	for i, c := range s.Columns {
		byID[c.ID] = table.FieldName(c.Name) + "=" + ownValue(c, row[i])
	}
	var columns []string
	for _, c := range s.IDOrder() {
		columns = append(columns, byID[c.ID])
	}
	return "{" + strings.Join(columns, ",") + "}"
}

func ownValue(c table.Column, v table.Value) string {
	switch {
	case v.Null:
		return "~"
	case c.Type.Kind == table.Boolean:
		return map[int64]string{0: "f", 1: "t"}[v.Int]
	case c.Type.Kind == table.Float:
		return fmt.Sprintf("%08x", math.Float32bits(float32(v.Float)))
	case c.Type.Kind == table.Double:
		return fmt.Sprintf("%016x", math.Float64bits(v.Float))
	case c.Type.Kind == table.Decimal:
		n := new(big.Int).Lsh(big.NewInt(v.Decimal.Hi), 64)
		return n.Add(n, new(big.Int).SetUint64(v.Decimal.Lo)).String()
	case v.Bytes != nil || c.Type.Kind >= table.String && c.Type.Kind != table.Date:
		return fmt.Sprintf("%x", v.Bytes)
	}
	return fmt.Sprint(v.Int)
}

// goavroLines reads segments through goavro.
func goavroLines(t *testing.T, segments []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, path := range segments {
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			reader, err := goavro.NewOCFReader(bufio.NewReaderSize(f, 1<<20))
			if err != nil {
				t.Fatal(err)
			}
			fields := rowFields(t, reader.Codec().Schema())
			for reader.Scan() {
				entry, err := reader.Read()
				if err != nil {
					t.Fatal(err)
				}
				if !yield(goavroLine(fields, entry.(map[string]any))) {
					_ = f.Close()
					return
				}
			}
			if err := reader.Err(); err != nil {
				t.Fatal(err)
			}
			_ = f.Close()
		}
	}
}

func goavroLine(fields []rowField, entry map[string]any) string {
	for branch, message := range entry["message"].(map[string]any) {
		m := message.(map[string]any)
		kind := strings.TrimPrefix(branch, "rewind.")
		line := fmt.Sprintf("%d\t%s", entry["offset"], kind)
		add := func(r map[string]any, names ...string) {
			for _, name := range names {
				line += fmt.Sprintf("\t%v", r[name])
			}
		}
		line += fmt.Sprintf("\t%d\t%x", m["epoch"], m["writer"])
		switch kind {
		case "Open":
			add(m, "stream", "table", "ts_us")
		case "Begin":
			previous, options := "~", []string{}
			if p, is := m["previous"].(map[string]any); is {
				previous = fmt.Sprint(p["long"])
			}
			for _, o := range m["options"].([]any) {
				options = append(options, fmt.Sprintf("%s=%s", o.(map[string]any)["name"], o.(map[string]any)["value"]))
			}
			add(m, "stream", "snapshot")
			line += fmt.Sprintf("\t%s\t%x\t%x\t%x\t%s", previous, m["schema"], m["ddl"], m["engine"], strings.Join(options, ","))
			add(m, "partitions", "partitioner")
		case "Commit":
			add(m, "snapshot", "seq", "read_began", "read_ended")
			add(m["event_count"].(map[string]any), "r", "c", "u", "d")
			add(m["share"].(map[string]any), "r", "c", "u", "d")
			add(m["digest"].(map[string]any), "rows", "m", "f")
		case "Gap":
			line += fmt.Sprintf("\t%x\t%d\t%d\t%s", m["reason"], m["next_offset"], m["ts_us"], m["cause"])
		case "Change":
			add(m, "snapshot", "seq", "op")
			line += fmt.Sprintf("\t%x\t%s\t%s", m["key"], goavroImage(fields, m["before"]), goavroImage(fields, m["after"]))
		}
		return line
	}
	return ""
}

func goavroImage(fields []rowField, image any) string {
	union, is := image.(map[string]any)
	if !is {
		return "~"
	}
	var columns []string
	for _, row := range union {
		for _, f := range fields {
			columns = append(columns, f.name+"="+goavroValue(f, row.(map[string]any)[f.name]))
		}
	}
	return "{" + strings.Join(columns, ",") + "}"
}

func goavroValue(f rowField, value any) string {
	union, is := value.(map[string]any)
	if !is {
		return "~"
	}
	for _, value := range union {
		switch v := value.(type) {
		case bool:
			return map[bool]string{false: "f", true: "t"}[v]
		case float32:
			return fmt.Sprintf("%08x", math.Float32bits(v))
		case float64:
			return fmt.Sprintf("%016x", math.Float64bits(v))
		case string, []byte:
			return fmt.Sprintf("%x", v)
		case *big.Rat: // a decimal
			scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(f.scale)), nil)
			return new(big.Rat).Mul(v, new(big.Rat).SetInt(scale)).RatString()
		case time.Time: // a date
			return fmt.Sprint(v.Unix() / 86400)
		default:
			return fmt.Sprint(v)
		}
	}
	return ""
}
