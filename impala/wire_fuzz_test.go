package impala

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"

	"rewind/sandbox"
	"rewind/table"
)

// spoiler stands between the driver and a server, and overwrites some of what the server answers.
type spoiler struct {
	listener net.Listener
	server   string
	count    atomic.Int64 // bytes answered on the present connection
	at       atomic.Int64 // where to overwrite; negative: nowhere
	mu       sync.Mutex
	with     []byte
	clients  []net.Conn
	open     sync.WaitGroup
}

func startSpoiler(tb testing.TB, server string) *spoiler {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &spoiler{listener: l, server: server}
	s.at.Store(-1)
	s.open.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.clients = append(s.clients, client)
			s.mu.Unlock()
			s.open.Go(func() { s.serve(client) })
		}
	})
	tb.Cleanup(func() {
		_ = l.Close()
		s.mu.Lock()
		for _, client := range s.clients { // the driver leaves one open whose session could not be: only the collector would close it
			_ = client.Close()
		}
		s.mu.Unlock()
		s.open.Wait()
	})
	return s
}

func (s *spoiler) serve(client net.Conn) {
	defer client.Close() //nolint:errcheck // a test's connection
	upstream, err := net.Dial("tcp", s.server)
	if err != nil {
		return
	}
	defer upstream.Close() //nolint:errcheck // a test's connection
	s.count.Store(0)
	s.open.Go(func() {
		_, _ = io.Copy(upstream, client)
		_ = upstream.Close()
	})
	buffer := make([]byte, 64<<10)
	for {
		n, err := upstream.Read(buffer)
		s.overwrite(buffer[:n])
		if _, writeErr := client.Write(buffer[:n]); err != nil || writeErr != nil {
			return
		}
	}
}

func (s *spoiler) overwrite(answer []byte) {
	from := s.count.Add(int64(len(answer))) - int64(len(answer))
	at := s.at.Load()
	if at < 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	spoiled := bytes.Clone(answer)
	for i, b := range s.with {
		if p := at + int64(i) - from; p >= 0 && p < int64(len(answer)) {
			spoiled[p] = b
		}
	}
	if !claimsMillions(spoiled, int(at-from), len(s.with)) {
		copy(answer, spoiled)
	}
}

// claimsMillions reports whether the bytes written at from can be read as the head of a list of more than 16 million elements.
// Thrift 0.23's ReadListBegin multiplies the count by the element's size in 32 bits, and takes a struct's size for 0: its bound on
// a message does not hold there, and the driver sets aside gigabytes before it reads on. Nothing on our side of it can prevent that.
func claimsMillions(answer []byte, from, n int) bool {
	const head = 5 // the element's type, and how many
	for p := max(from-head+1, 0); p < min(from+n, len(answer)-head+1); p++ {
		if kind := answer[p]; kind <= byte(thrift.UUID) && binary.BigEndian.Uint32(answer[p+1:]) > 1<<24 {
			return true
		}
	}
	return false
}

func (s *spoiler) spoil(at int64, with []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.with = with
	s.at.Store(at)
}

// FuzzWire overwrites bytes of what a server answers to the driver: whatever comes of it is rows or an error. The driver takes an
// answer on trust; its panics must not become ours.
func FuzzWire(f *testing.F) {
	server, err := sandbox.StartImpala(sandbox.ImpalaOptions{Dir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = server.Close() })
	host, port, _ := net.SplitHostPort(strings.TrimPrefix(strings.Split(server.DSN(), "?")[0], "impala://"))
	proxy := startSpoiler(f, net.JoinHostPort(host, port))
	db, err := Open(context.Background(), Options{DSN: server.DSN(), StateDir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = db.Close() })
	name := table.Name{Database: "default", Table: "spoiled"}
	err = db.once(context.Background(), name, false, func(s *session) error {
		for _, statement := range []string{
			"CREATE TABLE default.spoiled (i INT, b BIGINT, d DOUBLE, t STRING, o BOOLEAN, m DECIMAL(9,2), s TIMESTAMP) STORED AS PARQUET",
			"INSERT INTO default.spoiled VALUES (1, 2, 3.5, 'four', true, 5.25, '2024-02-29 01:02:03'), (NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
		} {
			if err := s.exec(context.Background(), statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
	schema := &table.Schema{Table: name, NextColumnID: 8}
	for i, kind := range []string{"INT", "BIGINT", "DOUBLE", "STRING", "BOOLEAN", "DECIMAL(9,2)", "TIMESTAMP"} {
		t, err := table.ParseType(kind)
		if err != nil {
			f.Fatal(err)
		}
		schema.Columns = append(schema.Columns, table.Column{ID: i + 1, Name: "ibdtoms"[i : i+1], Type: t})
	}
	for at := range 100 {
		f.Add(uint16(at*13), []byte{0xff})
		f.Add(uint16(at*13), []byte{0, 0, 0, 0})
	}
	// Only what is spoiled is to end soon: on a busy machine any honest answer may take longer.
	dsn, address, err := parseDSN(fmt.Sprintf("impala://%s?auth=noauth&socket-timeout=30ms", proxy.listener.Addr()))
	if err != nil {
		f.Fatal(err)
	}
	pool, err := sql.Open("impala", dsn)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = pool.Close() })
	pool.SetMaxIdleConns(-1) // as Open does
	spoiled := &DB{o: db.o, pool: pool, address: address}
	f.Fuzz(func(t *testing.T, at uint16, with []byte) {
		proxy.spoil(int64(at), with[:min(len(with), 64)])
		for _, err := range spoiled.Rows(context.Background(), schema, true) {
			var nonsense *AnswerError
			if errors.As(err, &nonsense) {
				t.Logf("the driver panicked: %v", nonsense.Cause)
			}
		}
		proxy.spoil(-1, nil)
	})
}
