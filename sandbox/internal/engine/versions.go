package engine

import (
	"crypto/rand"
	"encoding/binary"
	"strconv"
	"time"
)

// version is an Iceberg table's state: each write makes one. The rows of the current one alone are kept.
type version struct {
	At int64 // µs
	ID int64
}

// keptVersions is how many lines DESCRIBE HISTORY has at most.
const keptVersions = 100

// written gives an Iceberg table that was written to its next version.
func (w *writer) written(t *Table) error {
	if !t.isIceberg() {
		return nil
	}
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	v := version{time.Now().UnixMicro(), int64(binary.BigEndian.Uint64(random[:]) >> 1)}
	if n := len(t.Versions); n > 0 {
		v.At = max(v.At, t.Versions[n-1].At+1)
	}
	t.Versions = append(t.Versions, v)
	t.Versions = t.Versions[max(0, len(t.Versions)-keptVersions):]
	return saveTable(w.conn, t)
}

// isAt says whether the rows that there are can be read as those of a version; "" is the current one.
func (t *Table) isAt(id string) error {
	if id == "" {
		return nil
	}
	if !t.isIceberg() {
		return analysis("FOR SYSTEM_VERSION AS OF clause is only supported for Iceberg tables. %s is not an Iceberg table.", t.qualified())
	}
	if n := len(t.Versions); n == 0 || strconv.FormatInt(t.Versions[n-1].ID, 10) != id {
		return analysis("the stand-in keeps the current version of %s alone, which is not %s", t.qualified(), id)
	}
	return nil
}

func describeHistory(t *Table) *Result {
	var values []string
	parent := "NULL"
	for _, v := range t.Versions {
		id := strconv.FormatInt(v.ID, 10)
		values = append(values, time.UnixMicro(v.At).UTC().Format("2006-01-02 15:04:05.000000000"), id, parent, "TRUE")
		parent = id
	}
	return textRows([]string{"creation_time", "snapshot_id", "parent_id", "is_current_ancestor"}, values)
}
