package main

import (
	"strings"
	"testing"
)

func TestToHive(t *testing.T) {
	for _, c := range []struct{ impala, hive string }{
		{"SELECT base64encode(t.`c`) FROM `d`.`t` t", "SELECT base64(CAST(t.`c` AS BINARY)) FROM `d`.`t` t"},
		{"SELECT base64encode(rtrim(CAST(c AS STRING))), 1", "SELECT base64(CAST(rtrim(CAST(c AS STRING)) AS BINARY)), 1"},
		{"SELECT base64encode(CAST(src.`c d` AS STRING)) AS `v0`", "SELECT base64(CAST(src.`c d` AS BINARY)) AS `v0`"},
		{"SELECT CAST(base64decode('YQ==') AS BINARY)", "SELECT unbase64('YQ==')"},
		{"SELECT base64decode('YQ==')", "SELECT CAST(unbase64('YQ==') AS STRING)"},
		{"TRUNCATE TABLE `d`.`t`", "TRUNCATE TABLE `d`.`t` FORCE"},
		{
			"CREATE TABLE `d`.`t` (`a` DECIMAL(3,1)) PARTITIONED BY (`p` DECIMAL(3,1) COMMENT 'it\\'s)') SORT BY ZORDER (`a`, `p`) COMMENT 'c' STORED AS PARQUET",
			"CREATE TABLE `d`.`t` (`a` DECIMAL(3,1)) COMMENT 'c' PARTITIONED BY (`p` DECIMAL(3,1) COMMENT 'it\\'s)') STORED AS PARQUET",
		},
		{
			`CREATE TABLE t (a INT) ROW FORMAT DELIMITED FIELDS TERMINATED BY '\001' WITH SERDEPROPERTIES ('x'='\001)', 'y'='\'') STORED AS TEXTFILE`,
			`CREATE TABLE t (a INT) ROW FORMAT DELIMITED FIELDS TERMINATED BY '\001' STORED AS TEXTFILE`,
		},
		{"SELECT from_timestamp(x, 'yyyy-MM-dd'), `bytes(`, 'bytes(' , bytes(')')", "SELECT date_format(x, 'yyyy-MM-dd'), `bytes(`, 'bytes(' , octet_length(')')"},
		{`SELECT 'it\'s base64encode(x)', base64encode(x)`, `SELECT 'it\'s base64encode(x)', base64(CAST(x AS BINARY))`},
		{"SELECT my_bytes(x)", "SELECT my_bytes(x)"},
		{"SELECT CAST('nan' AS DOUBLE), CAST('-inf' AS FLOAT), CAST('inf' AS DOUBLE)", "SELECT CAST('NaN' AS DOUBLE), CAST('-Infinity' AS FLOAT), CAST('Infinity' AS DOUBLE)"},
		{"COMPUTE STATS `d`.`t`", "ANALYZE TABLE `d`.`t` COMPUTE STATISTICS"},
	} {
		if got := toHive(c.impala); got != c.hive {
			t.Errorf("toHive(%s)\n got %s\nwant %s", c.impala, got, c.hive)
		}
	}
}

func TestImpalaDDL(t *testing.T) {
	hive := "CREATE EXTERNAL TABLE `shop`.`o`(\n" +
		"  `order_id` bigint COMMENT 'it\\'s (a, b)', \n  `d` decimal(38,10), \n  `date` date)\n" +
		"COMMENT 'hello'\nPARTITIONED BY ( \n  `region` string)\n" +
		"ROW FORMAT SERDE \n  'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe' \n" +
		"WITH SERDEPROPERTIES ( \n  'field.delim'=',', \n  'serialization.format'=',') \n" +
		"STORED AS INPUTFORMAT \n  'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat' \n" +
		"OUTPUTFORMAT \n  'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat'\n" +
		"LOCATION\n  'file:/w/shop.db/o'\n" +
		"TBLPROPERTIES (\n  'k'='v\\'x', \n  'transient_lastDdlTime'='1')\n"
	want := strings.Join([]string{
		"CREATE EXTERNAL TABLE shop.o (", "  order_id BIGINT COMMENT 'it\\'s (a, b)',", "  d DECIMAL(38,10),", "  `date` DATE", ")",
		"PARTITIONED BY (", "  region STRING", ")", "COMMENT 'hello'", "ROW FORMAT DELIMITED FIELDS TERMINATED BY ','", "WITH SERDEPROPERTIES ('field.delim'=',', 'serialization.format'=',')",
		"STORED AS PARQUET", "LOCATION 'file:/w/shop.db/o'", "TBLPROPERTIES ('k'='v\\'x', 'transient_lastDdlTime'='1')",
	}, "\n")
	got, err := impalaDDL(hive)
	if err != nil || got != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, got, want)
	}
}
