package sandbox_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sclgo/impala-go"
	"github.com/segmentio/kafka-go"
	"go.uber.org/goleak"

	"rewind/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// slow is a query that computes for a very long time and gives no row before.
const slow = "SELECT count(*) FROM n a, n b, n c, n d WHERE upper(concat(a.s, b.s, c.s, d.s)) = 'x'"

func numbers(t *testing.T, db *sql.DB, rows int) {
	t.Helper()
	var b strings.Builder
	for i := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "(%d, 'row %d')", i, i)
	}
	exec(t, db, "CREATE TABLE n (i INT, s STRING)", "INSERT INTO n VALUES "+b.String())
}

func count(t *testing.T, db *sql.DB, query string) int {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var i sql.NullInt64
		var s sql.NullString
		if err := rows.Scan(&i, &s); err != nil {
			t.Fatal(err)
		}
		if i.Int64 != int64(n) {
			t.Fatalf("row %d is %d", n, i.Int64)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

// A result arrives whole, however the server cuts and delays it.
func TestFetching(t *testing.T) {
	for name, o := range map[string]sandbox.ImpalaOptions{
		"plain":         {},
		"small batches": {BatchRows: 7},
		"empty batches": {BatchRows: 100, EmptyBatches: 2},
		"executing":     {BatchRows: 2000, FetchDelay: 20 * time.Millisecond, FetchWait: time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			_, db := start(t, o)
			numbers(t, db, 2500)
			if n := count(t, db, "SELECT i, s FROM n ORDER BY i"); n != 2500 {
				t.Errorf("%d rows", n)
			}
		})
	}
}

// waitFor polls the list of queries until it has so many.
func waitFor(t *testing.T, i *sandbox.Impala, n int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); len(i.Queries()) != n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("queries: %v, want %d", i.Queries(), n)
		}
	}
}

func TestCancelledQueriesEnd(t *testing.T) {
	i, db := start(t, sandbox.ImpalaOptions{FetchWait: 10 * time.Millisecond})
	numbers(t, db, 200)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		rows, err := db.QueryContext(ctx, slow)
		if err == nil {
			rows.Next()
			err = rows.Err()
			rows.Close()
		}
		failed <- err
	}()
	waitFor(t, i, 1)
	if q := i.Queries()[0]; q.Statement != slow || q.ID == "" || q.Started.IsZero() {
		t.Errorf("%+v", q)
	}
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	waitFor(t, i, 0)
}

// A client that dies takes its queries along.
func TestLostConnectionsEndTheirQueries(t *testing.T) {
	i, db := start(t, sandbox.ImpalaOptions{FetchWait: 10 * time.Millisecond})
	numbers(t, db, 200)
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	cut := make(chan net.Conn, 2)
	go forward(proxy, i.Addr(), cut)
	far, err := sql.Open("impala", "impala://"+proxy.Addr().String()+"?auth=noauth")
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		var n int64
		failed <- far.QueryRow(slow).Scan(&n)
	}()
	waitFor(t, i, 1)
	for range 2 {
		(<-cut).Close()
	}
	if err := <-failed; err == nil {
		t.Error("the query of a cut connection gave a result")
	}
	waitFor(t, i, 0)
	_ = far.Close() // complains that its connection is gone
}

// forward joins one client to the server and hands both ends out, to be cut.
func forward(l net.Listener, to string, ends chan<- net.Conn) {
	client, err := l.Accept()
	l.Close() // whoever tries again is refused at once
	if err != nil {
		return
	}
	server, err := net.Dial("tcp", to)
	if err != nil {
		client.Close()
		return
	}
	ends <- client
	ends <- server
	done := make(chan struct{})
	pipe := func(from, to net.Conn) {
		buffer := make([]byte, 4096)
		for {
			n, err := from.Read(buffer)
			if err != nil {
				break
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				break
			}
		}
		done <- struct{}{}
	}
	go pipe(client, server)
	go pipe(server, client)
	<-done
	<-done
}

func TestClosingARowsEndsTheQuery(t *testing.T) {
	i, db := start(t, sandbox.ImpalaOptions{})
	numbers(t, db, 5000)
	rows, err := db.Query("SELECT a.i, a.s FROM n a, n b")
	if err != nil {
		t.Fatal(err)
	}
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	waitFor(t, i, 1)
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, i, 0)
}

func TestPassword(t *testing.T) {
	i, db := start(t, sandbox.ImpalaOptions{User: "ann", Password: "p@ss word"})
	if got := one(t, db, "SELECT user()", 1); got[0] != "ann" {
		t.Error(got)
	}
	numbers(t, db, 3000)
	if n := count(t, db, "SELECT i, s FROM n ORDER BY i"); n != 3000 {
		t.Error(n)
	}
	wrong, err := sql.Open("impala", "impala://ann:guess@"+i.Addr()+"?auth=ldap")
	if err != nil {
		t.Fatal(err)
	}
	defer wrong.Close()
	var auth *impala.AuthError
	if err := wrong.Ping(); !errors.As(err, &auth) {
		t.Errorf("a wrong password gave %v", err)
	}
}

func TestExpiredSessions(t *testing.T) {
	i, db := start(t, sandbox.ImpalaOptions{})
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(context.Background(), "SET SYNC_DDL=1"); err != nil {
		t.Fatal(err)
	}
	i.ExpireSessions()
	_, err = conn.ExecContext(context.Background(), "SET SYNC_DDL=1")
	if err == nil || !strings.Contains(err.Error(), "Client session expired") {
		t.Errorf("got %v", err)
	}
}

// TestRepeatedAnswers: a server that repeats its answers gives all the rows of one again, in as many fetches, and nothing of another one.
func TestRepeatedAnswers(t *testing.T) {
	for repeats, after := range map[bool]int{false: 0, true: 3000} {
		_, db := start(t, sandbox.ImpalaOptions{RepeatAnswers: repeats})
		numbers(t, db, 3000)
		const all, some = "SELECT i, s FROM n", "SELECT i, s FROM n WHERE i < 7"
		if n, m := count(t, db, all), count(t, db, some); n != 3000 || m != 7 {
			t.Errorf("%d and %d rows", n, m)
		}
		exec(t, db, "TRUNCATE TABLE n")
		if n, m := count(t, db, all), count(t, db, some+" AND true"); n != after || m != 0 {
			t.Errorf("repeats: %v: %d rows of a statement that came before, %d of another one", repeats, n, m)
		}
	}
}

func TestErrorsAndCounts(t *testing.T) {
	_, db := start(t, sandbox.ImpalaOptions{})
	exec(t, db, "CREATE TABLE k (id INT PRIMARY KEY, v STRING) STORED AS KUDU")
	r, err := db.Exec("INSERT INTO k VALUES (1, 'a'), (2, 'b')")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.RowsAffected(); n != 2 || err != nil {
		t.Error(n, err)
	}
	_, err = db.Exec("SELECT nothing FROM k")
	if err == nil || !strings.Contains(err.Error(), "AnalysisException: Could not resolve column/field reference: 'nothing'") {
		t.Error(err)
	}
	rows, err := db.Query("SELECT CAST(v AS DECIMAL(3,0)) FROM k")
	if err == nil {
		rows.Next()
		err = rows.Err()
		rows.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "String to Decimal parse failed") {
		t.Error(err)
	}
}

func TestMetadata(t *testing.T) {
	_, db := start(t, sandbox.ImpalaOptions{})
	exec(t, db, "CREATE DATABASE d", "CREATE TABLE d.t (a INT, b STRING)", "CREATE VIEW d.v AS SELECT a FROM d.t")
	m := impala.NewMetadata(db)
	schemas, err := m.GetSchemas(context.Background(), "%")
	if err != nil || fmt.Sprint(schemas) != "[d default]" {
		t.Error(schemas, err)
	}
	tables, err := m.GetTables(context.Background(), "d", "%")
	if err != nil || fmt.Sprint(tables) != "[{d t TABLE} {d v VIEW}]" {
		t.Error(tables, err)
	}
	columns, err := m.GetColumns(context.Background(), "d", "t", "%")
	if err != nil || fmt.Sprint(columns) != "[{d t a} {d t b}]" {
		t.Error(columns, err)
	}
	types, err := db.Query("SELECT CAST(1 AS DECIMAL(7,2)) d, CAST('x' AS VARCHAR(5)) v, now() ts FROM d.t")
	if err != nil {
		t.Fatal(err)
	}
	defer types.Close()
	ct, err := types.ColumnTypes()
	if err != nil {
		t.Fatal(err)
	}
	p, s, _ := ct[0].DecimalSize()
	n, _ := ct[1].Length()
	if p != 7 || s != 2 || n != 5 || ct[2].DatabaseTypeName() != "TIMESTAMP" {
		t.Error(p, s, n, ct[2].DatabaseTypeName())
	}
}

// A query sees the state at its start, whatever is written while it is read.
func TestReadConsistency(t *testing.T) {
	_, db := start(t, sandbox.ImpalaOptions{BatchRows: 10})
	numbers(t, db, 1000)
	rows, err := db.Query("SELECT i, s FROM n ORDER BY i")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	exec(t, db, "INSERT OVERWRITE n SELECT 7, 'new' FROM n", "DROP TABLE n")
	n := 1
	for ; rows.Next(); n++ {
	}
	if rows.Err() != nil || n != 1000 {
		t.Errorf("%d rows, %v", n, rows.Err())
	}
}

func TestKafka(t *testing.T) {
	dir := t.TempDir()
	k, err := sandbox.StartKafka(sandbox.KafkaOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	addr := k.Broker()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(addr), Transport: transport}
	if _, err := client.CreateTopics(context.Background(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: "t", NumPartitions: 2, ReplicationFactor: 1}}}); err != nil {
		t.Fatal(err)
	}
	w := &kafka.Writer{Addr: kafka.TCP(addr), Topic: "t", RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond, Transport: transport}
	if err := w.WriteMessages(context.Background(), kafka.Message{Value: []byte("kept")}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	transport.CloseIdleConnections()
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if k, err = sandbox.StartKafka(sandbox.KafkaOptions{Dir: dir, Addr: addr}); err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if k.Broker() != addr {
		t.Errorf("came back at %s, was at %s", k.Broker(), addr)
	}
	found := 0
	for p := range 2 {
		c, err := kafka.DialLeader(context.Background(), "tcp", addr, "t", p)
		if err != nil {
			t.Fatal(err)
		}
		_, last, err := c.ReadOffsets()
		if err != nil {
			t.Fatal(err)
		}
		found += int(last)
		c.Close()
	}
	if found != 1 {
		t.Errorf("%d messages survived the restart", found)
	}
}
