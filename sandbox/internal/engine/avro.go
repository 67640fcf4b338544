package engine

import "github.com/ncruces/go-sqlite3"

type avroScan struct{}

func registerAvro(*sqlite3.Conn) error  { return nil }
func (a *analyzer) connectScans() error { return nil }
func (a *analyzer) avroSource(src *source, t *Table, alias string) error {
	return analysis("Avro tables are not read yet")
}
