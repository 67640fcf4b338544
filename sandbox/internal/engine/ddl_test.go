package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestShowCreateTable(t *testing.T) {
	e, s := open(t, Options{})
	must(t, s, `CREATE DATABASE IF NOT EXISTS shop COMMENT 'c'`)
	for _, c := range []struct{ create, want string }{
		{"CREATE TABLE shop.t (id INT COMMENT 'it\\'s', `date` DECIMAL(10,2), c CHAR(3)) PARTITIONED BY (p STRING, q INT) SORT BY (id) COMMENT 'a table' STORED AS PARQUET TBLPROPERTIES ('k'='v')",
			"CREATE TABLE shop.t (\n  id INT COMMENT 'it\\'s',\n  `date` DECIMAL(10,2),\n  c CHAR(3)\n)\nPARTITIONED BY (\n  p STRING,\n  q INT\n)\nSORT BY (\n  id\n)\nCOMMENT 'a table'\nSTORED AS PARQUET\nLOCATION 'file://WAREHOUSE/shop.db/t'\nTBLPROPERTIES ('k'='v')"},
		{"CREATE EXTERNAL TABLE shop.t (a VARCHAR(5)) ROW FORMAT DELIMITED FIELDS TERMINATED BY '|' ESCAPED BY '\\\\' STORED AS TEXTFILE LOCATION '/tmp/H6-none/x' TBLPROPERTIES ('external.table.purge'='true')",
			"CREATE EXTERNAL TABLE shop.t (\n  a VARCHAR(5)\n)\nROW FORMAT DELIMITED FIELDS TERMINATED BY '|' ESCAPED BY '\\\\'\nSTORED AS TEXTFILE\nLOCATION 'file:///tmp/H6-none/x'\nTBLPROPERTIES ('external.table.purge'='true')"},
		{"CREATE TABLE shop.t (id BIGINT, r INT, name STRING DEFAULT 'x' COMMENT 'n', PRIMARY KEY (id, r)) PARTITION BY HASH (id) PARTITIONS 4, RANGE (r) (PARTITION VALUES < 10, PARTITION 10 <= VALUES) STORED AS KUDU",
			"CREATE TABLE shop.t (\n  id BIGINT NOT NULL ENCODING AUTO_ENCODING COMPRESSION DEFAULT_COMPRESSION,\n  r INT NOT NULL ENCODING AUTO_ENCODING COMPRESSION DEFAULT_COMPRESSION,\n  name STRING NULL ENCODING AUTO_ENCODING COMPRESSION DEFAULT_COMPRESSION DEFAULT 'x' COMMENT 'n',\n  PRIMARY KEY (id, r)\n)\nPARTITION BY HASH (id) PARTITIONS 4, RANGE (r) (PARTITION VALUES < 10, PARTITION 10 <= VALUES)\nSTORED AS KUDU\nTBLPROPERTIES ('kudu.master_addresses'='127.0.0.1:7051')"},
		{"CREATE TABLE shop.t (id BIGINT, day DATE) PARTITIONED BY SPEC (BUCKET(3, id), day) STORED AS ICEBERG",
			"CREATE TABLE shop.t (\n  id BIGINT,\n  day DATE\n)\nPARTITIONED BY SPEC (\n  BUCKET(3, id),\n  day\n)\nSTORED AS ICEBERG\nLOCATION 'file://WAREHOUSE/shop.db/t'"},
	} {
		must(t, s, c.create)
		want := strings.ReplaceAll(c.want, "WAREHOUSE", e.Warehouse())
		got := must(t, s, "SHOW CREATE TABLE shop.t")[0]
		if got != want {
			t.Errorf("%s\ngave\n%s\nwant\n%s", c.create, got, want)
		}
		must(t, s, "DROP TABLE shop.t")
		if strings.Contains(got, "LOCATION") { // what was shown makes the same table again
			must(t, s, strings.Replace(got, "'file://"+e.Warehouse(), "'file://"+t.TempDir(), 1), "DROP TABLE shop.t PURGE")
		}
	}
}

// Comments and locations are taken as they are written, and primary keys as far as Impala takes them.
func TestDefinitionsAsImpalaReadsThem(t *testing.T) {
	_, s := open(t, Options{})
	dir := t.TempDir()
	must(t, s, `CREATE EXTERNAL TABLE t (id INT COMMENT 'it\'s', PRIMARY KEY (id) DISABLE NOVALIDATE RELY) COMMENT "the owner's \077" STORED AS PARQUET LOCATION 'file://`+dir+`/a@b'`)
	got := must(t, s, "SHOW CREATE TABLE t")[0]
	for _, part := range []string{`id INT COMMENT 'it\'s'`, `COMMENT 'the owner's \077'`, "/a@b'"} {
		if !strings.Contains(got, part) {
			t.Errorf("no %s in\n%s", part, got)
		}
	}
	for create, want := range map[string]string{
		"CREATE TABLE i (id INT, PRIMARY KEY (id)) STORED AS ICEBERG":                       "only support NOT ENFORCED",
		"CREATE TABLE i (id INT, PRIMARY KEY (p)) PARTITIONED BY (p INT) STORED AS PARQUET": "'p' does not exist",
		"CREATE TABLE i (id INT, PRIMARY KEY (id) NOT ENFORCED) STORED AS ICEBERG":          "",
	} {
		_, _, err := run(s, create)
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", create, err)
		}
	}
}

// Columns of complex types are there, and that is all: nothing is read from them or written beside them.
func TestComplexColumns(t *testing.T) {
	_, s := open(t, Options{})
	must(t, s, "CREATE TABLE t (id INT)", "INSERT INTO t VALUES (1)", "ALTER TABLE t ADD COLUMNS (tags ARRAY<STRUCT<a:INT,b:MAP<STRING,DECIMAL(3,1)>>>)")
	gives(t, s, "SELECT * FROM t", "1")
	if got := strings.Join(must(t, s, "DESCRIBE t", "SHOW CREATE TABLE t"), "\n"); !strings.Contains(got, "tags ARRAY<STRUCT<a:INT,b:MAP<STRING,DECIMAL(3,1)>>>") {
		t.Error(got)
	}
	fails(t, s, "SELECT tags FROM t", "Could not resolve column/field reference: 'tags'")
	fails(t, s, "INSERT INTO t (id) VALUES (2)", "because the column 'tags' has a complex type")
}

func TestDescribe(t *testing.T) {
	e, s := open(t, Options{})
	must(t, s, `CREATE TABLE t (id INT COMMENT 'key', s CHAR(3)) PARTITIONED BY (p INT) STORED AS PARQUET`,
		`CREATE TABLE k (id INT PRIMARY KEY, s STRING) STORED AS KUDU`, `CREATE VIEW v AS SELECT id FROM t`)
	gives(t, s, `DESCRIBE t`, `id|int|key`, `s|char(3)|`, `p|int|`)
	gives(t, s, `DESCRIBE k`, `id|int||true|true|false||AUTO_ENCODING|DEFAULT_COMPRESSION|0`, `s|string||false||true||AUTO_ENCODING|DEFAULT_COMPRESSION|0`)
	formatted := strings.Join(must(t, s, `DESCRIBE FORMATTED t`), "\n")
	for _, want := range []string{"Location:           |file://" + e.Warehouse() + "/t|NULL", "Table Type:         |MANAGED_TABLE|NULL", "# Partition Information|NULL|NULL"} {
		if !strings.Contains(formatted, want) {
			t.Errorf("DESCRIBE FORMATTED lacks %q:\n%s", want, formatted)
		}
	}
	if v := strings.Join(must(t, s, `DESCRIBE FORMATTED v`), "\n"); !strings.Contains(v, "VIRTUAL_VIEW") {
		t.Error(v)
	}
	gives(t, s, `SHOW TABLES IN default LIKE 't*|k'`, `k`, `t`)
	gives(t, s, `SHOW DATABASES`, `default|Default Hive database`)
	gives(t, s, `SHOW CREATE TABLE v`, "CREATE VIEW `default`.v AS\nSELECT id FROM t")
}

func TestPartitions(t *testing.T) {
	_, s := open(t, Options{})
	must(t, s, `CREATE TABLE t (v STRING) PARTITIONED BY (p INT, q STRING) STORED AS PARQUET`,
		`INSERT INTO t PARTITION (p=1, q='x') VALUES ('a')`,
		`INSERT INTO t PARTITION (p, q) VALUES ('b', 2, 'y'), ('c', NULL, 'z')`,
		`INSERT INTO t PARTITION (p=2, q) SELECT v, 'w' FROM t WHERE p = 1`)
	gives(t, s, `SELECT v, p, q FROM t ORDER BY v, q`, `a|2|w`, `a|1|x`, `b|2|y`, `c|NULL|z`)
	must(t, s, `INSERT OVERWRITE t PARTITION (p, q) SELECT 'n', p, q FROM t WHERE v = 'b'`)
	gives(t, s, `SELECT v, p, q FROM t ORDER BY v, q`, `a|2|w`, `a|1|x`, `c|NULL|z`, `n|2|y`)
	gives(t, s, `SHOW PARTITIONS t`,
		must(t, s, `SHOW TABLE STATS t`)...)
	must(t, s, `ALTER TABLE t DROP IF EXISTS PARTITION (p=2, q='w') PURGE`, `TRUNCATE TABLE t`)
	gives(t, s, `SELECT count(*) FROM t`, `0`)
	fails(t, s, `INSERT INTO t VALUES ('a', 1, 'x')`, `Not enough partition columns`)
}

func TestKudu(t *testing.T) {
	_, s := open(t, Options{})
	must(t, s, `CREATE TABLE k (id BIGINT PRIMARY KEY, name STRING, n INT DEFAULT 5, at TIMESTAMP) PARTITION BY HASH (id) PARTITIONS 3 STORED AS KUDU`)
	for _, c := range []struct {
		sql     string
		changed int64
	}{
		{`INSERT INTO k (id, name) VALUES (1, 'Alice'), (2, 'Bo'), (1, 'again')`, 2},
		{`INSERT INTO k (id, name) SELECT 2, 'no' UNION ALL SELECT 3, 'Cy'`, 1},
		{`UPSERT INTO k (id, name) VALUES (1, 'Alicia'), (4, 'Di')`, 2},
		{`UPDATE k SET name = concat(name, '!'), n = CAST(n + 1 AS INT) WHERE id < 3`, 2},
		{`UPDATE a SET a.name = b.v FROM k a JOIN (SELECT 4 AS id, 'Dee' AS v) b ON a.id = b.id`, 1},
		{`DELETE FROM k WHERE id = 3`, 1},
		{`DELETE a FROM k a LEFT SEMI JOIN (SELECT 2 AS id) b ON a.id = b.id`, 1},
		{`INSERT INTO k (id, name) VALUES (NULL, 'no key')`, 0},
		{`INSERT INTO k VALUES (9, 'time', 1, '2020-01-01 00:00:00.123456500')`, 1},
	} {
		_, n, err := run(s, c.sql)
		if err != nil || n != c.changed {
			t.Errorf("%s changed %d (%v), want %d", c.sql, n, err, c.changed)
		}
	}
	gives(t, s, `SELECT * FROM k ORDER BY id`, `1|Alicia!|6|NULL`, `4|Dee|5|NULL`, `9|time|1|2020-01-01 00:00:00.123457000`)
	fails(t, s, `UPDATE k SET n = n + 1`, `would need to be cast to INT`)
	fails(t, s, `UPDATE k SET id = 7`, `cannot be updated`)
	fails(t, s, `INSERT INTO k (name) VALUES ('x')`, `All primary key columns must be specified`)
	fails(t, s, `CREATE TABLE l (id INT PRIMARY KEY) STORED AS KUDU TBLPROPERTIES ('kudu.table_name'='impala::default.k')`, `Not allowed to set 'kudu.table_name'`)
	must(t, s, `CREATE EXTERNAL TABLE same STORED AS KUDU TBLPROPERTIES ('kudu.table_name'='impala::default.k')`, `DELETE FROM same WHERE id = 9`)
	gives(t, s, `SELECT count(*) FROM k`, `2`)
	must(t, s, `DROP TABLE same`)
	gives(t, s, `SELECT count(*) FROM k`, `2`)
}

// Rows belong to a location: whoever names it shares them, and whoever owns it
// takes them along.
func TestLocations(t *testing.T) {
	e, s := open(t, Options{})
	must(t, s, `CREATE TABLE t (id INT) STORED AS PARQUET`, `INSERT INTO t VALUES (1)`)
	dir := filepath.Join(e.Warehouse(), "t")
	files := func(dir string) int {
		entries, err := os.ReadDir(dir)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return len(entries)
	}
	if files(dir) != 1 || len(must(t, s, `SHOW FILES IN t`)) != 1 {
		t.Errorf("an INSERT leaves no file in %s", dir)
	}
	must(t, s, `CREATE EXTERNAL TABLE x (id INT) STORED AS PARQUET LOCATION 'file://`+dir+`' TBLPROPERTIES ('external.table.purge'='true')`, `INSERT INTO x VALUES (2)`)
	gives(t, s, `SELECT id FROM t ORDER BY id`, `1`, `2`)
	must(t, s, `DROP TABLE x`)
	gives(t, s, `SELECT id FROM t`)
	if files(dir) != 0 {
		t.Error("purge left the files")
	}
	ext := t.TempDir()
	must(t, s, `CREATE EXTERNAL TABLE y (id INT) LOCATION '`+ext+`'`, `INSERT INTO y VALUES (3)`, `DROP TABLE y`,
		`CREATE EXTERNAL TABLE y (id INT) LOCATION '`+ext+`'`)
	gives(t, s, `SELECT id FROM y`, `3`)
	must(t, s, `CREATE TABLE m (id INT)`, `INSERT INTO m VALUES (4)`, `ALTER TABLE m RENAME TO n`)
	gives(t, s, `SELECT id FROM n`, `4`)
	if files(filepath.Join(e.Warehouse(), "m")) != 0 || files(filepath.Join(e.Warehouse(), "n")) != 1 {
		t.Error("a renamed table's folder did not move")
	}
	must(t, s, `CREATE TABLE m (id INT)`)
	gives(t, s, `SELECT count(*) FROM m`, `0`)
}

func TestAlterColumns(t *testing.T) {
	_, s := open(t, Options{})
	must(t, s, `CREATE TABLE t (id INT, v STRING, d DECIMAL(4,2))`, `INSERT INTO t VALUES (1, 'a', 1.25)`,
		`ALTER TABLE t ADD COLUMNS (w INT COMMENT 'new')`)
	gives(t, s, `SELECT * FROM t`, `1|a|1.25|NULL`)
	must(t, s, `ALTER TABLE t DROP COLUMN v`, `ALTER TABLE t ADD COLUMN v STRING`)
	gives(t, s, `SELECT id, v FROM t`, `1|NULL`)
	must(t, s, `ALTER TABLE t CHANGE id ident BIGINT`, `ALTER TABLE t CHANGE COLUMN d d DECIMAL(8,4)`)
	gives(t, s, `SELECT ident, d FROM t`, `1|1.2500`)
	must(t, s, `ALTER TABLE t SET TBLPROPERTIES ('rewind.restore'='7')`)
	if got := must(t, s, `SHOW CREATE TABLE t`)[0]; !strings.Contains(got, "TBLPROPERTIES ('rewind.restore'='7')") {
		t.Error(got)
	}
}

func TestCreateAsSelectAndLike(t *testing.T) {
	_, s := open(t, Options{Translate: true})
	must(t, s, `CREATE TABLE t PARTITIONED BY (p) STORED AS PARQUET AS SELECT 'x' AS v, CAST(1 AS INT) AS p`, `CREATE TABLE u LIKE t`)
	gives(t, s, `SELECT * FROM t`, `x|1`)
	gives(t, s, `DESCRIBE u`, `v|string|`, `p|int|`)
	gives(t, s, `SELECT count(*) FROM u`, `0`)
	if got := must(t, s, `SHOW CREATE TABLE t`)[0]; !strings.HasPrefix(got, "CREATE EXTERNAL TABLE") || !strings.Contains(got, "'external.table.purge'='TRUE'") {
		t.Error(got)
	}
}

func TestDurable(t *testing.T) {
	dir := t.TempDir()
	e, s := open(t, Options{Dir: dir, Durable: true})
	must(t, s, `CREATE DATABASE d`, `CREATE TABLE d.t (id INT)`, `INSERT INTO d.t VALUES (42)`)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e2, err := Open(Options{Dir: dir, Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	defer e2.Close()
	gives(t, e2.NewSession("", nil), `SELECT * FROM d.t`, `42`)
}

func TestSetAndUse(t *testing.T) {
	_, s := open(t, Options{})
	must(t, s, `CREATE DATABASE d`, `USE d`, `CREATE TABLE t (id INT)`, `SET TIMEZONE='Europe/Rome'`, `SET SYNC_DDL=true`, `SET MEM_LIMIT=2g`)
	gives(t, s, `SHOW TABLES`, `t`)
	all := strings.Join(must(t, s, `SET ALL`), "\n")
	for _, want := range []string{"TIMEZONE|Europe/Rome|REGULAR", "SYNC_DDL|1|REGULAR", "MEM_LIMIT|2g|REGULAR"} {
		if !strings.Contains(all, want) {
			t.Errorf("SET ALL lacks %s", want)
		}
	}
	fails(t, s, `DROP DATABASE d`, `is not empty`)
	must(t, s, `USE default`, `DROP DATABASE d CASCADE`, `DROP DATABASE IF EXISTS d`)
}
