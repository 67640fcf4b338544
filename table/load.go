package table

import "time"

// Load asks for a table to be made and filled.
type Load struct {
	Into      Name
	Source    Name   // the table that was captured: the new one must not lie in its location
	RestoreID string // becomes TBLPROPERTIES rewind.restore
	Def       Definition
	Digest    Digest // that the loaded table must have
	Stats     bool   // compute statistics after the proof
}

// Loaded says what was loaded and how it was proved.
type Loaded struct {
	Digest   Digest
	Proof    string // ProofEngine or ProofReadBack
	Method   string // "staging" or "insert values"
	Stages   []Stage
	Warnings []string // e.g. statistics failed
}

// How a loaded table was proved.
const (
	ProofEngine   = "in the engine"
	ProofReadBack = "by reading the rows back"
)

// Stage is how long one part of a job took.
type Stage struct {
	Name  string
	Took  time.Duration
	Rows  int64
	Bytes int64
}
