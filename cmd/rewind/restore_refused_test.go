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
	if status := must(t, "status", "default.my_table", "--config", config); !strings.Contains(status, "the last capture was refused at ") {
		t.Errorf("status does not say so:\n%s", status)
	}
}
