package replay

import (
	"context"
	"strings"
	"testing"

	"rewind/table"
)

// told writes a history down: op, * where it is inferred, the item before and after, and how many points it was seen in.
func told(t *testing.T, j *Journal, h History) string {
	t.Helper()
	itemOf := func(cells []Cell) string {
		for _, c := range cells {
			if c.Column == "item" && c.Value != nil {
				return *c.Value
			}
		}
		return "-"
	}
	var all []string
	for _, v := range h.Versions {
		text := v.Op
		if v.Inferred {
			text += "*"
		}
		text += " " + itemOf(v.Before) + ">" + itemOf(v.After)
		for _, p := range j.Points() {
			if !p.ReadEnded.Before(v.FirstSeen) && !p.ReadEnded.After(v.LastSeen) {
				text += "."
			}
		}
		if v.Current {
			text += " now"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// TestHistory follows one key through lives that a table may have.
func TestHistory(t *testing.T) {
	type step struct {
		item     string // "": the row is not there
		baseline bool
		abort    bool
	}
	for name, c := range map[string]struct {
		steps []step
		want  string
	}{
		"never there":               {[]step{{}, {}}, ""},
		"there all the time":        {[]step{{item: "A"}, {item: "A"}}, "r ->A.. now"},
		"created and updated":       {[]step{{}, {item: "A"}, {item: "A"}, {item: "B"}}, "c ->A.., u A>B. now"},
		"deleted":                   {[]step{{item: "A"}, {}, {}}, "r ->A., d A>-.."},
		"deleted and created again": {[]step{{item: "A"}, {}, {item: "A"}}, "r ->A., d A>-., c ->A. now"},
		"same in a new baseline":    {[]step{{item: "A"}, {item: "A", baseline: true}, {item: "A"}}, "r ->A... now"},
		"changed in a new baseline": {[]step{{item: "A"}, {item: "B", baseline: true}}, "r ->A., u* A>B. now"},
		"gone in a new baseline":    {[]step{{item: "A"}, {baseline: true}, {}}, "r ->A., d* A>-.."},
		"new in a new baseline":     {[]step{{}, {item: "A", baseline: true}}, "c* ->A. now"},
		"back in a new baseline":    {[]step{{item: "A"}, {}, {item: "A", baseline: true}}, "r ->A., d A>-., c* ->A. now"},
		"not what was aborted":      {[]step{{item: "A"}, {item: "B", abort: true}, {item: "A"}}, "r ->A.. now"},
	} {
		t.Run(name, func(t *testing.T) {
			tp, _, _ := shop(t, 3)
			for _, s := range c.steps {
				next := rowsOf(t, tp.schema, []string{"9", "z", "another row"})
				if s.item != "" {
					k, image := row(t, tp.schema, "1", "a", s.item)
					next[k] = image
				}
				how := published{baseline: s.baseline}
				if s.abort {
					how.uncommit = []int{0}
				}
				tp.snapshot(next, how)
			}
			tp.close()
			j := openReplay(t, tp.fs)
			h, err := j.RowHistory(context.Background(), "order_id=1,line=a")
			if err != nil || h.Key != "order_id=1,line=a" || h.Searched != len(j.Points()) {
				t.Fatalf("%+v, %v", h, err)
			}
			if got := told(t, j, h); got != c.want {
				t.Errorf("told %q, want %q", got, c.want)
			}
			for i, v := range h.Versions {
				if i > 0 && (v.NotBefore.IsZero() || !v.NotBefore.Before(v.FirstSeen)) {
					t.Errorf("version %d was made between %v and %v", i, v.NotBefore, v.FirstSeen)
				}
			}
		})
	}
}

// TestHistoryThroughSchemas: a column that is dropped takes its value along, one that comes brings NULL, and that shows once.
func TestHistoryThroughSchemas(t *testing.T) {
	tp, one, _ := shop(t, 1)
	tp.snapshot(one, published{})
	tp.use(ordersSchema(itemColumn, table.Column{ID: 4, Name: "note", Type: table.Type{Kind: table.String}}))
	tp.snapshot(tp.current, published{})
	without := ordersSchema()
	without.NextColumnID = 5
	tp.use(without)
	tp.snapshot(tp.current, published{})
	again := itemColumn
	again.ID = 5
	tp.use(ordersSchema(again))
	tp.snapshot(tp.current, published{})
	tp.close()
	j := openReplay(t, tp.fs)
	h, err := j.RowHistory(context.Background(), "order_id=1,line=a")
	if err != nil {
		t.Fatal(err)
	}
	if got := told(t, j, h); got != "r ->Alice.., u* Alice>-.. now" {
		t.Errorf("told %q", got)
	}
	if _, err := j.Verify(context.Background(), VerifyOptions{}); err != nil {
		t.Fatal(err)
	}
}
