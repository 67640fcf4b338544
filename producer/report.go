package producer

import (
	"time"

	"rewind/change"
	"rewind/table"
)

// Report says what a capture did.
type Report struct {
	Table     table.Name
	Stream    string
	Snapshot  int64 // id of the new restore point
	Previous  int64 // 0 for a baseline
	Baseline  bool
	Reason    string // why it is a baseline
	ReadBegan time.Time
	ReadEnded time.Time
	Rows      int64
	Counts    change.Counts
	Digest    table.Digest
	Bytes     int64         // published, not compressed
	FileBytes int64         // of the new snapshot file
	Reread    string        // how the table was altered while it was first read; "": it was not
	Allowed   []*GuardError // what the guard would have refused, had it not been allowed
	Recovered int64         // id of a snapshot whose commit an earlier process did not live to record
	Stages    []table.Stage
}

// stage measures one part of a job.
func (r *Report) stage(name string, began time.Time, rows, bytes int64) {
	r.Stages = append(r.Stages, table.Stage{Name: name, Took: time.Since(began), Rows: rows, Bytes: bytes})
}
