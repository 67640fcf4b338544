package replay

import (
	"fmt"
	"testing"

	"rewind/disk"
	"rewind/table"
)

// TestIndexOfOtherKeys: keys whose bytes are others in older segments, because their DECIMAL's scale grew, and rows that equal each other, are
// found through indexes as they are without.
func TestIndexOfOtherKeys(t *testing.T) {
	decimal := func(precision, scale int) *table.Schema {
		return &table.Schema{Table: orders, Key: []int{1}, NextColumnID: 3, Columns: []table.Column{
			{ID: 1, Name: "d", Type: table.Type{Kind: table.Decimal, Precision: precision, Scale: scale}},
			{ID: 2, Name: "n", Type: table.Type{Kind: table.String}},
		}}
	}
	more := table.Column{ID: 4, Name: "more", Type: table.Type{Kind: table.Int}}
	for name, c := range map[string]struct {
		schemas  []*table.Schema
		rows     func(s *table.Schema, n int) rows
		keys     []string
		versions int // of the first key
	}{
		"the scale grows": {[]*table.Schema{decimal(5, 1), decimal(5, 1), decimal(7, 2), decimal(7, 2)}, func(s *table.Schema, n int) rows {
			return rowsOf(t, s, []string{"1.5", fmt.Sprint(n)}, []string{"-7.0", "same"}, []string{fmt.Sprintf("%d.0", n), "x"})
		}, []string{"d=1.5", "d=1.50", "d=-7.0", "d=1.55", "d=2"}, 4},
		"equal rows": {[]*table.Schema{wholeSchema(itemColumn), wholeSchema(itemColumn), wholeSchema(itemColumn, more), wholeSchema(itemColumn, more)}, func(s *table.Schema, n int) rows {
			all := [][]string{{"1", "a", "x"}, {"2", "b", fmt.Sprint(n)}}
			for range n {
				all = append(all, []string{"1", "a", "x"})
			}
			return heapOf(t, s, all...)
		}, []string{"order_id=1,line=a,item=x", "order_id=2,line=b,item=2", "order_id=3,line=a,item=x"}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := disk.NewMemory()
			tp := unopenedTape(t, fsys, 2)
			tp.segment = 300
			tp.openJournals()
			tp.open(1)
			for n, s := range c.schemas {
				tp.use(s)
				tp.snapshot(c.rows(s, n), published{})
			}
			tp.close()
			want := answersOf(t, Options{FS: unindexed{fsys}}, c.keys...)
			for range 2 {
				if got := want.differs(answersOf(t, Options{indexFrom: 1, FS: fsys}, c.keys...)); got != "" {
					t.Fatal(got)
				}
			}
			if h := want.histories[0]; len(h.Versions) != c.versions || len(indexesOf(t, fsys)) < 4 {
				t.Errorf("%d indexes, %+v", len(indexesOf(t, fsys)), h)
			}
		})
	}
}
