package replay

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"rewind/table"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestFormats: files of version 1 are read forever, and written so.
func TestFormats(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 123456000, time.UTC)
	for name, want := range map[string]any{
		"swap.json": &swap{
			Version: 1, ID: "20261123_090000_0a0b0c0d", Table: "shop.orders", New: "shop.orders__rewind_new_20261123_090000_0a0b0c0d",
			Kept: "shop.orders__rewind_20261123_090000_0a0b0c0d", Old: "20261122_090000_00000000", Captured: 1795424700000000,
			Digest: &table.Digest{Rows: 2, M: 1<<64 - 1, F: 1 << 63}, Schema: ordersSchema(itemColumn).AvroSchema(), Point: 1795424640000000, At: at,
		},
		"load.json": &loadRecord{Version: 1, ID: "20261123_090000_0a0b0c0d", Table: "shop.orders", Into: "shop.orders_then"},
		"replaced.json": &keptFile{Version: 1, Tables: []Kept{{
			Table: "shop.orders", Kept: "shop.orders__rewind_20261123_090000_0a0b0c0d", RestoreID: "20261123_090000_0a0b0c0d",
			Property: "20261122_090000_00000000", Point: 1795424640000000, At: at,
		}}},
		"proofs.json": &proofFile{Version: 1, Table: "shop.orders", Proved: []provedPoint{{
			Stream: "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", Snapshot: 1795424640000000, Digest: "2:ffffffffffffffff:8000000000000000",
			Proof: Proof{At: at, How: ProofFolded},
		}}},
	} {
		written, err := json.MarshalIndent(want, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		written = append(written, '\n')
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, written, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(written, golden) {
			t.Errorf("%s is written as\n%s", name, written)
		}
		read := reflect.New(reflect.TypeOf(want).Elem()).Interface()
		if err := json.Unmarshal(golden, read); err != nil || !reflect.DeepEqual(read, want) {
			t.Errorf("%s is read as %+v, %v", name, read, err)
		}
	}
}
