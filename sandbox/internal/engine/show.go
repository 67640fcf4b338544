package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"rewind/sandbox/internal/sql"
)

func (s *Session) use(database string) (*Result, error) {
	err := s.read(func(c *sqlite3.Conn) error {
		ok, err := databaseExists(c, database)
		if err == nil && !ok {
			err = analysis("Database does not exist: %s", database)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.database = database
	return &Result{}, nil
}

// defaults are the query options that SET shows.
var defaults = map[string]string{
	"ABORT_ON_ERROR": "0", "BATCH_SIZE": "0", "COMPRESSION_CODEC": "", "CONVERT_KUDU_UTC_TIMESTAMPS": "0",
	"CONVERT_LEGACY_HIVE_PARQUET_UTC_TIMESTAMPS": "0", "DECIMAL_V2": "1", "DEFAULT_FILE_FORMAT": "TEXT",
	"DEFAULT_TRANSACTIONAL_TYPE": "NONE", "FETCH_ROWS_TIMEOUT_MS": "10000", "KUDU_READ_MODE": "DEFAULT", "MEM_LIMIT": "0",
	"MT_DOP": "", "NUM_NODES": "0", "PARQUET_FILE_SIZE": "0", "QUERY_TIMEOUT_S": "0", "REQUEST_POOL": "", "SYNC_DDL": "0",
	"TIMEZONE": "UTC", "USE_LOCAL_TZ_FOR_UNIX_TIMESTAMP_CONVERSIONS": "0", "UTF8_MODE": "0", "MAX_FS_WRITERS": "0",
	"KUDU_SNAPSHOT_READ_TIMESTAMP_MICROS": "0", "EXEC_TIME_LIMIT_S": "0", "IDLE_SESSION_TIMEOUT": "0", "EXPLAIN_LEVEL": "1",
}

func (s *Session) set(st *sql.Set) (*Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.All {
		var values []string
		for _, k := range sortedKeys(defaults) {
			v, ok := s.options[k]
			if !ok {
				v = defaults[k]
			}
			values = append(values, k, v, "REGULAR")
		}
		return textRows([]string{"option", "value", "level"}, values), nil
	}
	if _, ok := defaults[st.Name]; !ok {
		return nil, &Error{"HY000", "Invalid query option: " + st.Name}
	}
	value := st.Value
	switch strings.ToLower(value) {
	case "true":
		value = "1"
	case "false":
		value = "0"
	}
	s.options[st.Name] = value
	return &Result{}, nil
}

func (s *Session) show(st *sql.Show) (result *Result, err error) {
	err = s.read(func(c *sqlite3.Conn) error {
		result, err = s.showFrom(c, st)
		return err
	})
	return result, err
}

func (s *Session) showFrom(c *sqlite3.Conn, st *sql.Show) (*Result, error) {
	switch st.What {
	case "databases":
		rows, err := all(c, 2, "SELECT name, comment FROM databases ORDER BY name")
		return textRows([]string{"name", "comment"}, matching(rows, st.Pattern)), err
	case "tables":
		database := st.Database
		if database == "" {
			database = s.Database()
		}
		if ok, err := databaseExists(c, database); err != nil || !ok {
			if err == nil {
				err = analysis("Database does not exist: %s", database)
			}
			return nil, err
		}
		rows, err := all(c, 1, "SELECT name FROM catalog WHERE db = ? ORDER BY name", database)
		return textRows([]string{"name"}, matching(rows, st.Pattern)), err
	}
	t, err := s.table(c, st.Table)
	if err != nil {
		return nil, err
	}
	switch st.What {
	case "create table":
		return textRows([]string{"result"}, []string{createText(t)}), nil
	case "files":
		return s.showFiles(t)
	case "table stats", "partitions":
		return s.showStats(c, t, st.What == "partitions")
	case "range partitions":
		return showRanges(t)
	case "column stats":
		var values []string
		for _, col := range t.Columns {
			values = append(values, col.Name, col.Type.String(), "-1", "-1", "-1", "-1")
		}
		return textRows([]string{"Column", "Type", "#Distinct Values", "#Nulls", "Max Size", "Avg Size"}, values), nil
	}
	return nil, analysis("SHOW %s is not offered by the stand-in", strings.ToUpper(st.What))
}

// matching keeps the rows whose first column matches a pattern of SHOW: * is
// any text, | separates alternatives.
func matching(rows [][]string, pattern string) []string {
	var values []string
	for _, row := range rows {
		if pattern == "" || slices.ContainsFunc(strings.Split(pattern, "|"), func(p string) bool { return glob(strings.ToLower(p), row[0]) }) {
			values = append(values, row...)
		}
	}
	return values
}

func glob(pattern, name string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !strings.HasPrefix(name, head) {
		return false
	}
	name = name[len(head):]
	if !star {
		return name == ""
	}
	for i := 0; i <= len(name); i++ {
		if glob(rest, name[i:]) {
			return true
		}
	}
	return false
}

func (s *Session) showFiles(t *Table) (*Result, error) {
	columns := []string{"Path", "Size", "Partition"}
	if t.isKudu() {
		return nil, analysis("SHOW FILES not applicable to a non hdfs table: %s", t.qualified())
	}
	dir := localPath(t.Location)
	names, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	var values []string
	for _, n := range names {
		info, err := n.Info()
		if err != nil || n.IsDir() || strings.HasPrefix(n.Name(), ".") || strings.HasPrefix(n.Name(), "_") {
			continue
		}
		values = append(values, "file:"+filepath.Join(dir, n.Name()), fmt.Sprintf("%dB", info.Size()), "")
	}
	return textRows(columns, values), nil
}

func (s *Session) showStats(c *sqlite3.Conn, t *Table, partitions bool) (*Result, error) {
	if t.View != "" {
		return nil, analysis("SHOW TABLE STATS not applicable to a view: %s", t.qualified())
	}
	if t.Partitions == 0 {
		if partitions {
			return nil, analysis("Table is not partitioned: %s", t.qualified())
		}
		return textRows([]string{"#Rows", "#Files", "Size", "Bytes Cached", "Cache Replication", "Format", "Incremental stats", "Location"},
			[]string{strconv.FormatInt(t.Stats, 10), "1", "0B", "NOT CACHED", "NOT CACHED", shownFormat(t), "false", t.Location}), nil
	}
	return s.showPartitions(c, t)
}

func (s *Session) showPartitions(c *sqlite3.Conn, t *Table) (result *Result, err error) {
	first := len(t.Columns) - t.Partitions
	var names, selects []string
	for i := first; i < len(t.Columns); i++ {
		names = append(names, t.Columns[i].Name)
		selects = append(selects, "coalesce(CAST(`"+t.Columns[i].Name+"` AS STRING), 'NULL')")
	}
	list := strings.Join(selects, ", ")
	ordinals := make([]string, len(names))
	for i := range ordinals {
		ordinals[i] = strconv.Itoa(i + 1)
	}
	q, err := sql.ParseQuery("SELECT DISTINCT " + list + " FROM `" + t.Database + "`.`" + t.Name + "` ORDER BY " + strings.Join(ordinals, ", "))
	if err != nil {
		return nil, err
	}
	a := newAnalyzer(c, s)
	r, err := a.query(q, nil)
	if err != nil {
		return nil, err
	}
	stmt, failure, err := a.prepare(r.sql)
	if err != nil {
		return nil, err
	}
	defer closing(stmt, &err)
	var values []string
	for stmt.Step() {
		for i := range names {
			values = append(values, string(stmt.ColumnRawBlob(i)))
		}
		values = append(values, "-1", "1", "0B", "NOT CACHED", "NOT CACHED", shownFormat(t), "false", t.Location)
	}
	columns := append(slices.Clone(names), "#Rows", "#Files", "Size", "Bytes Cached", "Cache Replication", "Format", "Incremental stats", "Location")
	return textRows(columns, values), stepError(stmt.Err(), failure)
}

// showRanges lists what RANGE of a Kudu table names.
func showRanges(t *Table) (*Result, error) {
	if !t.isKudu() {
		return nil, analysis("SHOW RANGE PARTITIONS requested but table is not a Kudu table: %s", t.qualified())
	}
	for _, k := range t.Hash {
		if !k.Hash {
			return textRows([]string{"RANGE (" + strings.Join(k.Columns, ", ") + ")"}, sql.RangePartitions(k.Ranges)), nil
		}
	}
	return nil, analysis("SHOW RANGE PARTITIONS requested but table does not have range partitions: %s", t.qualified())
}

func shownFormat(t *Table) string {
	if t.Format == "TEXTFILE" {
		return "TEXT"
	}
	return t.Format
}
