package replay

import (
	"slices"
	"testing"
)

// TestReadOnlyMakesNoIndex: who only shows something uses the indexes that there are, and leaves the folder as it is.
func TestReadOnlyMakesNoIndex(t *testing.T) {
	fsys, want := indexed(t, nil)
	for i, path := range indexesOf(t, fsys) {
		if i%2 == 0 {
			if err := fsys.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := indexesOf(t, fsys)
	if got := want.differs(answersOf(t, Options{indexFrom: 1, FS: fsys, ReadOnly: true}, someKeys...)); got != "" {
		t.Fatal(got)
	}
	if after := indexesOf(t, fsys); !slices.Equal(before, after) || len(before) == 0 {
		t.Errorf("%v, before %v", after, before)
	}
	answersOf(t, Options{indexFrom: 1, FS: fsys})
	if len(indexesOf(t, fsys)) <= len(before) {
		t.Error("nobody makes the missing ones")
	}
}
