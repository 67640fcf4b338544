package replay

import "rewind/change"

// left knows, while a partition's changes are read from the newest on, whether older ones can still hold a row that is left: how many rows there were
// behind each link, and how many of them were changed since. Once that is all of them, whatever is older was overwritten or deleted. A journal that
// counts otherwise than it holds would show in the digest.
type left struct {
	rows    []int64 // behind the link before the first, and behind each link
	changed int64   // rows of the state that was reached which were changed since
	link    int     // whose changes are being read
	done    bool
	blind   bool // it cannot be told
}

// newLeft begins behind the newest link. Of a checkpoint under several partitions it is not told which rows are whose, and of a baseline whose keys
// moved not which rows the changes are of.
func (f *folded) newLeft(partition int) *left {
	blind := len(f.parts) > 1 && (f.under != nil || f.below != nil && f.keysMove(*f.below))
	l := &left{rows: make([]int64, 1, len(f.links)+1), link: len(f.links), blind: blind}
	rows, first := int64(0), len(f.point.links)-len(f.links)
	for i, b := range f.point.links {
		if rows += moved(b, partition); len(f.parts) == 1 {
			rows = b.spans[0].commit.Digest.Rows // also behind a cut, where the chain does not begin with a baseline
		}
		switch {
		case i == first-1:
			l.rows[0] = rows
		case i >= first:
			l.rows = append(l.rows, rows)
		}
	}
	return l
}

// moved is by how many rows a link makes a partition longer.
func moved(l link, partition int) int64 {
	share := l.spans[partition].commit.Share
	return share.Reads + share.Creates - share.Deletes
}

// nothing says whether no row is left that a link's changes, or older ones, could hold; of link -1, what is before the first. It can be told only while
// every key that was met is known.
func (l *left) nothing(link int, s *seen) bool {
	if link != l.link {
		l.link = link
		l.done = l.done || !l.blind && s != nil && s.room > 0 && l.changed == l.rows[link+1]
	}
	return l.done
}

// take takes a change of a key that was met before, or was not, and says whether it was.
func (l *left) take(op change.Op, before bool) bool {
	switch {
	case !before && op > change.Create:
		l.changed++
	case before && op <= change.Create:
		l.changed--
	case before && op == change.Delete:
		l.changed++
	}
	return before
}
