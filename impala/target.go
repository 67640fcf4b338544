package impala

import (
	"fmt"
	"slices"
	"strings"

	"rewind/table"
)

// restoreProperty marks a table that a restore made.
const restoreProperty = "rewind.restore"

// target is the plan of a restored table: its CREATE TABLE and how rows are put into it.
type target struct {
	create     string
	columns    []table.Column // in the new table's order
	partitions []string       // PARTITION columns of an INSERT, the last of columns
	external   bool
	warnings   []string
}

// planTarget rebuilds a table from its parsed DDL and its schema; what must not be copied or cannot be written is left out, and
// said where a user could miss it.
func planTarget(into table.Name, s *table.Schema, d *ddl, restoreID string) (*target, error) {
	t := &target{external: d.external && !d.isTrue("TRANSLATED_TO_EXTERNAL")}
	if err := refuseTarget(into, d); err != nil {
		return nil, err
	}
	if err := t.arrange(s, d); err != nil {
		return nil, err
	}
	format := t.format(d)
	if format == formatKudu || format == formatIceberg {
		synchronized := d.isTrue("external.table.purge") // as Impala prints one that it owns: Hive 3's metastore has no others
		if t.external && !synchronized {
			t.warn("the table was external; a new %s table belongs to Impala", format)
		}
		t.external = false
	}
	var b strings.Builder
	b.WriteString("CREATE ")
	if t.external {
		b.WriteString("EXTERNAL ")
	}
	b.WriteString("TABLE " + quoteTable(into) + " (" + t.columnList(s, d, format) + ")")
	t.writePartitioning(&b, s, d, format)
	t.writeSort(&b, s, d, format)
	if d.comment != nil {
		b.WriteString(" COMMENT " + quoteComment(*d.comment))
	}
	t.writeRowFormat(&b, d, format)
	b.WriteString(" STORED AS " + format)
	b.WriteString(" TBLPROPERTIES (" + propertiesSQL(append(t.keptProperties(d, format), property{restoreProperty, restoreID})) + ")")
	t.sayWhatIsLost(s, d)
	t.create = b.String()
	return t, nil
}

// sayWhatIsLost warns of what the old table had and no clause of the new one shows.
func (t *target) sayWhatIsLost(s *table.Schema, d *ddl) {
	var lost []string
	for _, c := range d.columns {
		if _, found := s.ColumnNamed(c.name); !found {
			lost = append(lost, c.name)
		}
	}
	if len(lost) > 0 {
		t.warn("columns that were not captured are not in the new table: %s", strings.Join(lost, ", "))
	}
	if d.foreignKeys {
		t.warn("foreign keys are not rebuilt")
	}
	if strings.Contains(t.comments(s, d), "?") {
		t.warn(`the driver sends no question marks: in the new table's comments they are written as \077`)
	}
	if d.bucketed {
		t.warn("Impala does not write to tables in buckets: the new table has none")
	}
}

func (t *target) warn(format string, args ...any) {
	t.warnings = append(t.warnings, fmt.Sprintf(format, args...))
}

// arrange puts the columns into the order in which they are declared: Kudu wants its key first, partition columns come last.
func (t *target) arrange(s *table.Schema, d *ddl) error {
	for _, c := range s.Columns {
		if err := checkIdentifier(c.Name); err != nil {
			return err
		}
	}
	key := kuduKey(s, d)
	for _, name := range key {
		if c, found := s.ColumnNamed(name); found {
			t.columns = append(t.columns, c)
		}
	}
	for _, c := range s.Columns {
		if !slices.Contains(key, c.Name) && !d.isPartition(c.Name) {
			t.columns = append(t.columns, c)
		}
	}
	for _, p := range d.partitionedBy {
		c, found := s.ColumnNamed(p.name)
		if !found {
			return &UnsupportedTableError{Table: s.Table, Reason: "its partition column " + p.name + " was not captured", Advice: "do not exclude partition columns"}
		}
		if d.format != formatIceberg {
			t.partitions = append(t.partitions, p.name)
		}
		t.columns = append(t.columns, c)
	}
	return nil
}

// kuduKey is the primary key of a Kudu table: of the DDL, or, where an external table's DDL has no columns, of the schema.
func kuduKey(s *table.Schema, d *ddl) []string {
	if d.format != formatKudu {
		return nil
	}
	if len(d.primaryKey) > 0 {
		return d.primaryKey
	}
	var names []string
	for _, id := range s.Key {
		if c, found := s.Column(id); found {
			names = append(names, c.Name)
		}
	}
	return names
}

func (t *target) columnList(s *table.Schema, d *ddl, format string) string {
	var parts []string
	for _, c := range t.columns {
		if slices.Contains(t.partitions, c.Name) {
			continue
		}
		parts = append(parts, columnSQL(c, d.column(c.Name), format))
	}
	if constraint := t.primaryKey(s, d, format); constraint != "" {
		parts = append(parts, constraint)
	}
	return strings.Join(parts, ", ")
}

// primaryKey is Kudu's key, or, of other tables, a constraint that Impala knows and does not enforce; of Iceberg tables it wants that said.
func (t *target) primaryKey(s *table.Schema, d *ddl, format string) string {
	key, state := kuduKey(s, d), ""
	if format != formatKudu {
		key = d.primaryKey
	}
	if format == formatIceberg {
		state = " NOT ENFORCED"
	}
	isPartition := func(name string) bool { return slices.Contains(t.partitions, name) }
	switch {
	case len(key) == 0:
		return ""
	case !t.hasAll(key), slices.ContainsFunc(key, isPartition): // Impala looks for its columns in the column list alone
		t.warn("the primary key names columns that were not captured, or partition columns: the new table is made without it")
		return ""
	}
	return "PRIMARY KEY (" + quoteNames(key) + ")" + state
}

func (t *target) hasAll(names []string) bool {
	for _, n := range names {
		if !slices.ContainsFunc(t.columns, func(c table.Column) bool { return c.Name == n }) {
			return false
		}
	}
	return true
}

// comments is the text of all comments that the new table has.
func (t *target) comments(s *table.Schema, d *ddl) string {
	var b strings.Builder
	add := func(comment *string) {
		if comment != nil {
			b.WriteString(*comment)
		}
	}
	add(d.comment)
	for _, c := range s.Columns {
		add(d.column(c.Name).comment)
	}
	return b.String()
}

func columnSQL(c table.Column, d ddlColumn, format string) string {
	sql := quoteName(c.Name) + " " + c.Type.String()
	if d.notNull && (format == formatKudu || format == formatIceberg) {
		sql += " NOT NULL"
	}
	if format == formatKudu {
		for _, o := range d.options {
			sql += " " + o
		}
	}
	if d.comment != nil && *d.comment != "" {
		sql += " COMMENT " + quoteComment(*d.comment)
	}
	return sql
}
