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

// control is one of the messages whose schema does not depend on the table.
type control struct {
	schema      string // compact JSON
	fingerprint [8]byte
	codec       *goavro.Codec
	shape       *shape
}

// contract is the control messages by branch. The schemas are embedded: they are parsed at the first use, once.
var contract = sync.OnceValue(func() *[branchChange]control {
	var controls [branchChange]control
	for branch, text := range []string{schemas.Open, schemas.Begin, schemas.Commit, schemas.Gap} {
		c, err := newControl(compact(text))
		if err != nil {
			panic("schemas: " + err.Error()) // only with a broken file in the program itself
		}
		controls[branch] = c
	}
	return &controls
})

func newControl(schema string) (c control, err error) {
	c.schema = schema
	if c.fingerprint, err = Fingerprint(schema); err != nil {
		return c, err
	}
	if c.codec, err = goavro.NewCodecWithOptions(schema, goavro.DefaultCodecOption()); err != nil {
		return c, err
	}
	c.shape, err = newShape(schema)
	return c, err
}

// controlBranch is the branch of the control message with this fingerprint.
func controlBranch(fingerprint [8]byte) (branch int, found bool) {
	controls := contract()
	for branch := range controls {
		if controls[branch].fingerprint == fingerprint {
			return branch, true
		}
	}
	return 0, false
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
func EntrySchema(row *table.Schema) string {
	var branches []string
	for _, c := range contract() {
		branches = append(branches, c.schema)
	}
	if row != nil {
		branches = append(branches, Schema(row))
	}
	union := strings.Join(branches, ",")
	if first, rest, found := strings.Cut(union, writerDefinition); found {
		union = first + writerDefinition + strings.ReplaceAll(rest, writerDefinition, writerReference)
	}
	return strings.Replace(compact(schemas.Entry), unionOfNames, "["+union+"]", 1)
}
