package engine

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"rewind/sandbox/internal/avro"
)

// avroScan is a table that SQLite reads through us: the Avro files of a
// folder, at the time of the query.
type avroScan struct {
	name    string // of the module and of its only table
	dir     string
	table   string
	columns []Column
	failure *error
}

// avroTypes are the types that columns of an Avro table have whatever was declared.
func avroType(t Type) Type {
	switch t.Kind {
	case TinyInt, SmallInt:
		return Type{Kind: Int}
	case Char, VarChar, Timestamp:
		return Type{Kind: String}
	}
	return t
}

func (a *analyzer) avroSource(src *source, t *Table, alias string) error {
	scan := &avroScan{name: fmt.Sprintf("avro%d", len(a.scans)), dir: localPath(t.Location), table: t.qualified(), columns: t.Columns}
	a.scans = append(a.scans, scan)
	src.from = scan.name + " AS " + alias
	for i, c := range t.Columns {
		src.columns = append(src.columns, sourceColumn{c.Name, c.Type, fmt.Sprintf("%s.c%d", alias, i)})
	}
	return nil
}

// connectScans offers the statement's Avro tables to its connection.
func (a *analyzer) connectScans(failure *error) error {
	for _, scan := range a.scans {
		scan.failure = failure
		//nolint:staticcheck // what replaces it needs Go 1.27
		err := sqlite3.CreateModule(a.conn, scan.name, nil,
			func(db *sqlite3.Conn, _, _, _ string, _ ...string) (*avroScan, error) {
				names := make([]string, len(scan.columns))
				for i := range names {
					names[i] = fmt.Sprintf("c%d", i)
				}
				return scan, db.DeclareVTab("CREATE TABLE x(" + strings.Join(names, ", ") + ")")
			})
		if err != nil {
			return err
		}
	}
	return nil
}

// BestIndex offers a full scan only.
func (s *avroScan) BestIndex(i *sqlite3.IndexInfo) error {
	i.EstimatedCost, i.EstimatedRows = 1e6, 100_000
	return nil
}

// Open starts a scan.
func (s *avroScan) Open() (sqlite3.VTabCursor, error) { return &avroCursor{scan: s}, nil }

type avroCursor struct {
	scan   *avroScan
	files  []string
	file   *os.File
	reader *avro.Reader
	fields []int // of each column; -1 where the file has none
	take   []func(avro.Value) datum
	values []avro.Value
	row    int64
	eof    bool
}

// Filter starts from the first file.
func (c *avroCursor) Filter(int, string, ...sqlite3.Value) error {
	c.close()
	entries, err := os.ReadDir(c.scan.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return c.failed(err)
	}
	c.files, c.row, c.eof = nil, 0, false
	for _, e := range entries {
		if !e.IsDir() && e.Name()[0] != '.' && e.Name()[0] != '_' {
			c.files = append(c.files, filepath.Join(c.scan.dir, e.Name()))
		}
	}
	return c.Next()
}

func (c *avroCursor) failed(err error) error {
	err = &Error{"HY000", fmt.Sprintf("Problem parsing file %s of table %s: %v", c.current(), c.scan.table, err)}
	*c.scan.failure = err
	c.close()
	return err
}

func (c *avroCursor) current() string {
	if c.file == nil {
		return c.scan.dir
	}
	return c.file.Name()
}

// Close ends the scan.
func (c *avroCursor) Close() error {
	c.close()
	return nil
}

func (c *avroCursor) close() {
	if c.file != nil {
		c.file.Close()
		c.file, c.reader = nil, nil
	}
}

// Next decodes the next record, going on to the next file where one ends.
func (c *avroCursor) Next() error {
	for {
		if c.reader == nil {
			if len(c.files) == 0 {
				c.eof = true
				return nil
			}
			if err := c.open(c.files[0]); err != nil {
				return c.failed(err)
			}
			c.files = c.files[1:]
		}
		err := c.reader.Next(c.values)
		if err == nil {
			c.row++
			return nil
		}
		if !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return c.failed(err)
		}
		c.close()
	}
}

func (c *avroCursor) open(name string) error {
	var err error
	if c.file, err = os.Open(name); err != nil {
		return err
	}
	if c.reader, err = avro.NewReader(c.file); err != nil {
		return err
	}
	c.values = make([]avro.Value, len(c.reader.Fields))
	c.fields = make([]int, len(c.scan.columns))
	c.take = make([]func(avro.Value) datum, len(c.scan.columns))
	for i, col := range c.scan.columns {
		c.fields[i] = -1
		for j, f := range c.reader.Fields {
			if f.Name != col.Name {
				continue
			}
			take, ok := avroConversion(f, col.Type)
			if !ok {
				return fmt.Errorf("unresolvable types for column '%s': declared column type: %s, file schema's type: %s",
					col.Name, col.Type, describeField(f))
			}
			c.fields[i], c.take[i] = j, take
		}
	}
	return nil
}

func describeField(f avro.Field) string {
	names := [...]string{avro.Boolean: "boolean", avro.Int: "int", avro.Long: "long", avro.Float: "float", avro.Double: "double", avro.Bytes: "bytes", avro.String: "string"}
	if f.Logical == "decimal" {
		return fmt.Sprintf("decimal(%d,%d)", f.Precision, f.Scale)
	}
	return strings.TrimSpace(names[f.Kind] + " " + f.Logical)
}

// avroConversion is Avro's schema resolution as far as Impala's scanner goes.
func avroConversion(f avro.Field, t Type) (func(avro.Value) datum, bool) {
	asInteger := func(v avro.Value) datum { return integer(v.Int) }
	asDouble := func(v avro.Value) datum { return double(v.Float) }
	asBytes := func(v avro.Value) datum { return blob(v.Bytes) }
	switch {
	case f.Logical == "decimal":
		return decimalBytes, f.Kind == avro.Bytes && t == Type{Kind: Decimal, Precision: f.Precision, Scale: f.Scale}
	case t.Kind == Boolean:
		return asInteger, f.Kind == avro.Boolean
	case t.Kind == Date:
		return asInteger, f.Kind == avro.Int && f.Logical == "date"
	case t.Kind == Int:
		return asInteger, f.Kind == avro.Int
	case t.Kind == BigInt:
		return asInteger, f.Kind == avro.Int || f.Kind == avro.Long
	case t.isFloat() && (f.Kind == avro.Int || f.Kind == avro.Long):
		return func(v avro.Value) datum { return double(float64(v.Int)) }, true
	case t.isFloat():
		return asDouble, f.Kind == avro.Float || f.Kind == avro.Double && t.Kind == Double
	case t.Kind == String:
		return asBytes, f.Kind == avro.String || f.Kind == avro.Bytes
	case t.Kind == Binary:
		return asBytes, f.Kind == avro.Bytes
	}
	return nil, false
}

// decimalBytes reads a big-endian two's complement number.
func decimalBytes(v avro.Value) datum {
	x := new(big.Int).SetBytes(v.Bytes)
	if len(v.Bytes) > 0 && v.Bytes[0]&0x80 != 0 {
		x.Sub(x, new(big.Int).Lsh(big.NewInt(1), uint(8*len(v.Bytes))))
	}
	u, ok := unscaledOf(x, maxPrecision)
	if !ok {
		return null
	}
	return u.datum()
}

// EOF tells whether the scan is over.
func (c *avroCursor) EOF() bool { return c.eof }

// Column gives one value of the record.
func (c *avroCursor) Column(ctx sqlite3.Context, n int) error {
	if c.fields[n] < 0 {
		ctx.ResultNull()
		return nil
	}
	v := c.values[c.fields[n]]
	if v.Null {
		ctx.ResultNull()
		return nil
	}
	give(ctx, c.take[n](v), nil, c.scan.columns[n].Type, c.scan.failure)
	return nil
}

// RowID counts the records.
func (c *avroCursor) RowID() (int64, error) { return c.row, nil }
