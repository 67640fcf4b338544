package hs2

import (
	"bytes"
	"context"
	"errors"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	hs "github.com/beltran/gohive/hiveserver"
	"go.uber.org/goleak"

	"rewind/sandbox/internal/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// client speaks the protocol bare: what impala-go hides is looked at here.
type client struct {
	*hs.TCLIServiceClient
	t       *testing.T
	session *hs.TSessionHandle
}

func serve(t *testing.T, o Options) (*Server, *client) {
	t.Helper()
	e, err := engine.Open(engine.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := Serve(l, e, o)
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), e.Close()); err != nil {
			t.Error(err)
		}
	})
	return s, connect(t, l.Addr().String())
}

func connect(t *testing.T, addr string) *client {
	t.Helper()
	cfg := &thrift.TConfiguration{}
	socket := thrift.NewTSocketConf(addr, cfg)
	if err := socket.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	protocol := thrift.NewTBinaryProtocolConf(thrift.NewTBufferedTransport(socket, 4096), cfg)
	c := &client{TCLIServiceClient: hs.NewTCLIServiceClient(thrift.NewTStandardClient(protocol, protocol)), t: t}
	r, err := c.OpenSession(context.Background(), &hs.TOpenSessionReq{ClientProtocol: hs.TProtocolVersion_HIVE_CLI_SERVICE_PROTOCOL_V7})
	if err != nil {
		t.Fatal(err)
	}
	c.session = r.SessionHandle
	return c
}

func (c *client) execute(statement string) *hs.TExecuteStatementResp {
	c.t.Helper()
	r, err := c.ExecuteStatement(context.Background(), &hs.TExecuteStatementReq{SessionHandle: c.session, Statement: statement})
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func (c *client) fetch(op *hs.TOperationHandle, rows int64) *hs.TFetchResultsResp {
	c.t.Helper()
	r, err := c.FetchResults(context.Background(), &hs.TFetchResultsReq{OperationHandle: op, MaxRows: rows})
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func TestColumnsOnTheWire(t *testing.T) {
	_, c := serve(t, Options{})
	r := c.execute("SELECT true, CAST(1 AS TINYINT), CAST(2 AS SMALLINT), CAST(3 AS INT), CAST(4 AS BIGINT), CAST(1.1 AS FLOAT), CAST('-0' AS DOUBLE), " +
		"CAST(-0.5 AS DECIMAL(3,2)), 's', CAST('v' AS VARCHAR(3)), CAST('c' AS CHAR(3)), CAST('2020-01-02 03:04:05.6' AS TIMESTAMP), CAST('2020-01-02' AS DATE), CAST('b\\0\\\\' AS BINARY)")
	if r.Status.StatusCode != hs.TStatusCode_SUCCESS_STATUS || !r.OperationHandle.HasResultSet {
		t.Fatal(r.Status)
	}
	cols := c.fetch(r.OperationHandle, 10).Results.Columns
	f, d := cols[5].DoubleVal.Values[0], cols[6].DoubleVal.Values[0]
	if !cols[0].BoolVal.Values[0] || cols[1].ByteVal.Values[0] != 1 || cols[2].I16Val.Values[0] != 2 || cols[3].I32Val.Values[0] != 3 || cols[4].I64Val.Values[0] != 4 ||
		f != float64(float32(1.1)) || d != 0 || !math.Signbit(d) {
		t.Errorf("%v", cols[:7])
	}
	for i, want := range []string{"-0.50", "s", "v", "c  ", "2020-01-02 03:04:05.600000000", "2020-01-02"} {
		if got := cols[7+i].StringVal.Values[0]; got != want {
			t.Errorf("column %d is %q, want %q", 7+i, got, want)
		}
	}
	if b := cols[13].BinaryVal; b == nil || !bytes.Equal(b.Values[0], []byte("b\x00\\")) {
		t.Errorf("BINARY came as %v", cols[13])
	}
}

// Null bitmaps have a bit for every row, also behind the last NULL, and where a batch is split.
func TestNullBitmapsAreWhole(t *testing.T) {
	_, c := serve(t, Options{})
	c.execute("CREATE TABLE t (i INT)")
	c.execute("INSERT INTO t VALUES (NULL), (1)" + strings.Repeat(", (1)", 18) + ", (NULL)")
	op := c.execute("SELECT i FROM t").OperationHandle
	c.fetch(op, 20) // makes batches of 20
	op = c.execute("SELECT i FROM t").OperationHandle
	var nulls []bool
	for more, ask := true, int64(17); more; ask = 3 {
		r := c.fetch(op, ask)
		v := r.Results.Columns[0].I32Val
		if want := (len(v.Values) + 7) / 8; len(v.Nulls) != want {
			t.Fatalf("%d rows have a bitmap of %d bytes", len(v.Values), len(v.Nulls))
		}
		for i := range v.Values {
			nulls = append(nulls, v.Nulls[i/8]&(1<<(i%8)) != 0)
		}
		more = *r.HasMoreRows
	}
	for i, n := range nulls {
		if n != (i == 0 || i == 20) {
			t.Errorf("row %d null: %v", i, n)
		}
	}
	if len(nulls) != 21 {
		t.Errorf("%d rows", len(nulls))
	}
}

func TestErrorsCarryTheirState(t *testing.T) {
	_, c := serve(t, Options{})
	r := c.execute("SELECT nothing")
	if r.Status.StatusCode != hs.TStatusCode_ERROR_STATUS || r.Status.GetSqlState() != "HY000" || !strings.HasPrefix(r.Status.GetErrorMessage(), "AnalysisException: ") {
		t.Errorf("%v", r.Status)
	}
	types, err := c.GetTypeInfo(context.Background(), &hs.TGetTypeInfoReq{SessionHandle: c.session})
	if err != nil || types.Status.GetSqlState() != "HYC00" {
		t.Errorf("%v %v", types, err)
	}
	c.session = &hs.TSessionHandle{SessionId: newIdentifier()}
	if r := c.execute("SELECT 1"); !strings.HasPrefix(r.Status.GetErrorMessage(), "Invalid session id: ") {
		t.Errorf("%v", r.Status)
	}
	if f := c.fetch(&hs.TOperationHandle{OperationId: newIdentifier()}, 1); !strings.HasPrefix(f.Status.GetErrorMessage(), "Invalid or unknown query handle: ") {
		t.Errorf("%v", f.Status)
	}
}

func TestStillExecutingAndCancel(t *testing.T) {
	s, c := serve(t, Options{FetchDelay: time.Hour, FetchWait: time.Millisecond})
	op := c.execute("SELECT 1").OperationHandle
	r := c.fetch(op, 10)
	if r.Status.StatusCode != hs.TStatusCode_STILL_EXECUTING_STATUS || !*r.HasMoreRows || r.Results != nil {
		t.Errorf("%v", r)
	}
	if len(s.Queries()) != 1 {
		t.Error(s.Queries())
	}
	if _, err := c.CancelOperation(context.Background(), &hs.TCancelOperationReq{OperationHandle: op}); err != nil {
		t.Fatal(err)
	}
	status, err := c.GetOperationStatus(context.Background(), &hs.TGetOperationStatusReq{OperationHandle: op})
	if err != nil || status.GetOperationState() != hs.TOperationState_CANCELED_STATE || status.GetErrorMessage() != "Cancelled" {
		t.Errorf("%v %v", status, err)
	}
	if len(s.Queries()) != 0 {
		t.Error(s.Queries())
	}
}

func TestFaults(t *testing.T) {
	_, c := serve(t, Options{Fault: func(statement string) (before, after error) {
		switch {
		case strings.HasSuffix(statement, "(1)"):
			return errors.New("lost before"), nil
		case strings.HasSuffix(statement, "(2)"):
			return nil, errors.New("lost after")
		}
		return nil, nil
	}})
	c.execute("CREATE TABLE t (i INT)")
	for statement, want := range map[string]string{"INSERT INTO t VALUES (1)": "lost before", "INSERT INTO t VALUES (2)": "lost after"} {
		if r := c.execute(statement); r.Status.GetErrorMessage() != want {
			t.Errorf("%s: %v", statement, r.Status)
		}
	}
	if v := c.fetch(c.execute("SELECT i FROM t").OperationHandle, 9).Results.Columns[0].I32Val.Values; len(v) != 1 || v[0] != 2 {
		t.Error(v)
	}
}

// What is no Thrift ends its connection and nothing else.
func TestGarbage(t *testing.T) {
	s, c := serve(t, Options{})
	for _, b := range []string{"GET / HTTP/1.1\r\n\r\n", "\x80\x01\x00\x01\xff\xff\xff\xff", "\x80\x01\x00\x01\x00\x00\x00\x10ExecuteStatement"} {
		conn, err := net.Dial("tcp", s.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(b)); err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	if r := c.execute("SELECT 1"); r.Status.StatusCode != hs.TStatusCode_SUCCESS_STATUS {
		t.Error(r.Status)
	}
}
