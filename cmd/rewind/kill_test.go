package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestKilledReplaceIsFinished kills a restore --replace at each of its stages. The next command on the table, whichever
// it is, must find one whole table under the name, the old or the new one, and nothing left over.
func TestKilledReplaceIsFinished(t *testing.T) {
	for _, marker := range []string{
		"restore: staged", "restore: loaded", "restore: proved", "swap: intent written", "swap: old renamed", "swap: new renamed", "swap: old proved",
	} {
		t.Run(strings.ReplaceAll(marker, " ", "-"), func(t *testing.T) {
			t.Parallel()
			config := play(t)
			var first captureLine
			if err := json.Unmarshal([]byte(must(t, "produce", "--json", "--config", config)), &first); err != nil {
				t.Fatal(err)
			}
			must(t, "consume", "--until-caught-up", "--config", config)
			must(t, "sandbox", "sql", "--config", config, "UPDATE default.my_table SET name = 'Bob' WHERE id = 1")
			killAt(t, marker, "restore", "default.my_table", "--at", instantOf(first), "--replace", "--yes", "--log-level", "debug", "--config", config)

			must(t, "produce", "--config", config)
			rows := must(t, "sandbox", "sql", "--config", config, "SELECT name FROM default.my_table")
			alice, bob := strings.Contains(rows, "Alice"), strings.Contains(rows, "Bob")
			if alice == bob {
				t.Errorf("under the name stands neither the old table nor the new one:\n%s", rows)
			}
			tables := must(t, "sandbox", "sql", "--config", config, "SHOW TABLES IN default")
			if strings.Contains(tables, "__rewind_new_") || strings.Contains(tables, "staging") || alice != strings.Contains(tables, "my_table__rewind_") {
				t.Errorf("left over, or not kept:\n%s", tables)
			}
			if left, err := os.ReadDir(filepath.Join(filepath.Dir(config), "staging")); err != nil || len(left) > 0 {
				t.Errorf("left over in staging: %v %v", left, err)
			}
			must(t, "consume", "--until-caught-up", "--config", config)
			must(t, "verify", "--config", config)
		})
	}
}

func instantOf(c captureLine) string {
	return c.ReadEnded.UTC().Format("2006-01-02T15:04:05.999999999Z")
}

// killAt runs rewind in a process of its own and kills it at the first line of its log that holds the marker.
func killAt(t *testing.T, marker string, args ...string) {
	t.Helper()
	cmd := exec.Command("rewind", args...)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	seen := false
	var all strings.Builder
	for lines := bufio.NewScanner(log); lines.Scan(); {
		all.WriteString(lines.Text() + "\n")
		if !seen && strings.Contains(lines.Text(), marker) {
			seen = true
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	err = cmd.Wait()
	if !seen {
		t.Fatalf("%q was never logged (%v):\n%s", marker, err, all.String())
	}
}
