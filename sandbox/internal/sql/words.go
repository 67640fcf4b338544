package sql

import "strings"

// reserved are the words that Impala takes for its own: as names they must
// stand in backquotes.
var reserved = words(`add aggregate all alter analytic and anti api_version array as asc avro between bigint binary
block_size boolean by cached cascade case cast change char class close_fn column columns comment compression compute
constraint create cross cube current data database databases date datetime decimal dec default delete delimited desc
describe disable distinct div double drop else encoding end escaped except exists explain extended external false
fields fileformat files finalize_fn first float following for foreign format formatted from full function functions
grant group grouping hash having if ignore ilike in incremental init_fn inner inpath insert int integer intermediate
intersect interval into invalidate iregexp is join kudu last left lexical like limit lines load location map merge_fn
metadata minus non not null nulls offset on or order outer over overwrite parquet parquetfile partition partitioned
partitions preceding prepare_fn primary produced purge range rcfile real recover references refresh regexp rename
repeatable replace replication restrict returns revoke right rlike role roles row rows schema schemas select semi
sequencefile serdeproperties serialize_fn set show smallint sort stats stored straight_join string struct symbol table
tables tablesample tblproperties terminated textfile then timestamp tinyint to true truncate unbounded uncached union
unknown unnest unset update update_fn upsert use using values varchar view when where with zorder`)

// callable are the reserved words that may also be called as a function.
var callable = words("if left right replace truncate date char")

func words(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

// NeedsQuotes tells whether a name must stand in backquotes.
func NeedsQuotes(name string) bool {
	digits := true
	for i := range len(name) {
		if c := name[i]; !isWord(c) || c >= 0x80 {
			return true
		} else if !isDigit(c) {
			digits = false
		}
	}
	return digits || reserved[name]
}
