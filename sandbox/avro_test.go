package sandbox_test

import (
	"bytes"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"

	"rewind/sandbox"
)

const stagedSchema = `{"type":"record","name":"r","fields":[
 {"name":"id","type":["null","long"]},{"name":"name","type":["null","string"]},{"name":"b","type":["null","boolean"]},
 {"name":"i","type":["null","int"]},{"name":"f","type":["null","float"]},{"name":"d","type":["null","double"]},
 {"name":"n","type":["null",{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}]},
 {"name":"day","type":["null",{"type":"int","logicalType":"date"}]},{"name":"ts","type":["null","string"]},{"name":"x","type":["null","bytes"]}]}`

const stagedColumns = "id BIGINT, name STRING, b BOOLEAN, i INT, f FLOAT, d DOUBLE, n DECIMAL(10,2), day DATE, ts STRING, x BINARY"

func stage(t testing.TB, dir, codec string, from, rows int) {
	t.Helper()
	var buf bytes.Buffer
	w, err := goavro.NewOCFWriter(goavro.OCFConfig{W: &buf, Schema: stagedSchema, CompressionName: codec})
	if err != nil {
		t.Fatal(err)
	}
	var batch []any
	for i := from; i < from+rows; i++ {
		batch = append(batch, map[string]any{
			"id": goavro.Union("long", int64(i)), "name": goavro.Union("string", fmt.Sprintf("name %d?", i)), "b": goavro.Union("boolean", i%2 == 0),
			"i": goavro.Union("int", int32(-i)), "f": goavro.Union("float", float32(i)/2), "d": goavro.Union("double", float64(i)*1.5),
			"n": goavro.Union("bytes.decimal", big.NewRat(int64(-i), 100)), "day": goavro.Union("int.date", time.Unix(int64(i)*86400, 0)),
			"ts": goavro.Union("string", fmt.Sprintf("2020-01-01 00:00:%02d.000000001", i%60)), "x": nil})
		if len(batch) == 1000 || i == from+rows-1 {
			if err := w.Append(batch); err != nil {
				t.Fatal(err)
			}
			batch = nil
		}
	}
	if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("part-%d.avro", from)), buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestStagedAvroFilesAreATable(t *testing.T) {
	_, db := start(t, sandbox.ImpalaOptions{})
	for _, codec := range []string{"null", "snappy", "deflate"} {
		dir := t.TempDir()
		stage(t, dir, codec, 0, 1500)
		stage(t, dir, codec, 1500, 500)
		if err := os.WriteFile(filepath.Join(dir, ".hidden"), []byte("no avro"), 0o600); err != nil {
			t.Fatal(err)
		}
		exec(t, db, "DROP TABLE IF EXISTS staged", "DROP TABLE IF EXISTS loaded",
			"CREATE EXTERNAL TABLE staged ("+stagedColumns+") STORED AS AVRO LOCATION 'file://"+dir+"'",
			"CREATE TABLE loaded (ts TIMESTAMP, id BIGINT, n DECIMAL(10,2)) STORED AS PARQUET",
			"INSERT INTO loaded SELECT CAST(ts AS TIMESTAMP), id, n FROM staged")
		got := one(t, db, "SELECT count(*), sum(id), CAST(sum(n) AS STRING), CAST(max(ts) AS STRING) FROM loaded", 4)
		if fmt.Sprint(got) != "[2000 1999000 -19990.00 2020-01-01 00:00:59.000000001]" {
			t.Errorf("%s: %v", codec, got)
		}
		got = one(t, db, "SELECT name, b, i, f, d, CAST(n AS STRING), CAST(day AS STRING), base64encode(x) FROM staged WHERE id = 3", 8)
		if fmt.Sprint(got) != "[name 3? false -3 1.5 4.5 -0.03 1970-01-04 <nil>]" {
			t.Errorf("%s: %v", codec, got)
		}
	}
}

func TestAvroTablesRefuse(t *testing.T) {
	_, db := start(t, sandbox.ImpalaOptions{})
	dir := t.TempDir()
	stage(t, dir, "null", 0, 1)
	refused := func(statement string) {
		t.Helper()
		if _, err := db.Exec(statement); err == nil {
			t.Errorf("%s was accepted", statement)
		}
	}
	refused("CREATE EXTERNAL TABLE a (id BIGINT) STORED AS AVRO LOCATION 'file:///no/such/folder'")
	exec(t, db, "CREATE EXTERNAL TABLE a (id BIGINT) STORED AS AVRO LOCATION 'file://"+dir+"'",
		"CREATE EXTERNAL TABLE wrong (name BIGINT) STORED AS AVRO LOCATION 'file://"+dir+"'",
		"CREATE EXTERNAL TABLE narrow (n DECIMAL(12,2)) STORED AS AVRO LOCATION 'file://"+dir+"'",
		"CREATE EXTERNAL TABLE more (id BIGINT, absent STRING) STORED AS AVRO LOCATION 'file://"+dir+"'")
	refused("INSERT INTO a VALUES (1)")
	refused("CREATE TABLE b STORED AS PARQUET AS SELECT name FROM wrong")
	refused("CREATE TABLE b STORED AS PARQUET AS SELECT n FROM narrow")
	if got := one(t, db, "SELECT id, absent FROM more", 2); fmt.Sprint(got) != "[0 <nil>]" {
		t.Error(got)
	}
	if err := os.WriteFile(filepath.Join(dir, "torn.avro"), []byte("Obj\x01torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused("CREATE TABLE b STORED AS PARQUET AS SELECT id FROM a")
}
