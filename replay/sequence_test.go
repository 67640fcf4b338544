package replay

import (
	"testing"

	"rewind/change"
)

// TestSequence tells what follows what: the last message of each list is refused, or taken as the happening says.
func TestSequence(t *testing.T) {
	a, b := change.Stamp{Epoch: 1, Writer: [16]byte{1}}, change.Stamp{Epoch: 2, Writer: [16]byte{2}}
	twin := change.Stamp{Epoch: 1, Writer: [16]byte{9}}
	open := func(s change.Stamp) change.Message { return change.Message{Open: &change.Open{Stamp: s}} }
	begin := func(s change.Stamp, id, previous int64) change.Message {
		return change.Message{Begin: &change.Begin{Stamp: s, Snapshot: id, Previous: previous, Partitions: 1,
			Partitioner: change.PartitionerXXH3, Schema: ordersSchema()}}
	}
	row := func(s change.Stamp, id, seq int64) change.Message {
		return change.Message{Change: &change.Change{Stamp: s, Snapshot: id, Seq: seq, Op: change.Read}}
	}
	commit := func(s change.Stamp, id, seq, reads int64) change.Message {
		return change.Message{Commit: &change.Commit{Stamp: s, Snapshot: id, Seq: seq, Share: change.Counts{Reads: reads}}}
	}
	gap := change.Message{Gap: &change.Gap{}}
	odd := begin(a, 5, 0)
	odd.Begin.Partitioner = "another"
	none := begin(a, 5, 0)
	none.Begin.Partitions = 0
	type list []change.Message
	for name, c := range map[string]struct {
		messages list
		want     happening // 0: refused
		broken   bool      // the snapshot that is committed lacks something
	}{
		"a whole snapshot":                  {list{open(a), begin(a, 5, 0), row(a, 5, 1), commit(a, 5, 2, 1)}, closed, false},
		"an empty one":                      {list{open(a), begin(a, 5, 0), commit(a, 5, 1, 0)}, closed, false},
		"the next one":                      {list{open(a), begin(a, 5, 0), commit(a, 5, 1, 0), begin(a, 6, 5)}, began, false},
		"one after an abort":                {list{open(a), begin(a, 5, 0), row(a, 5, 1), begin(a, 6, 0)}, began, false},
		"an open again":                     {list{open(a), begin(a, 5, 0), open(a), row(a, 5, 1)}, changed, false},
		"the same id again":                 {list{open(a), begin(a, 5, 0), commit(a, 5, 1, 0), begin(a, 5, 0)}, 0, false},
		"a lower id":                        {list{open(a), begin(a, 5, 0), commit(a, 5, 1, 0), begin(a, 4, 0)}, 0, false},
		"one that builds on a later one":    {list{open(a), begin(a, 5, 6)}, 0, false},
		"one that builds on itself":         {list{open(a), begin(a, 5, 5)}, 0, false},
		"another partitioner":               {list{open(a), odd}, 0, false},
		"no partitions":                     {list{open(a), none}, 0, false},
		"a change without a begin":          {list{open(a), row(a, 5, 1)}, 0, false},
		"a change of another snapshot":      {list{open(a), begin(a, 5, 0), row(a, 6, 1)}, 0, false},
		"a change too far":                  {list{open(a), begin(a, 5, 0), row(a, 5, 2)}, 0, false},
		"a change twice":                    {list{open(a), begin(a, 5, 0), row(a, 5, 1), row(a, 5, 1)}, 0, false},
		"a change behind its commit":        {list{open(a), begin(a, 5, 0), commit(a, 5, 1, 0), row(a, 5, 1)}, 0, false},
		"a commit too early":                {list{open(a), begin(a, 5, 0), commit(a, 5, 2, 1)}, 0, false},
		"a commit that counts otherwise":    {list{open(a), begin(a, 5, 0), row(a, 5, 1), commit(a, 5, 2, 2)}, 0, false},
		"a commit without a begin":          {list{open(a), commit(a, 5, 1, 0)}, 0, false},
		"a commit twice":                    {list{open(a), begin(a, 5, 0), commit(a, 5, 1, 0), commit(a, 5, 1, 0)}, 0, false},
		"a fenced producer":                 {list{open(a), open(b), begin(a, 5, 0)}, stale, false},
		"a fenced producer's open":          {list{open(b), open(a)}, stale, false},
		"the second of one epoch":           {list{open(a), open(twin), begin(twin, 5, 0)}, stale, false},
		"the first of one epoch":            {list{open(a), open(twin), begin(a, 5, 0)}, began, false},
		"a commit of a fenced producer":     {list{open(a), begin(a, 5, 0), open(b), commit(a, 5, 1, 0)}, stale, false},
		"its snapshot by the next producer": {list{open(a), begin(a, 5, 0), open(b), commit(b, 5, 1, 0)}, 0, false},
		"a gap":                             {list{open(a), gap}, gapped, false},
		"nothing is lost in a gap":          {list{open(a), begin(a, 5, 0), gap, row(a, 5, 1), commit(a, 5, 2, 1)}, closed, false},
		"a change is lost in a gap":         {list{open(a), begin(a, 5, 0), gap, row(a, 5, 2), commit(a, 5, 3, 2)}, closed, true},
		"the last change is lost in a gap":  {list{open(a), begin(a, 5, 0), gap, commit(a, 5, 3, 2)}, closed, true},
		"a begin is lost in a gap":          {list{open(a), gap, row(a, 5, 7)}, stale, false},
		"a snapshot is lost in a gap":       {list{open(a), gap, commit(a, 5, 7, 6)}, stale, false},
		"its id counts":                     {list{open(a), gap, commit(a, 5, 7, 6), begin(a, 5, 0)}, 0, false},
		"an open is lost in a gap":          {list{open(a), gap, begin(b, 5, 0)}, began, false},
		"a gap excuses no repeat":           {list{open(a), begin(a, 5, 0), row(a, 5, 1), gap, row(a, 5, 1)}, 0, false},
		"a foreign message excuses nothing": {list{open(a), begin(a, 5, 0), {Gap: &change.Gap{Cause: change.CauseForeign}}, row(a, 5, 2)}, 0, false},
		"a refused capture neither":         {list{open(a), begin(a, 5, 0), {Gap: &change.Gap{Stamp: a}}, row(a, 5, 2)}, 0, false},
		"a refused capture":                 {list{open(a), {Gap: &change.Gap{Stamp: a}}}, gapped, false},
		"one of a fenced producer":          {list{open(b), {Gap: &change.Gap{Stamp: a}}}, stale, false},
		"nor what comes later":              {list{open(a), gap, begin(a, 5, 0), row(a, 5, 2)}, 0, false},
		"no message":                        {list{open(a), {}}, 0, false},
	} {
		var q sequence
		for i, m := range c.messages {
			last := i == len(c.messages)-1
			span := q.open
			got, err := q.step(int64(i), 1, m)
			if !last {
				if err != nil {
					t.Errorf("%s: message %d: %v", name, i, err)
				}
				continue
			}
			if (err != nil) != (c.want == 0) || err == nil && got != c.want {
				t.Errorf("%s: %d, %v; want %d", name, got, err, c.want)
			}
			if got == closed && span.broken != c.broken {
				t.Errorf("%s: broken %t", name, span.broken)
			}
		}
	}
}
