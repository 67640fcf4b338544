package change

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"

	"github.com/linkedin/goavro/v2"

	"rewind/schemas"
	"rewind/table"
)

// The branches of Entry's union.
const (
	branchOpen = iota
	branchBegin
	branchCommit
	branchGap
	branchChange
)

// What is replaced when schemas are put together, as it stands in the compact files. A named type is defined once and then
// referred to.
const (
	writerDefinition = `{"type":"fixed","name":"Writer","size":16,"doc":"a producer's random id"}`
	writerReference  = `"rewind.Writer"`
	rowDefinition    = `{"type":"record","name":"Row","fields":[]}`
	rowReference     = `"Row"`
	unionOfNames     = `["Open","Begin","Commit","Gap","Change"]`
)

// control is one version of one of the messages whose schema does not depend on the table.
type control struct {
	branch      int
	schema      string // compact JSON
	fingerprint [8]byte
	codec       *goavro.Codec
	shape       *shape
}

// version is one version of Entry: the control messages by branch.
type version struct {
	entry    string // the file
	controls [branchChange]*control
}

// contract is the versions of Entry, the newest first: it is the one that is written. The schemas are embedded: they are parsed at
// the first use, once.
var contract = sync.OnceValue(func() []*version {
	first := &version{entry: schemas.Entry}
	for branch, text := range []string{schemas.Open, schemas.Begin, schemas.Commit, schemas.Gap} {
		first.controls[branch] = mustControl(branch, text)
	}
	second := &version{entry: schemas.Entry2, controls: first.controls}
	second.controls[branchGap] = mustControl(branchGap, schemas.Gap2)
	return []*version{second, first}
})

// written is the version that is written.
func written() *version { return contract()[0] }

func mustControl(branch int, text string) *control {
	c, err := newControl(branch, compact(text))
	if err != nil {
		panic("schemas: " + err.Error()) // only with a broken file in the program itself
	}
	return c
}

func newControl(branch int, schema string) (c *control, err error) {
	c = &control{branch: branch, schema: schema}
	if c.fingerprint, err = Fingerprint(schema); err != nil {
		return c, err
	}
	if c.codec, err = goavro.NewCodecWithOptions(schema, goavro.DefaultCodecOption()); err != nil {
		return c, err
	}
	c.shape, err = newShape(schema)
	return c, err
}

// controlOf is the control message with this fingerprint, of the version that is written; nil for anything else.
func controlOf(fingerprint [8]byte) *control {
	for _, c := range written().controls {
		if c.fingerprint == fingerprint {
			return c
		}
	}
	return nil
}

func compact(schema string) string {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(schema)); err != nil {
		panic("schemas: " + err.Error()) // only with a broken file in the program itself
	}
	return b.String()
}

// Schema is the Avro schema of the Changes of a table, with the table's row record in it.
func Schema(row *table.Schema) string {
	s := strings.Replace(compact(schemas.Change), rowDefinition, row.AvroSchema(), 1)
	return strings.Replace(s, `"type":["null",`+rowReference+`]`, `"type":["null","`+table.Namespace+"."+row.RecordName()+`"]`, 1)
}

// EntrySchema is the Avro schema of a journal's records: of a segment with Changes of this table, or, row being nil, of one with
// control messages alone.
func EntrySchema(row *table.Schema) string { return written().schema(row) }

// schema is this version's Avro schema of a journal's records.
func (v *version) schema(row *table.Schema) string {
	var branches []string
	for _, c := range v.controls {
		branches = append(branches, c.schema)
	}
	if row != nil {
		branches = append(branches, Schema(row))
	}
	union := strings.Join(branches, ",")
	if first, rest, found := strings.Cut(union, writerDefinition); found {
		union = first + writerDefinition + strings.ReplaceAll(rest, writerDefinition, writerReference)
	}
	return strings.Replace(compact(v.entry), unionOfNames, "["+union+"]", 1)
}
