package replay

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rewind/change"
	"rewind/table"
)

// History of one key.
type History struct {
	Table    string    `json:"table"`
	Key      string    `json:"key"`
	Versions []Version `json:"versions"`         // oldest first
	Searched int       `json:"searched"`         // restore points that were searched
	Unread   []string  `json:"unread,omitempty"` // stretches that could not be searched, and why
}

// Version of one row: what it was from one restore point to another.
type Version struct {
	Snapshot  int64     `json:"snapshot"`
	Op        string    `json:"op"`                  // r, c, u, d
	Inferred  bool      `json:"inferred,omitempty"`  // no change says so: a baseline shows it
	NotBefore time.Time `json:"not_before,omitzero"` // the change was made after this: the read of the point before began then
	FirstSeen time.Time `json:"first_seen"`          // read_ended of its restore point
	LastSeen  time.Time `json:"last_seen"`           // read_ended of the last restore point that still had it so
	Current   bool      `json:"current"`             // the newest restore point has it
	Schema    string    `json:"schema"`
	Before    []Cell    `json:"before,omitempty"`
	After     []Cell    `json:"after,omitempty"`
}

// Cell is one column's value in a version.
type Cell struct {
	Column  string  `json:"column"`
	Type    string  `json:"type"`
	Value   *string `json:"value"`             // null: NULL
	Changed bool    `json:"changed,omitempty"` // it differs from before
}

// hit is a change of the key.
type hit struct {
	op            change.Op
	before, after []byte
	rows          *table.Schema
}

// RowHistory finds the versions of the row with a key such as order_id=42,line=1 in the committed snapshots. Only the
// key's partition is read.
func (j *Journal) RowHistory(ctx context.Context, key string) (History, error) {
	points := j.Points()
	if len(points) == 0 {
		return History{}, j.NoPoints()
	}
	newest, err := table.NewCodec(points[len(points)-1].TableSchema())
	if err != nil {
		return History{}, err
	}
	wanted, err := newest.ParseKey(key)
	if err != nil {
		return History{}, err
	}
	t := &teller{History: History{Table: j.name.String(), Key: newest.FormatKey(wanted)}}
	for _, chain := range chainsOf(points) {
		hits, why, err := j.search(ctx, chain, key, wanted)
		if err != nil {
			return History{}, err
		}
		if why != "" {
			t.Unread = append(t.Unread, why)
			continue
		}
		for _, p := range chain {
			if err := t.tell(p, hits[p.ID]); err != nil {
				return History{}, err
			}
		}
	}
	t.finish(j, points[len(points)-1])
	return t.History, nil
}

// chainsOf cuts points into runs that share a baseline.
func chainsOf(points []Point) [][]Point {
	var chains [][]Point
	for _, p := range points {
		last := len(chains) - 1
		if last < 0 || chains[last][0].Stream != p.Stream || chains[last][0].Baseline != p.Baseline {
			chains = append(chains, nil)
			last++
		}
		chains[last] = append(chains[last], p)
	}
	return chains
}

// search finds the key's changes in one chain, by snapshot. why says that the chain knows no such key.
func (j *Journal) search(ctx context.Context, chain []Point, text string, newest []byte) (hits map[int64]hit, why string, err error) {
	end := chain[len(chain)-1]
	codec, err := table.NewCodec(end.TableSchema())
	if err != nil {
		return nil, "", err
	}
	wanted, err := codec.ParseKey(text)
	if err != nil {
		return nil, fmt.Sprintf("from %s to %s the table had another key: %v",
			stamp(chain[0].ReadEnded), stamp(end.ReadEnded), err), nil
	}
	partitions, err := j.partitionsOf(end)
	if err != nil {
		return nil, "", err
	}
	s := &search{wanted: wanted, to: end.TableSchema(), hits: make(map[int64]hit)}
	for _, number := range partitionsOfKey(chain, text, wanted, newest) {
		for e, err := range partitions[number].changes(ctx, end.links) {
			if err != nil {
				return nil, "", err
			}
			if err := s.look(e); err != nil {
				return nil, "", err
			}
		}
	}
	return s.hits, "", nil
}

// partitionsOfKey lists the partitions that can hold the key: one, but for a decimal key whose scale grew.
func partitionsOfKey(chain []Point, text string, keys ...[]byte) []int {
	var schema string
	for _, p := range chain {
		if p.SchemaIdentity == schema {
			continue
		}
		schema = p.SchemaIdentity
		if codec, err := table.NewCodec(p.TableSchema()); err == nil {
			if key, err := codec.ParseKey(text); err == nil {
				keys = append(keys, key)
			}
		}
	}
	var numbers []int
	for _, key := range keys {
		numbers = append(numbers, change.Partition(key, chain[0].Partitions))
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// search compares keys as keys of the chain's last schema.
type search struct {
	wanted  []byte
	to      *table.Schema
	rows    *table.Schema
	project *table.Projection
	key     []byte
	hits    map[int64]hit
}

func (s *search) look(e entry) (err error) {
	if e.rows != s.rows {
		s.rows = e.rows
		if s.project, err = table.NewProjection(e.rows, s.to); err != nil {
			return err
		}
	}
	if s.key, err = s.project.AppendKey(s.key[:0], e.Change.Key); err != nil {
		return err
	}
	if slices.Equal(s.key, s.wanted) {
		s.hits[e.Change.Snapshot] = hit{
			op: e.Change.Op, before: slices.Clone(e.Change.Before), after: slices.Clone(e.Change.After), rows: e.rows,
		}
	}
	return nil
}
