package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

var listeningAt = regexp.MustCompile(`msg=listening address=(\S+)`)

// page asks a running command, whose log says where it listens.
func (b *beside) page(t *testing.T, path string) (status int, text string) {
	t.Helper()
	at := listeningAt.FindStringSubmatch(b.out.String())
	if at == nil {
		t.Fatalf("it does not say where it listens: %s", b.out)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + at[1] + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// until asks again until a page has all of the texts.
func (b *beside) until(t *testing.T, path string, status int, texts ...string) string {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		got, page := b.page(t, path)
		missing := ""
		for _, text := range texts {
			if !regexp.MustCompile("(?m)" + text).MatchString(page) {
				missing = text
			}
		}
		if got == status && missing == "" {
			return page
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %d, without %q:\n%s", path, got, missing, page)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestMetricsOfRunningCommands watches a producer and a consumer: captures that go well, one that is refused because a key is there
// twice, and the end, after which nothing listens. What stands in the table is on no page.
func TestMetricsOfRunningCommands(t *testing.T) {
	noLeaks(t)
	config := play(t)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	must(t, "sandbox", "sql", "--config", config, "CREATE TABLE default.loose (id STRING) STORED AS PARQUET", "INSERT INTO default.loose VALUES ('one')")
	if err := os.WriteFile(config, append(text, "  - {name: default.loose, key: [id]}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	p := runBeside(t, "snapshot ", "produce", "--every", "100ms", "--listen", "127.0.0.1:0", "--max-age", "1h", "--log-level", "info", "--config", config)
	c := runBeside(t, "listening", "consume", "--listen", "127.0.0.1:0", "--log-level", "info", "--config", config)

	p.until(t, "/metrics", http.StatusOK, `^rewind_captures_total\{result="committed",table="default\.my_table"\} [1-9]`,
		`^rewind_changes_total\{op="read",table="default\.my_table"\} 1$`, `^rewind_capture_rows\{table="default\.loose"\} 1$`,
		`^rewind_last_capture_timestamp_seconds\{table="default\.loose"\} `, `^go_goroutines `, `^process_cpu_seconds_total `)
	p.until(t, "/healthz", http.StatusOK, `"ok": true`)
	c.until(t, "/metrics", http.StatusOK, `^rewind_last_restore_point_timestamp_seconds\{table="default\.my_table"\} `, `^rewind_kafka_up 1$`,
		`^rewind_consumer_lag_messages\{partition="3",table="default\.loose"\} \d+$`, `^rewind_journal_entries_total\{table="default\.my_table"\} [1-9]`,
		`^rewind_consumer_last_append_timestamp_seconds\{table="default\.my_table"\} `)
	c.until(t, "/healthz", http.StatusOK, `"last": "`)

	must(t, "sandbox", "sql", "--config", config, "INSERT INTO default.loose VALUES ('a secret'), ('a secret')")
	health := p.until(t, "/healthz", http.StatusServiceUnavailable, `captures have failed since .*: refused`)
	page := p.until(t, "/metrics", http.StatusOK, `^rewind_guard_refusals_total\{table="default\.loose"\} [1-9]`, `^rewind_errors_total\{kind="refused",table="default\.loose"\} `)
	if !strings.Contains(p.out.String(), "a secret") {
		t.Errorf("the error does not name the key: %s", p.out)
	}
	for _, text := range []string{health, page} {
		if strings.Contains(text, "secret") {
			t.Errorf("what stands in the table is on a page:\n%s", text)
		}
	}
	at := listeningAt.FindStringSubmatch(p.out.String())[1]
	p.end(t)
	c.end(t)
	if connection, err := net.Dial("tcp", at); err == nil {
		connection.Close()
		t.Error("it still listens")
	}
}

// TestListenWhereItIsTaken: nothing is begun.
func TestListenWhereItIsTaken(t *testing.T) {
	noLeaks(t)
	config := play(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, args := range [][]string{{"produce", "--every", "1h"}, {"consume"}} {
		code, stdout, stderr := runCommand(t.Context(), append(args, "--listen", taken.Addr().String(), "--config", config)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, "cannot listen at "+taken.Addr().String()) || !strings.Contains(stderr, "hint: ") {
			t.Errorf("%v: exit code %d, %s%s", args, code, stdout, stderr)
		}
	}
	if _, err := os.Stat(mustLoad(t, config).Data); !os.IsNotExist(err) {
		t.Errorf("something was begun: %v", err)
	}
}
