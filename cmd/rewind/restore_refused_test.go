package main

import (
	"strings"
	"testing"
	"time"

	"rewind/change"
	"rewind/topic"
)

// ownerOf gives the stamp of the producer that owns a topic's partition 0, and the topic.
func ownerOf(t *testing.T, config string) (change.Stamp, *topic.Topic) {
	t.Helper()
	c := mustLoad(t, config)
	client, err := newTestApp().openKafka(c, tableConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	opened, err := client.Open(t.Context(), myTable, false)
	if err != nil {
		t.Fatal(err)
	}
	first, next, err := opened.Bounds(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var owner change.Stamp
	decoder := change.NewDecoder()
	for m, err := range opened.Read(t.Context(), 0, first, next) {
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := decoder.Decode(m.Value)
		if err != nil {
			t.Fatal(err)
		}
		if by, ok := decoded.Stamp(); ok {
			owner.Admit(by)
		}
	}
	return owner, opened
}

// TestReplaceEndsWhenTheProducerRefuses waits for a producer that then says in Kafka that it refuses the table as it is: the wait
// ends long before its time, with the reason, and nothing is changed.
func TestReplaceEndsWhenTheProducerRefuses(t *testing.T) {
	noLeaks(t)
	config := play(t)
	first := produceAndConsume(t, config)
	p := runBeside(t, "snapshot ", "produce", "--every", "1h", "--config", config)
	defer p.end(t)
	owner, opened := ownerOf(t, config)
	waits := runBeside(t, "waiting for its next capture", "restore", "default.my_table", "--at", instantOf(first), "--replace", "--yes", "--config", config)
	message, err := change.AppendGap(nil, &change.Gap{Stamp: owner, At: time.Now().UnixMicro(), Cause: change.CauseGuard, Reason: "99 of 100 rows are gone"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := opened.Append(t.Context(), 0, [][]byte{message}); err != nil {
		t.Fatal(err)
	}
	if code := <-waits.ended; code != exitRefused || !strings.Contains(waits.out.String(), "refuses to capture it: 99 of 100 rows are gone") {
		t.Errorf("exit code %d: %s", code, waits.out)
	}
	if tables := must(t, "sandbox", "sql", "--config", config, "SHOW TABLES IN default"); strings.Contains(tables, "__rewind") {
		t.Errorf("left over:\n%s", tables)
	}
	if code, status, _ := runCommand(t.Context(), "status", "default.my_table", "--config", config); code != exitNothing || !strings.Contains(status, "captures are refused from ") {
		t.Errorf("status does not say so: %d\n%s", code, status)
	}
	// Told once, it stands, in Kafka and then in the journal: who asks now is not kept waiting.
	for range 2 {
		code, _, stderr := runCommand(t.Context(), "restore", "default.my_table", "--at", instantOf(first), "--replace", "--yes", "--config", config)
		if code != exitRefused || !strings.Contains(stderr, "99 of 100 rows are gone") || !strings.Contains(stderr, "stop that producer") {
			t.Errorf("exit code %d: %s", code, stderr)
		}
		must(t, "consume", "--until-caught-up", "--config", config)
	}
	if code, status, _ := runCommand(t.Context(), "status", "--config", config); code != exitNothing || !strings.Contains(status, "captures are refused from ") {
		t.Errorf("status does not say so: %d\n%s", code, status)
	}
}

// TestReplaceOfAnEmptiedTableBesideAProducer: the table was emptied, the running producer's guard refuses it, and it is brought back:
// without a capture beside the producer, and with one once that has ended.
func TestReplaceOfAnEmptiedTableBesideAProducer(t *testing.T) {
	noLeaks(t)
	config := play(t)
	first := produceAndConsume(t, config)
	must(t, "sandbox", "sql", "--config", config, "DELETE FROM default.my_table WHERE id = 1")
	p := runBeside(t, "hint: ", "produce", "--every", "300ms", "--config", config)
	replace := []string{"restore", "default.my_table", "--at", instantOf(first), "--replace", "--yes", "--config", config}
	code, _, stderr := runCommand(t.Context(), replace...)
	if code != exitRefused || !strings.Contains(stderr, "refuses to capture it: ") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	p.end(t)
	must(t, replace...)
	if rows := must(t, "sandbox", "sql", "--config", config, "SELECT name FROM default.my_table"); !strings.Contains(rows, "Alice") {
		t.Errorf("not replaced:\n%s", rows)
	}
	if points := must(t, "points", "--config", config); !strings.Contains(points, "2 restore points") {
		t.Errorf("what was replaced is no restore point:\n%s", points)
	}
}
