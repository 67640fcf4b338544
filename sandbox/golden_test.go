package sandbox_test

import (
	dbsql "database/sql"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rewind/sandbox"
	"rewind/sandbox/internal/sql"
)

// goldens are the statements that the product emits, one file a kind of table.
func goldens(t *testing.T) map[string][]string {
	t.Helper()
	names, err := filepath.Glob("../impala/testdata/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]string{}
	for _, n := range names {
		text, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		statements, err := sql.Split(string(text))
		if err != nil {
			t.Fatalf("%s: %v", n, err)
		}
		files[strings.TrimSuffix(filepath.Base(n), ".sql")] = statements
	}
	return files
}

func TestGoldenStatementsParse(t *testing.T) {
	for name, statements := range goldens(t) {
		for _, s := range statements {
			if _, err := sql.Parse(s); err != nil {
				t.Errorf("%s: %s\n%v", name, s, err)
			}
		}
	}
}

var (
	created  = regexp.MustCompile("(?s)^CREATE (EXTERNAL )?TABLE `shop`\\.`\\w+_then`.*")
	location = regexp.MustCompile(`file:///data/staging/[^']*`)
	version  = regexp.MustCompile(`(FOR SYSTEM_VERSION AS OF )\d+`)
)

// The statements run in their order. The golden file shows them by purpose, so
// the source, and the new table where it is spoken of before it is made, are made first.
func TestGoldenStatementsRun(t *testing.T) {
	for name, statements := range goldens(t) {
		t.Run(name, func(t *testing.T) {
			_, db := start(t, sandbox.ImpalaOptions{})
			staging := t.TempDir()
			exec(t, db, "CREATE DATABASE shop")
			definition := ""
			for _, s := range statements {
				if definition == "" && created.MatchString(s) {
					definition = s
				}
			}
			exec(t, db, strings.Replace(definition, "_then`", "`", 1))
			current := ""
			if strings.Contains(definition, "STORED AS ICEBERG") {
				current = firstVersion(t, db, name)
			}
			for _, s := range statements {
				s = location.ReplaceAllString(s, "file://"+staging)
				s = version.ReplaceAllString(s, "${1}"+current)
				err := consume(db, s)
				if err != nil && strings.Contains(err.Error(), "Could not resolve table reference: 'shop."+name+"_then'") {
					exec(t, db, definition)
					err = consume(db, s)
				}
				if err != nil && strings.Contains(err.Error(), "Table/view already exists: shop."+name) {
					exec(t, db, "DROP TABLE `shop`.`"+name+"`")
					err = consume(db, s)
				}
				if created.MatchString(s) && err != nil && strings.Contains(err.Error(), "Table already exists") {
					err = nil
				}
				if err != nil {
					t.Errorf("%s\n%v", s, err)
				}
			}
		})
	}
}

// firstVersion writes nothing to an Iceberg table, and gives the version that this makes.
func firstVersion(t *testing.T, db *dbsql.DB, name string) (id string) {
	t.Helper()
	exec(t, db, "INSERT INTO shop."+name+" SELECT * FROM shop."+name)
	var at, parent, ancestor dbsql.NullString
	if err := db.QueryRow("DESCRIBE HISTORY shop."+name).Scan(&at, &id, &parent, &ancestor); err != nil {
		t.Fatal(err)
	}
	return id
}

func consume(db *dbsql.DB, statement string) error {
	rows, err := db.Query(statement)
	if err != nil {
		return err
	}
	for rows.Next() {
	}
	return errors.Join(rows.Err(), rows.Close())
}
