package sandbox_test

import (
	"database/sql"
	"testing"

	_ "github.com/sclgo/impala-go"

	"rewind/sandbox"
)

func start(t *testing.T, o sandbox.ImpalaOptions) (*sandbox.Impala, *sql.DB) {
	t.Helper()
	i, err := sandbox.StartImpala(o)
	if err != nil {
		t.Fatal(err)
	}
	db := openDB(t, i)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	})
	return i, db
}

func openDB(t testing.TB, i *sandbox.Impala) *sql.DB {
	t.Helper()
	db, err := sql.Open("impala", i.DSN())
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func exec(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s\n%v", s, err)
		}
	}
}

func TestAliceBecomesBob(t *testing.T) {
	_, db := start(t, sandbox.ImpalaOptions{})
	exec(t, db,
		"CREATE TABLE my_table (id BIGINT PRIMARY KEY, name STRING) PARTITION BY HASH (id) PARTITIONS 2 STORED AS KUDU",
		"INSERT INTO my_table VALUES (1, 'Alice')",
		"UPDATE my_table SET name = 'Bob' WHERE id = 1",
		"INSERT INTO my_table SELECT 2, concat('C', 'arol')")
	rows, err := db.Query("SELECT id, name FROM default.my_table ORDER BY id ASC NULLS FIRST")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			t.Fatal(err)
		}
		got = append(got, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0] != "Bob" || got[1] != "Carol" {
		t.Fatalf("got %q", got)
	}
}
