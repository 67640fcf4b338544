package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"strings"

	"rewind/table"
)

// engine is a Target and a Catalog over a map, whose every call can be made to go wrong.
type engine struct {
	tables map[string]fakeTable
	calls  int
	failAt int   // the call that goes wrong; 0: none
	how    fault // in which way
	dead   bool  // the process was killed: no call works any more
}

// fakeTable is a table of the engine.
type fakeTable struct {
	id     string // rewind.restore
	rows   rows
	schema *table.Schema
}

type fault uint8

const (
	refused    fault = iota + 1 // an error, and nothing happened
	lostAnswer                  // an error, though it happened
	killBefore                  // the process is killed before the call happens
	killAfter                   // the process is killed when the call has happened
)

var (
	errRefused = errors.New("the engine refused")
	errKilled  = errors.New("killed")
)

func newEngine() *engine { return &engine{tables: map[string]fakeTable{}} }

// call counts one call and does it, unless it is to go wrong.
func (e *engine) call(do func() error) error {
	if e.dead {
		return errKilled
	}
	e.calls++
	if e.calls != e.failAt {
		return do()
	}
	switch e.how {
	case refused:
		return errRefused
	case lostAnswer:
		_ = do()
		return errRefused
	case killAfter:
		_ = do()
	}
	e.dead = true
	return errKilled
}

func (e *engine) Rename(_ context.Context, from, to table.Name) error {
	return e.call(func() error {
		t, ok := e.tables[from.String()]
		if !ok {
			return fmt.Errorf("no table %s", from)
		}
		if _, there := e.tables[to.String()]; there {
			return fmt.Errorf("table %s exists", to)
		}
		delete(e.tables, from.String())
		e.tables[to.String()] = t
		return nil
	})
}

func (e *engine) RestoreID(_ context.Context, name table.Name) (id string, exists bool, err error) {
	err = e.call(func() error {
		var t fakeTable
		t, exists = e.tables[name.String()]
		id = t.id
		return nil
	})
	if err != nil {
		return "", false, err
	}
	return id, exists, nil
}

func (e *engine) Digest(_ context.Context, name table.Name, s *table.Schema) (d table.Digest, how string, err error) {
	err = e.call(func() error {
		t, ok := e.tables[name.String()]
		if !ok {
			return fmt.Errorf("no table %s", name)
		}
		d, err = sumRows(s, t.rows)
		return err
	})
	return d, table.ProofEngine, err
}

func (e *engine) drop(_ context.Context, name table.Name) error {
	return e.call(func() error {
		delete(e.tables, name.String())
		return nil
	})
}

// Load fills a table, and takes it away again when the rows are not what they should be: a killed one leaves it half done.
func (e *engine) Load(_ context.Context, l table.Load, all iter.Seq2[table.Row, error]) (table.Loaded, error) {
	var loaded table.Loaded
	err := e.call(func() error {
		if _, there := e.tables[l.Into.String()]; there {
			return fmt.Errorf("table %s exists", l.Into)
		}
		t := fakeTable{id: l.RestoreID, rows: rows{}, schema: l.Def.Schema}
		for r, err := range all {
			if err != nil {
				return err
			}
			t.rows[string(r.Key)] = bytes.Clone(r.Image)
		}
		e.tables[l.Into.String()] = t
		var err error
		loaded.Digest, err = sumRows(l.Def.Schema, t.rows)
		loaded.Proof, loaded.Method = table.ProofEngine, "staging"
		return err
	})
	if errors.Is(err, errRefused) {
		delete(e.tables, l.Into.String()) // the contract of Load
	}
	return loaded, err
}

func sumRows(s *table.Schema, all rows) (d table.Digest, err error) {
	codec, err := table.NewCodec(s)
	if err != nil {
		return d, err
	}
	for _, image := range all {
		f, err := codec.Fingerprint(image)
		if err != nil {
			return d, err
		}
		d.Add(f)
	}
	return d, nil
}

// names of the tables that are there.
func (e *engine) names() string {
	var all []string
	for name := range maps.Keys(e.tables) {
		all = append(all, name)
	}
	return strings.Join(all, " ")
}

var (
	_ Target  = (*engine)(nil)
	_ Catalog = (*engine)(nil)
)
