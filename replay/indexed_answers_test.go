package replay

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"

	"rewind/disk"
	"rewind/index"
)

// unindexed is a file system on which no index can be read or written.
type unindexed struct{ disk.FS }

func (u unindexed) OpenFile(name string, flag int, perm fs.FileMode) (disk.File, error) {
	if index.IsName(filepath.Base(name)) {
		return nil, fs.ErrPermission
	}
	return u.FS.OpenFile(name, flag, perm)
}

// indexesOf are the paths of a table's indexes.
func indexesOf(t fataler, fsys disk.FS) (paths []string) {
	t.Helper()
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := fsys.ReadDir(dir)
		if err != nil {
			t.Fatalf("%v", err)
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			if e.IsDir() {
				walk(path)
			} else if index.IsName(e.Name()) {
				paths = append(paths, path)
			}
		}
	}
	walk(testRoot)
	return paths
}

func bytesOf(t fataler, fsys disk.FS, path string) []byte {
	t.Helper()
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer f.Close() //nolint:errcheck // only read
	stat, err := f.Stat()
	if err != nil {
		t.Fatalf("%v", err)
	}
	b := make([]byte, stat.Size())
	if _, err := f.ReadAt(b, 0); err != nil && len(b) > 0 {
		t.Fatalf("%v", err)
	}
	return b
}

func putFile(t fataler, fsys disk.FS, path string, b []byte) {
	t.Helper()
	if err := disk.WriteFile(fsys, path, b, 0o600); err != nil {
		t.Fatalf("%v", err)
	}
}

// answers is all that a journal says of a table: what is compared.
type answers struct {
	points    []Point
	gaps      []Gap
	ends      []End
	states    []string // of the partitions
	damage    string
	histories []History
}

func answersOf(t fataler, o Options, keys ...string) answers {
	t.Helper()
	j, err := Open(testRoot, orders, o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	w := answers{points: j.Points(), gaps: j.Gaps(), ends: j.Ends(), damage: fmt.Sprint(j.Damage())}
	for i := range w.points {
		w.points[i].links, w.points[i].begin = nil, nil
	}
	for _, s := range j.streams {
		for _, p := range s.partitions {
			state := fmt.Sprintf("%d %+v %d %t %d %d", p.next, p.order.highest, p.order.last, p.order.holes, p.order.columns, len(p.gaps))
			for _, span := range append(p.spans, p.order.open) {
				if span != nil {
					state += fmt.Sprintf(" %d-%d:%d bytes %d changes broken %t %v %s;", span.from, span.to, span.bytes, span.changes, span.broken, span.begin.Stamp, span.begin.Schema.Identity())
				}
			}
			w.states = append(w.states, state)
		}
	}
	for _, key := range keys {
		h, err := j.RowHistory(context.Background(), key)
		if none := (*NoPointsError)(nil); err != nil && !errors.As(err, &none) {
			t.Fatalf("history of %s: %v", key, err)
		}
		w.histories = append(w.histories, h)
	}
	return w
}

func (w answers) differs(other answers) string {
	for _, c := range []struct {
		what string
		a, b any
	}{
		{"points", w.points, other.points}, {"gaps", w.gaps, other.gaps}, {"ends", w.ends, other.ends}, {"partitions", w.states, other.states},
		{"damage", w.damage, other.damage}, {"histories", w.histories, other.histories},
	} {
		if !reflect.DeepEqual(c.a, c.b) {
			return fmt.Sprintf("%s:\n%+v\n%+v", c.what, c.a, c.b)
		}
	}
	return ""
}

var someKeys = []string{"order_id=1,line=a", "order_id=-3,line=aa", "order_id=99,line=b"}
