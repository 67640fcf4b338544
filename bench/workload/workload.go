// Package workload makes the tables that rewind and its peers are measured with: two versions of a table whose every row follows
// from the seed and its number, so that a table of any size streams out of no memory, and is the same on every machine.
//
// A table has 8 columns and about 113 bytes a row as CSV. Keys of the first version are odd; half of the inserted ones are even
// and lie between them, half behind the last. NULLs stand in the column note alone, and no text is empty: as CSV the two cannot be
// mistaken for each other. How many rows were updated, deleted and inserted is exact; of clustered ones, to a cluster.
package workload

import (
	"fmt"
	"iter"
	"strconv"

	"rewind/table"
)

// Shape says which table. The zero value of a share is none.
type Shape struct {
	Rows      int64 // of the first version
	Seed      uint64
	Updated   float64 // shares of the rows
	Deleted   float64
	Inserted  float64
	Clustered bool // what is updated or deleted lies together, a thousand rows at a time
	Columns   int  // in all; 0: 8
	TextKey   bool // the key is two texts, region and code, instead of the number id
}

// Usual is the table that a figure means where nothing else is said: 1 % updated, 0.1 % deleted, 0.1 % inserted.
func Usual(rows int64, seed uint64) Shape {
	return Shape{Rows: rows, Seed: seed, Updated: .01, Deleted: .001, Inserted: .001}
}

// Truth is what a diff of the two versions must find.
type Truth struct {
	Rows     int64 `json:"rows"`
	Updated  int64 `json:"updated"`
	Deleted  int64 `json:"deleted"`
	Inserted int64 `json:"inserted"`
}

const (
	usualColumns  = 8
	clusterRows   = 1000
	valueColumns  = 7 // of the usual ones, those that an update may change
	regions       = 16
	missingPerMil = 10 // NULLs in note
)

// Name of the table.
func (s Shape) Name() table.Name { return table.Name{Database: "bench", Table: "t"} }

// Schema of the table.
func (s Shape) Schema() *table.Schema {
	named := []string{"id BIGINT"}
	if s.TextKey {
		named = []string{"region STRING", "code STRING"}
	}
	keys := len(named)
	named = append(named, "name STRING", "note STRING", "qty INT", "price DOUBLE", "amount DECIMAL(18,2)", "ts TIMESTAMP", "active BOOLEAN")
	for i := usualColumns; i < s.Columns; i++ {
		named = append(named, fmt.Sprintf("c%03d %s", i, []string{"BIGINT", "DOUBLE", "STRING", "INT"}[i%4]))
	}
	schema := &table.Schema{Table: s.Name(), NextColumnID: len(named) + 1}
	for i, text := range named {
		var name, kind string
		if _, err := fmt.Sscan(text, &name, &kind); err != nil {
			panic(err) // the list above
		}
		t, err := table.ParseType(kind)
		if err != nil {
			panic(err)
		}
		schema.Columns = append(schema.Columns, table.Column{ID: i + 1, Name: name, Type: t})
		if i < keys {
			schema.Key = append(schema.Key, i+1)
		}
	}
	return schema
}

// Truth counts what differs between the versions.
func (s Shape) Truth() Truth {
	t := Truth{Rows: s.Rows}
	for i := range s.Rows {
		switch s.fate(i) {
		case updated:
			t.Updated++
		case deleted:
			t.Deleted++
		}
		if s.insertedBehind(i) {
			t.Inserted++
		}
	}
	t.Inserted += s.appended()
	return t
}

// Row is one row of the table; its values are valid until the next one.
type Row struct {
	Key    int64
	Values []table.Value
}

// All gives a version's rows in key order: 1 or 2.
func (s Shape) All(version int) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		m := s.Maker()
		for i := range s.Rows {
			of := int64(0)
			if version == 2 {
				switch s.fate(i) {
				case updated:
					of = 1
				case deleted:
					of = -1
				}
			}
			if of >= 0 && !yield(Row{2*i + 1, m.Row(2*i+1, of)}) {
				return
			}
			if version == 2 && s.insertedBehind(i) && !yield(Row{2*i + 2, m.Row(2*i+2, 0)}) {
				return
			}
		}
		if version != 2 {
			return
		}
		for i := range s.appended() {
			if key := 2*(s.Rows+i) + 3; !yield(Row{key, m.Row(key, 0)}) {
				return
			}
		}
	}
}

// What becomes of a row of the first version.
const (
	kept = iota
	updated
	deleted
)

// fate decides by strata: of every 1/share rows one, which one is drawn. So the number is exact, and nothing is remembered.
func (s Shape) fate(i int64) int {
	share, unit := s.Updated+s.Deleted, int64(1)
	if s.Clustered {
		unit = clusterRows
	}
	units := (s.Rows + unit - 1) / unit
	stratum, drawn := s.drawn(i/unit, units, share, 1)
	if !drawn {
		return kept
	}
	// Of the changed ones, evenly, so many are deleted.
	of := s.Deleted / share
	if n := stratum*unit + i%unit; int64(float64(n+1)*of) > int64(float64(n)*of) {
		return deleted
	}
	return updated
}

func (s Shape) insertedBehind(i int64) bool {
	_, drawn := s.drawn(i, s.Rows, s.Inserted/2, 2)
	return drawn
}

func (s Shape) appended() int64 { return int64(float64(s.Rows)*s.Inserted/2 + .5) }

// drawn says whether the i-th of n is the one of its stratum, and which stratum that is.
func (s Shape) drawn(i, n int64, share float64, salt uint64) (stratum int64, drawn bool) {
	strata := int64(float64(n)*share + .5)
	if strata <= 0 {
		return 0, false
	}
	// Stratum k goes from k*n/strata to (k+1)*n/strata.
	stratum = (i*strata + strata - 1) / n
	for stratum*n/strata > i {
		stratum--
	}
	for (stratum+1)*n/strata <= i {
		stratum++
	}
	low, high := stratum*n/strata, (stratum+1)*n/strata
	return stratum, low+int64(mix(s.Seed, uint64(stratum), salt)%uint64(high-low)) == i
}

// mix is a hash of three numbers (splitmix64's finish).
func mix(a, b, c uint64) uint64 {
	x := a*0x9e3779b97f4a7c15 + b*0xbf58476d1ce4e5b9 + c*0x94d049bb133111eb + 0x2545f4914f6cdd1d
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// ParseRows reads a number of rows as people write it: 100k, 10M.
func ParseRows(text string) (int64, error) {
	unit := int64(1)
	digits := text
	if n := len(text); n > 0 {
		switch text[n-1] {
		case 'k':
			unit, digits = 1000, text[:n-1]
		case 'M':
			unit, digits = 1_000_000, text[:n-1]
		}
	}
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("%q is no number of rows such as 100k or 10M", text)
	}
	return n * unit, nil
}

// FormatRows is ParseRows' inverse.
func FormatRows(n int64) string {
	switch {
	case n >= 1_000_000 && n%1_000_000 == 0:
		return fmt.Sprintf("%dM", n/1_000_000)
	case n >= 1000 && n%1000 == 0:
		return fmt.Sprintf("%dk", n/1000)
	}
	return strconv.FormatInt(n, 10)
}
