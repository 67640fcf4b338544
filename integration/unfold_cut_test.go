//go:build integration

package integration

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/linkedin/goavro/v2"
)

// unfoldedCut is where a journal begins since a retention: the rows of its base.
type unfoldedCut struct {
	snapshot int64
	commits  []int64 // by partition: entries up to here are gone, whether their files are there or not
	schema   *unfoldedSchema
	rows     map[string]map[int]*string
}

// before says whether an entry was dropped.
func (c *unfoldedCut) before(partition string, offset int64) bool {
	n, err := strconv.Atoi(partition)
	return c != nil && err == nil && n < len(c.commits) && offset <= c.commits[n]
}

func (c *unfoldedCut) point(rows map[string]map[int]*string) unfolded {
	return c.schema.point(c.snapshot, rows)
}

// readCut reads a table's cut record and the base that it names, if there are any.
func (u *unfolding) readCut(folder string) {
	u.t.Helper()
	records, err := filepath.Glob(filepath.Join(folder, "*", "cut.json"))
	if err != nil || len(records) > 1 {
		u.t.Fatalf("cut records %q, %v", records, err)
	}
	if len(records) == 0 {
		return
	}
	var record struct {
		Snapshot int64
		Base     struct {
			Name   string
			Bytes  int64
			SHA256 string
		}
		Partitions []struct{ Commit int64 }
	}
	text, err := os.ReadFile(records[0])
	if err == nil {
		err = json.Unmarshal(text, &record)
	}
	if err != nil {
		u.t.Fatal(err)
	}
	u.cut = &unfoldedCut{snapshot: record.Snapshot, rows: map[string]map[int]*string{}}
	for _, p := range record.Partitions {
		u.cut.commits = append(u.cut.commits, p.Commit)
	}
	base := filepath.Join(filepath.Dir(records[0]), record.Base.Name)
	if _, err := os.Stat(base + ".age"); err == nil {
		base += ".age"
	}
	clear := decrypted(u.t, []string{base})[0]
	content, err := os.ReadFile(clear)
	if err != nil {
		u.t.Fatal(err)
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != record.Base.SHA256 || int64(len(content)) != record.Base.Bytes {
		u.t.Fatalf("%s is not the base that the cut record names", base)
	}
	u.readBase(clear)
}

// readBase takes a base's rows.
func (u *unfolding) readBase(path string) {
	u.t.Helper()
	f, err := os.Open(path)
	if err != nil {
		u.t.Fatal(err)
	}
	defer f.Close()
	reader, err := goavro.NewOCFReader(bufio.NewReader(f))
	if err != nil {
		u.t.Fatalf("%s: %v", path, err)
	}
	u.cut.schema = rowSchemaIn(reader.MetaData()["avro.schema"])
	if u.cut.schema == nil {
		u.t.Fatalf("%s has no row record", path)
	}
	u.schemas[u.cut.schema.Name] = u.cut.schema
	rows, ended := 0, false
	for reader.Scan() {
		record, err := reader.Read()
		if err != nil {
			u.t.Fatalf("%s: %v", path, err)
		}
		for branch, content := range record.(map[string]any)["content"].(map[string]any) {
			fields := content.(map[string]any)
			if strings.HasSuffix(branch, ".End") {
				ended = fields["rows"].(int64) == int64(rows)
				continue
			}
			u.cut.rows[string(fields["key"].([]byte))] = u.image(map[string]any{u.cut.schema.Name: fields["row"]})
			rows++
		}
	}
	if err := reader.Err(); err != nil || !ended {
		u.t.Fatalf("%s ends after %d rows, with its end: %v; %v", path, rows, ended, err)
	}
}

// rowSchemaIn finds the record of a table's rows within an Avro schema.
func rowSchemaIn(text []byte) *unfoldedSchema {
	var s unfoldedSchema
	if json.Unmarshal(text, &s) == nil && len(s.Fields) > 0 && s.Fields[0].SQL != "" {
		return &s
	}
	var parts map[string]json.RawMessage
	var list []json.RawMessage
	_ = json.Unmarshal(text, &parts)
	_ = json.Unmarshal(text, &list)
	for _, part := range parts {
		list = append(list, part)
	}
	for _, part := range list {
		if found := rowSchemaIn(part); found != nil {
			return found
		}
	}
	return nil
}
