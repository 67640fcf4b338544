package consumer

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"rewind/crypt"
	"rewind/index"
)

// indexNames are the names of the partition's segments that have a successor, and of its indexes.
func (w *world) indexNames(dir string) (sealed, indexes []string) {
	w.t.Helper()
	names, err := w.fs.ReadDir(dir)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, n := range names {
		switch base, _, _ := strings.Cut(n.Name(), "."); {
		case index.IsName(n.Name()):
			indexes = append(indexes, n.Name())
		case strings.Contains(n.Name(), ".avro"):
			sealed = append(sealed, base)
		}
	}
	return sealed[:len(sealed)-1], indexes
}

// TestSealedSegmentsAreIndexed: each as it is sealed, one that an earlier process left as well; encrypted where segments are, and those in
// clear go.
func TestSealedSegmentsAreIndexed(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := crypt.New(identity.String(), nil, true)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.indexFrom = 1
	a, b := stamp(1, 'a'), stamp(2, 'b')
	oneByOne := func(messages ...[]byte) {
		for _, m := range messages {
			w.write(m)
			w.consume()
		}
	}
	oneByOne(slices.Concat([][]byte{w.open(a)}, w.snapshotOf(a, 100, 0, 3))...)
	dir := filepath.Join(dataDir, orders.FileName(), streamA, "00000")
	check := func(what, extension string) {
		t.Helper()
		sealed, indexes := w.indexNames(dir)
		var want []string
		for _, s := range sealed {
			want = append(want, s+extension)
		}
		if !slices.Equal(indexes, want) || len(sealed) < 2 {
			t.Errorf("%s: %v, want %v", what, indexes, want)
		}
	}
	check("in clear", ".index")
	sealed, _ := w.indexNames(dir)
	if err := w.fs.Remove(filepath.Join(dir, sealed[len(sealed)-1]+".index")); err != nil {
		t.Fatal(err)
	}
	w.consume()
	check("an earlier process died before it", ".index")

	w.keys = keys
	oneByOne(slices.Concat([][]byte{w.open(b)}, w.snapshotOf(b, 200, 100, 2))...)
	_, indexes := w.indexNames(dir)
	for _, n := range indexes {
		if !strings.HasSuffix(n, ".index.age") {
			t.Errorf("%s stays in clear", n)
		}
	}
	if now, _ := w.indexNames(dir); len(now) <= len(sealed) || len(indexes) < len(now)-len(sealed) {
		t.Errorf("%v of %v segments, of which %d were sealed in clear", indexes, now, len(sealed))
	}
}
