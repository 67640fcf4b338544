package replay

import (
	"time"

	"rewind/table"
)

// Certificate says what a restore did and how it was proved.
type Certificate struct {
	Table         string   `json:"table"`
	Into          string   `json:"into"`
	Answer        Answer   `json:"answer"` // what was asked, the point chosen and its neighbours
	RestoreID     string   `json:"restore_id"`
	Rows          int64    `json:"rows"`
	DigestJournal string   `json:"digest_journal"` // of the folded rows, equal to the Commit's
	DigestLoaded  string   `json:"digest_loaded"`  // of the loaded table
	Proof         string   `json:"proof"`          // table.ProofEngine or table.ProofReadBack
	Method        string   `json:"method"`         // "staging" or "insert values"
	Captured      int64    `json:"captured,omitempty"`
	Kept          string   `json:"kept,omitempty"` // the name of the replaced table
	Stages        []Stage  `json:"stages"`
	Warnings      []string `json:"warnings,omitempty"`
}

// Stage is how long one part of a restore took.
type Stage struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
	Rows    int64   `json:"rows,omitempty"`
	Bytes   int64   `json:"bytes,omitempty"`
}

func stage(name string, began time.Time, rows int64) Stage {
	return Stage{Name: name, Seconds: time.Since(began).Seconds(), Rows: rows}
}

func stagesOf(loaded []table.Stage) []Stage {
	stages := make([]Stage, len(loaded))
	for i, s := range loaded {
		stages[i] = Stage{Name: s.Name, Seconds: s.Took.Seconds(), Rows: s.Rows, Bytes: s.Bytes}
	}
	return stages
}
