package replay

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rewind/change"
	"rewind/index"
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
	EqualRow  int64     `json:"equal_row,omitempty"` // of a table without a key: which of the rows that equal each other, from 1
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

// wanted is the key that a history is asked for.
type wanted struct {
	text  string        // as it was typed
	key   []byte        // under schema
	rows  *table.Schema // the newest that the text fits
	shown string        // for people
}

// readWanted reads a key's text as one of the newest schema that it fits: a row may be older than a column of its table.
func readWanted(points []Point, text string) (w wanted, err error) {
	for i := len(points) - 1; i >= 0; i-- {
		if i < len(points)-1 && points[i].SchemaIdentity == points[i+1].SchemaIdentity {
			continue
		}
		codec, codecErr := table.NewCodec(points[i].TableSchema())
		if codecErr != nil {
			return w, codecErr
		}
		key, keyErr := codec.ParseKey(text)
		if keyErr != nil {
			err = cmp.Or(err, keyErr)
			continue
		}
		w = wanted{text: text, key: key, rows: codec.Schema(), shown: codec.FormatKey(key)}
		if w.rows.WholeRow {
			w.shown = text
		}
		return w, nil
	}
	return w, err
}

// RowHistory finds the versions of the row with a key such as order_id=42,line=1 in the committed snapshots. Only the key's
// partition is read. Where the key is the whole row, it finds when each of the rows that equal it came and went.
func (j *Journal) RowHistory(ctx context.Context, key string) (History, error) {
	points := j.Points()
	if len(points) == 0 {
		return History{}, j.NoPoints()
	}
	w, err := readWanted(points, key)
	if err != nil {
		return History{}, err
	}
	h := History{Table: j.name.String(), Key: w.shown}
	var searched []searchedChain
	for _, chain := range chainsOf(points) {
		hits, why, err := j.search(ctx, chain, w)
		if err != nil {
			return History{}, err
		}
		if why != "" {
			h.Unread = append(h.Unread, why)
			continue
		}
		searched = append(searched, searchedChain{chain, hits})
	}
	return j.tell(h, w, searched, points[len(points)-1])
}

// searchedChain is a chain and what was found in it, by the rows' ordinals and by snapshot.
type searchedChain struct {
	points []Point
	hits   map[uint64]map[int64]hit
}

// tell makes the versions of each row that was found.
func (j *Journal) tell(h History, w wanted, searched []searchedChain, newest Point) (History, error) {
	ordinals := map[uint64]bool{0: true}
	for _, s := range searched {
		for n := range s.hits {
			ordinals[n] = true
		}
	}
	for _, n := range slices.Sorted(maps.Keys(ordinals)) {
		t := &teller{}
		for _, s := range searched {
			for _, p := range s.points {
				if err := t.tell(p, s.hits[n][p.ID]); err != nil {
					return History{}, err
				}
			}
		}
		t.finish(newest)
		for i := range t.Versions {
			if w.rows.WholeRow {
				t.Versions[i].EqualRow = int64(n) + 1
			}
		}
		h.Versions, h.Searched = append(h.Versions, t.Versions...), t.Searched
	}
	slices.SortStableFunc(h.Versions, func(a, b Version) int { return a.FirstSeen.Compare(b.FirstSeen) })
	h.Unread = append(h.Unread, j.unread()...)
	return h, nil
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

// search finds the key's changes in one chain, by ordinal and by snapshot. why says that the chain knows no such key.
func (j *Journal) search(ctx context.Context, chain []Point, w wanted) (hits map[uint64]map[int64]hit, why string, err error) {
	end := chain[len(chain)-1]
	codec, err := table.NewCodec(end.TableSchema())
	if err != nil {
		return nil, "", err
	}
	another := func(reason error) string {
		return fmt.Sprintf("from %s to %s the table had another key: %v", stamp(chain[0].ReadEnded), stamp(end.ReadEnded), reason)
	}
	if codec.Schema().WholeRow != w.rows.WholeRow {
		return nil, another(fmt.Errorf("%s", strings.Join(codec.Schema().KeyNames(), ", "))), nil
	}
	key, err := codec.ParseKey(w.text)
	if err != nil {
		return nil, another(err), nil
	}
	partitions, err := j.partitionsOf(end)
	if err != nil {
		return nil, "", err
	}
	s := &search{text: w.text, wanted: key, codec: codec, hits: make(map[uint64]map[int64]hit)}
	links := end.links
	if lost := links[0].lost; lost != nil {
		return nil, "", lost.lost
	}
	if b := links[0].beginning; b != nil { // what the row was there, its changes do not tell any more
		if err := s.lookInBase(ctx, j, b); err != nil {
			return nil, "", err
		}
		links = links[1:]
	}
	for _, number := range partitionsOfKey(chain, w, key) {
		for e, err := range partitions[number].changesOfKey(ctx, links, s.print) {
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

// partitionsOfKey lists the partitions that can hold the key: one, but for a decimal key whose scale grew, and for rows that equal
// each other, which are spread over all.
func partitionsOfKey(chain []Point, w wanted, key []byte) []int {
	var numbers []int
	if w.rows.WholeRow {
		for number := range chain[0].Partitions {
			numbers = append(numbers, number)
		}
		return numbers
	}
	keys := [][]byte{key, w.key}
	var schema string
	for _, p := range chain {
		if p.SchemaIdentity == schema {
			continue
		}
		schema = p.SchemaIdentity
		if codec, err := table.NewCodec(p.TableSchema()); err == nil {
			if key, err := codec.ParseKey(w.text); err == nil {
				keys = append(keys, key)
			}
		}
	}
	for _, key := range keys {
		numbers = append(numbers, change.Partition(key, chain[0].Partitions))
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// search compares keys as keys of the chain's last schema.
type search struct {
	text    string
	wanted  []byte
	codec   *table.Codec
	rows    *table.Schema
	project *table.Projection
	key     []byte
	hits    map[uint64]map[int64]hit
}

// print is that of the wanted key among rows of a schema.
func (s *search) print(rows *table.Schema) (uint32, bool) {
	key, ok := s.keyAmong(rows)
	if !ok {
		return 0, false
	}
	return index.Print(rows, key), true
}

// keyAmong is the wanted key among rows of a schema: itself, if the chain's last schema writes it alike, else what the text is under that schema.
// ok is false where that cannot be told.
func (s *search) keyAmong(rows *table.Schema) (key []byte, ok bool) {
	project, err := table.NewProjection(rows, s.codec.Schema())
	if err != nil {
		return nil, false
	}
	if project.SameKeys() {
		return s.wanted, true
	}
	codec, err := table.NewCodec(rows)
	if err != nil {
		return nil, false
	}
	if key, err = codec.ParseKey(s.text); err != nil {
		return nil, false
	}
	if last, err := project.AppendKey(nil, key); err != nil || !s.codec.KeyFits(last, s.wanted) {
		return nil, false
	}
	return key, true
}

func (s *search) look(e entry) (err error) {
	if e.rows != s.rows {
		s.rows = e.rows
		if s.project, err = table.NewProjection(e.rows, s.codec.Schema()); err != nil {
			return err
		}
	}
	if s.key, err = s.project.AppendKey(s.key[:0], e.Change.Key); err != nil {
		return err
	}
	if !s.codec.KeyFits(s.key, s.wanted) {
		return nil
	}
	var n uint64
	if s.codec.Schema().WholeRow {
		n = table.Ordinal(s.key)
	}
	if s.hits[n] == nil {
		s.hits[n] = make(map[int64]hit)
	}
	s.hits[n][e.Change.Snapshot] = hit{
		op: e.Change.Op, before: slices.Clone(e.Change.Before), after: slices.Clone(e.Change.After), rows: e.rows,
	}
	return nil
}
