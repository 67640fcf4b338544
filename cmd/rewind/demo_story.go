package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rewind/replay"
	"rewind/table"
)

// story is the demo while it is told.
type story struct {
	app      *app
	dir      string
	config   *config
	play     *playground
	sql      *sql.DB
	capturer *capturer
	step     int
	points   []int64 // of my_table
}

var (
	myTable   = table.Name{Database: "default", Table: "my_table"}
	demoTable = table.Name{Database: "shop", Table: "orders"}
)

// say tells what happens, in a plain sentence.
func (s *story) say(format string, args ...any) {
	s.step++
	text := wrap(fmt.Sprintf("%d. %s", s.step, fmt.Sprintf(format, args...)), "   ", lineWidth)
	fmt.Fprintf(s.app.stdout, "\n%s\n", paint(s.app.stdout, colorHead, text))
}

// show prints a line of detail.
func (s *story) show(format string, args ...any) {
	fmt.Fprintf(s.app.stdout, "   "+format+"\n", args...)
}

// exec shows a statement as a person would type it, and runs it.
func (s *story) exec(ctx context.Context, statement string) error {
	s.typed(wrap("impala> "+statement+";", "        ", lineWidth-3))
	return s.quietly(ctx, statement)
}

// quietly runs a statement that is too long to show.
func (s *story) quietly(ctx context.Context, statement string) error {
	if _, err := s.sql.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%.80s: %w", statement, err)
	}
	return nil
}

// begin starts the servers and connects as any client would.
func (s *story) begin(ctx context.Context) error {
	fmt.Fprintln(s.app.stdout, "rewind demo: a table is changed by mistake, and brought back as it was.")
	s.say("Start a Kafka and a stand-in for Impala in this process; everything else is the real program with its real clients.")
	c, err := writePlayConfig(s.dir, demoMark, demoTables)
	if err != nil {
		return err
	}
	if s.play, err = s.app.openPlayground(ctx, s.dir, "127.0.0.1:0", "127.0.0.1:0"); err != nil {
		return err
	}
	c.Kafka.Brokers = []string{s.play.kafka.Broker()}
	c.Impala.DSN = s.play.impala.DSN()
	s.config = c
	s.show("Kafka on %s, Impala on %s", s.play.kafka.Broker(), s.play.impala.Addr())
	s.show("everything is kept in %s", s.dir)
	if s.sql, err = sql.Open("impala", c.Impala.DSN); err != nil {
		return err
	}
	s.capturer, err = s.app.newCapturer(ctx, c, nil)
	return err
}

func (s *story) end() {
	if s.capturer != nil {
		s.capturer.close()
	}
	if s.sql != nil {
		s.sql.Close()
	}
	if s.play != nil {
		s.play.close()
	}
}

// firstCapture is Alice.
func (s *story) firstCapture(ctx context.Context) error {
	s.say("Make a table with one row.")
	for _, statement := range []string{
		"CREATE TABLE default.my_table (id INT, name STRING, PRIMARY KEY (id)) STORED AS KUDU",
		"INSERT INTO default.my_table VALUES (1, 'Alice')",
	} {
		if err := s.exec(ctx, statement); err != nil {
			return err
		}
	}
	s.say("Capture it: read the table, publish what changed since the last capture (all of it) to Kafka, and keep that in the journal.")
	return s.capture(ctx, myTable)
}

// mistake is Bob.
func (s *story) mistake(ctx context.Context) error {
	s.say("Someone updates the row. Impala keeps no trace of what was there before.")
	if err := s.exec(ctx, "UPDATE default.my_table SET name = 'Bob' WHERE id = 1"); err != nil {
		return err
	}
	s.say("Capture it again: only the difference travels.")
	return s.capture(ctx, myTable)
}

func (s *story) lookBack(ctx context.Context) error {
	s.say("The journal knows both versions of the row.")
	return s.history(ctx, myTable, "id=1")
}

// history shows one row's versions as `rewind history` does.
func (s *story) history(ctx context.Context, name table.Name, key string) error {
	s.typed(fmt.Sprintf("$ rewind history %s --key %s", name, key))
	j, err := s.app.openJournal(s.config, name, nil)
	if err != nil {
		return err
	}
	h, err := j.RowHistory(ctx, key)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, v := range h.Versions {
		printVersion(&text, v, "", "is so in the newest restore point", false)
	}
	s.indented(text.String())
	return nil
}

// bringBack restores Alice and shows the proof.
func (s *story) bringBack(ctx context.Context) error {
	s.say("Bring the table back as of the first restore point, into a table of its own.")
	into := table.Name{Database: "default", Table: "my_table_then"}
	if err := s.restore(ctx, myTable, s.points[0], into); err != nil {
		return err
	}
	var id int
	var name string
	s.show("impala> SELECT id, name FROM %s;", into)
	if err := s.sql.QueryRowContext(ctx, "SELECT id, name FROM "+into.String()).Scan(&id, &name); err != nil {
		return err
	}
	s.show("(%d, '%s')", id, name)
	if id != 1 || name != "Alice" {
		return &codedError{code: exitCorrupt, message: fmt.Sprintf("the restored row is (%d, '%s'), not (1, 'Alice')", id, name)}
	}
	return nil
}

// capture is one produce and one consume; it shows the restore point that they made.
func (s *story) capture(ctx context.Context, name table.Name) error {
	t, _ := s.config.table(name)
	m := s.app.newMeter()
	defer m.stop()
	began := time.Now()
	result, err := s.capturer.capture(ctx, t, captureFlags{}, m)
	if err != nil {
		return err
	}
	captured := time.Since(began)
	if _, err := s.app.consumeOnce(ctx, s.config, []tableConfig{t}, m); err != nil {
		return err
	}
	consumed := time.Since(began) - captured
	j, err := s.app.openJournal(s.config, name, nil)
	if err != nil {
		return err
	}
	p, err := j.Point(result.Snapshot)
	if err != nil {
		return err
	}
	m.stop()
	if name == myTable {
		s.points = append(s.points, p.ID)
	}
	s.show("restore point %d: %s (%s)", p.ID, count(p.Rows, "row"), countsText(p.Counts))
	s.show("captured  %s", rate(p.Rows, captured))
	s.show("journaled %s", rate(changes(p.Counts), consumed))
	return nil
}

func changes(c replay.Counts) int64 { return c.Reads + c.Creates + c.Updates + c.Deletes }

// countsText says what a capture found.
func countsText(c replay.Counts) string {
	var parts []string
	for _, part := range []struct {
		n    int64
		what string
	}{{c.Reads, "read"}, {c.Creates, "created"}, {c.Updates, "updated"}, {c.Deletes, "deleted"}} {
		if part.n > 0 {
			parts = append(parts, thousands(part.n)+" "+part.what)
		}
	}
	if len(parts) == 0 {
		return "nothing changed"
	}
	return strings.Join(parts, ", ")
}

// restore restores a point into a new table and shows the certificate's proof.
func (s *story) restore(ctx context.Context, name table.Name, point int64, into table.Name) error {
	s.typed(fmt.Sprintf("$ rewind restore %s --at %d --into %s", name, point, into))
	t, _ := s.config.table(name)
	job := &restoreJob{config: s.config, table: t, into: into, spec: replay.Spec{Snapshot: point},
		flags: restoreFlags{stats: "compute"}}
	began := time.Now()
	certificate, err := s.app.load(ctx, job)
	if err != nil {
		return err
	}
	if certificate.DigestJournal != certificate.DigestLoaded {
		return &codedError{code: exitCorrupt, message: "the restored table's digest is not the journal's"}
	}
	s.show("restored %s", rate(certificate.Rows, time.Since(began)))
	s.show("digest committed with the capture  %s", certificate.DigestJournal)
	s.show("digest of the restored table       %s", certificate.DigestLoaded)
	s.show("%s", paint(s.app.stdout, colorGood, "equal, computed "+certificate.Proof))
	return nil
}

// typed prints what a person would type.
func (s *story) typed(text string) {
	for line := range strings.Lines(text) {
		s.show("%s", paint(s.app.stdout, colorTyped, strings.TrimRight(line, "\n")))
	}
}

// indented prints text as detail.
func (s *story) indented(text string) {
	for line := range strings.Lines(text) {
		s.show("%s", strings.TrimRight(line, "\n"))
	}
}

// farewell says where everything is and what to try.
func (s *story) farewell() {
	program := s.app.called
	path := filepath.Join(s.dir, configName)
	s.say("Done: every restore point was brought back and proved. Look into what is left in %s:", s.dir)
	for _, command := range []string{
		"points --config " + path,
		"history default.my_table --key id=1 --config " + path,
		"history shop.orders --key order_id=7,line=1 --config " + path,
		"verify --config " + path,
	} {
		s.show("%s %s", program, command)
	}
	s.show("")
	s.show("%s sandbox --dir %s   # the same tables again, to go on", program, s.dir)
}

// programName is how this program was called.
func programName() string {
	if strings.Contains(os.Args[0], "go-build") {
		return "go run ./cmd/rewind"
	}
	return os.Args[0]
}
