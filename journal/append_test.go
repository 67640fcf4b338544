package journal

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"rewind/disk"
)

// TestRefused: a batch that could not be read back is refused whole, before anything is written, and the journal goes on.
func TestRefused(t *testing.T) {
	fsys := disk.NewMemory()
	j := mustOpen(t, "j", testOptions(fsys))
	mustAppend(t, j, batchOf(0, 5))
	good := testEntry(5, "")
	other := testEntry(6, "")
	other.Offset = 7
	long := testEntry(6, "")
	long.Record = append(long.Record, 0)
	short := testEntry(6, "")
	short.Record = short.Record[:len(short.Record)-1]
	tests := map[string]struct {
		batch []Entry
		want  string
	}{
		"offset again":       {[]Entry{testEntry(4, "")}, "has offset 4, not 5 or higher"},
		"offset descending":  {[]Entry{good, testEntry(5, "")}, "entry 1 has offset 5, not 6 or higher"},
		"negative offset":    {[]Entry{testEntry(-1, "")}, "has offset -1"},
		"record of another":  {[]Entry{good, other}, "does not begin with that offset"},
		"record too long":    {[]Entry{good, long}, "of which its schema uses"},
		"record cut":         {[]Entry{good, short}, "is not of its schema"},
		"empty record":       {[]Entry{good, {Offset: 6}}, "does not begin with that offset"},
		"schema not JSON":    {[]Entry{good, testEntry(6, "{")}, "is not JSON"},
		"record above limit": {[]Entry{good, {Offset: 6, Record: make([]byte, MaxRecord+1)}}, "at most"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ops := fsys.Ops()
			if err := j.Append(test.batch); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v", err)
			}
			if fsys.Ops() != ops || j.NextOffset() != 5 {
				t.Error("something was written")
			}
		})
	}
	mustAppend(t, j, []Entry{good})
	mustClose(t, j)
	if err := j.Append([]Entry{testEntry(6, "")}); !errors.Is(err, ErrFailed) {
		t.Errorf("append after Close: %v", err)
	}
}

// TestOneWriteOneSync: a batch costs two operations of the file system.
func TestOneWriteOneSync(t *testing.T) {
	fsys := disk.NewMemory()
	j := mustOpen(t, "j", testOptions(fsys))
	mustAppend(t, j, batchOf(0, 5))
	before := fsys.Ops()
	mustAppend(t, j, batchOf(5, 500))
	if n := fsys.Ops() - before; n != 2 {
		t.Errorf("%d operations for a batch", n)
	}
	mustClose(t, j)
}

// TestLargeBatch: a batch beyond a block's limit becomes several blocks.
func TestLargeBatch(t *testing.T) {
	fsys := disk.NewMemory()
	j := mustOpen(t, "j", testOptions(fsys))
	value := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // 16 MiB
	largest := make([]byte, MaxRecord-16)
	batch := []Entry{entryOf(0, value, ""), entryOf(1, value, ""), entryOf(2, value, ""), entryOf(3, largest, ""), testEntry(4, "")}
	mustAppend(t, j, batch)
	mustClose(t, j)
	j = mustOpen(t, "j", testOptions(fsys))
	if j.NextOffset() != 5 || len(j.Recovered()) != 0 {
		t.Errorf("next offset %d, recovered %v", j.NextOffset(), j.Recovered())
	}
	got, err := collect(j.Reader(), 0)
	if err := errors.Join(err, sameEntries(got, batch)); err != nil {
		t.Error(err)
	}
	mustClose(t, j)
}

func TestOptionsRefused(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no splitter":        func(o *Options) { o.Splitter = nil },
		"negative partition": func(o *Options) { o.Partition = -1 },
		"stream too short":   func(o *Options) { o.Stream = "abc" },
		"stream no hex":      func(o *Options) { o.Stream = strings.Repeat("../x", 8) },
		"no stream":          func(o *Options) { o.Stream = "" },
	} {
		o := testOptions(disk.NewMemory())
		change(&o)
		if _, err := Open("j", o); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}
