package replay

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"

	"rewind/disk"
)

// whenEmpty calls begin once, behind the first look into a folder that holds nothing, or is not there.
type whenEmpty struct {
	disk.FS
	dir   string
	begin func()
}

func (f *whenEmpty) seen(dir string, empty bool) {
	if begin := f.begin; begin != nil && dir == f.dir && empty {
		f.begin = nil
		begin()
	}
}

func (f *whenEmpty) Stat(name string) (fs.FileInfo, error) {
	info, err := f.FS.Stat(name)
	f.seen(name, err != nil)
	return info, err
}

func (f *whenEmpty) ReadDir(dir string) ([]fs.DirEntry, error) {
	entries, err := f.FS.ReadDir(dir)
	f.seen(dir, len(entries) == 0)
	return entries, err
}

// TestJournalBegunMeanwhile: a consumer begins a partition's first segment after verify looked for one. What verify found is verified, the rest by the
// next one.
func TestJournalBegunMeanwhile(t *testing.T) {
	for _, c := range []struct {
		made  []int // folders
		looks int   // at this one when it begins
		found int64 // entries
	}{{[]int{1}, 0, 3}, {[]int{0, 1}, 0, 3}, {[]int{0, 1}, 1, 0}} {
		m := disk.NewMemory()
		tp := unopenedTape(t, m, 2)
		folder := func(partition int) string {
			return filepath.Join(testRoot, orders.FileName(), tp.stream, fmt.Sprintf("%05d", partition))
		}
		for _, partition := range c.made {
			tp.must(disk.MakeDirs(m, folder(partition), 0o700))
		}
		hooked := &whenEmpty{FS: m, dir: folder(c.looks), begin: func() {
			tp.openJournals()
			tp.open(1)
			tp.use(ordersSchema())
			tp.snapshot(rows{}, published{})
			tp.close()
		}}
		v, err := Verify(context.Background(), testRoot, orders, Options{FS: hooked}, VerifyOptions{})
		if err != nil || len(v.Points) > 0 || v.Entries != c.found || v.EntriesRead != c.found {
			t.Errorf("folders %d: %+v, %v", c.made, v, err)
		}
		if v, err = Verify(context.Background(), testRoot, orders, Options{FS: m}, VerifyOptions{}); err != nil || v.Now != 1 || v.Entries != 6 {
			t.Errorf("folders %d, once more: %+v, %v", c.made, v, err)
		}
	}
}

// TestProvedMeanwhile: what another verify proves while this one reads, of snapshots that came since, is not missing from what this one found.
func TestProvedMeanwhile(t *testing.T) {
	tp, m, eras := growing(t, 2, 3, func(*tape) {})
	defer tp.close()
	o := Options{FS: m}
	meanwhile := func(p Progress) {
		if o.Progress = nil; p.Rows < p.Total || len(eras) > 2 {
			return
		}
		tp.snapshot(eras[1], published{})
		eras = append(eras, eras[1])
		if v, err := Verify(context.Background(), testRoot, orders, Options{FS: m}, VerifyOptions{}); err != nil || v.Now != 3 {
			t.Errorf("the other one: %+v, %v", v, err)
		}
	}
	o.Progress = meanwhile
	if v, err := Verify(context.Background(), testRoot, orders, o, VerifyOptions{}); err != nil || v.Now != 2 {
		t.Errorf("this one: %+v, %v", v, err)
	}
	if len(eras) != 3 {
		t.Error("nothing came meanwhile")
	}
}
