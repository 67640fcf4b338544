package impala

import (
	"context"
	"sync/atomic"
	"testing"

	"rewind/sandbox"
)

// TestACutResultIsNoEnd cuts the connection, or its answer, at each call of a scan: it fails, or the table is whole. The driver's error of a cut
// connection is io.EOF, wrapped, as the end of a result is.
func TestACutResultIsNoEnd(t *testing.T) {
	var left atomic.Int64
	fault := sandbox.CallCut
	b := newBench(t, sandbox.ImpalaOptions{BatchRows: 3, Call: func(sandbox.Call) sandbox.CallFault {
		if left.Add(-1) == 0 {
			return fault
		}
		return 0
	}}, Options{})
	s := b.fullTable(t, shop("full"), "CREATE TABLE", "STORED AS PARQUET")
	cut := 0
	for _, fault = range []sandbox.CallFault{sandbox.CallCut, sandbox.CallLost} {
		for k := int64(1); ; k++ {
			left.Store(k)
			rows, failed := 0, false
			for _, err := range b.Rows(context.Background(), s, true) {
				if failed = err != nil; !failed {
					rows++
				}
			}
			if over := left.Load() > 0; over {
				break
			}
			if cut++; !failed && rows != 20 {
				t.Errorf("call %d: %d of 20 rows, and no error", k, rows)
			}
		}
	}
	left.Store(0)
	t.Logf("counted: %d cut connections of a scan", cut)
}

// TestReadersThatStop: whoever stops behind any row of a scan leaves nothing behind, though the next rows are on their way.
func TestReadersThatStop(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{BatchRows: 3}, Options{})
	s := b.fullTable(t, shop("full"), "CREATE TABLE", "STORED AS PARQUET")
	ctx, cancel := context.WithCancel(context.Background()) // so that the driver's calls are made elsewhere
	defer cancel()
	for stop := range 20 {
		rows := 0
		for _, err := range b.Rows(ctx, s, true) {
			if err != nil {
				t.Fatal(err)
			}
			if rows++; rows > stop {
				break
			}
		}
		if rows != stop+1 {
			t.Errorf("stopped behind row %d, %d were read", stop, rows)
		}
	}
	if _, rows, _ := b.capture(t, shop("full")); len(rows) != 20 {
		t.Errorf("%d rows", len(rows))
	}
}
