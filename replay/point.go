package replay

import (
	"context"
	"errors"
	"slices"
	"time"

	"rewind/change"
	"rewind/table"
)

// Point is a restore point: a committed snapshot.
type Point struct {
	ID             int64        `json:"id"`                 // microseconds UTC at which its read began, as the producer's clock said
	Previous       int64        `json:"previous,omitempty"` // the snapshot that its changes build on; 0: it is a baseline
	Baseline       int64        `json:"baseline"`           // the id of the baseline that its fold starts from
	Stream         string       `json:"stream"`
	ReadBegan      time.Time    `json:"read_began"`
	ReadEnded      time.Time    `json:"read_ended"`
	Rows           int64        `json:"rows"`
	Counts         Counts       `json:"counts"`
	Schema         string       `json:"schema"` // the row record's name
	SchemaIdentity string       `json:"schema_identity"`
	SchemaChange   string       `json:"schema_change,omitempty"`   // how it became so since the point before
	BaselineReason string       `json:"baseline_reason,omitempty"` // why it builds on nothing, as far as the journal tells
	Partitions     int          `json:"partitions"`
	Bytes          int64        `json:"bytes"` // of its entries in the journal, before compression
	Digest         table.Digest `json:"-"`
	DigestText     string       `json:"digest"`
	Proved         *Proof       `json:"proved,omitempty"` // nil: its digest was not yet recomputed
	Base           bool         `json:"base,omitempty"`   // the journal begins with its rows: what stood before them was dropped by retention

	begin *change.Begin
	links []link // from the baseline to this one: what a fold reads
}

// Counts of a snapshot's changes, by their op.
type Counts struct {
	Reads   int64 `json:"r"`
	Creates int64 `json:"c"`
	Updates int64 `json:"u"`
	Deletes int64 `json:"d"`
}

// Definition is the table's at this point: what a restore makes the new table of.
func (p Point) Definition() table.Definition {
	return table.Definition{Schema: p.begin.Schema, DDL: p.begin.DDL, Engine: p.begin.Engine, Options: p.begin.Options}
}

// TableSchema is the table's schema at this point.
func (p Point) TableSchema() *table.Schema { return p.begin.Schema }

// IsBaseline says that the table is empty before this point, so that no fold reads past it.
func (p Point) IsBaseline() bool { return p.Previous == 0 }

// Points are the restore points, oldest first.
func (j *Journal) Points() []Point {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.points)
}

// Gaps are the stretches that the journal could not keep, in the order of streams, partitions and offsets.
func (j *Journal) Gaps() []Gap {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.gaps)
}

// Damage is what stopped the reading of a partition, joined; nil for a whole journal. Points before the damage stand.
func (j *Journal) Damage() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.damage()
}

// NoPoints says why there is no restore point.
func (j *Journal) NoPoints() *NoPointsError {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.noPoints()
}

func (j *Journal) noPoints() *NoPointsError {
	var missing []error
	for _, s := range j.streams {
		missing = append(missing, missingJournals(s.partitions)...)
	}
	return &NoPointsError{Table: j.name, Damaged: j.damage(), Missing: errors.Join(missing...)}
}

func (j *Journal) damage() error {
	var all []error
	for _, s := range j.streams {
		all = append(all, s.damage...)
	}
	return errors.Join(all...)
}

// Point finds a restore point by its snapshot's id.
func (j *Journal) Point(id int64) (Point, error) {
	answer, err := j.At(Spec{Snapshot: id})
	return answer.Point, err
}

// read brings a stream up to date. If retention cuts it meanwhile, it is read anew.
func (j *Journal) read(ctx context.Context, s *stream) error {
	for {
		if err := s.read(ctx); err != nil {
			return err
		}
		before, wrong, lost := s.cut, s.cutErr, s.lost
		if err := j.readCut(s); err != nil {
			return err
		}
		if s.cut.Same(before) && (s.cutErr == nil) == (wrong == nil) && s.lost == lost {
			return nil
		}
	}
}

// Refresh reads what was appended since Open or the last Refresh.
func (j *Journal) Refresh(ctx context.Context) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.findStreams(); err != nil {
		return err
	}
	for _, s := range j.streams {
		if err := j.read(ctx, s); err != nil {
			return err
		}
	}
	j.assemble()
	j.attachProofs()
	return nil
}
