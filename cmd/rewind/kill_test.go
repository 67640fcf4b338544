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

// TestKilledRehearsalIsCleaned kills a verify --deep while its scratch table stands. A status says that a restore was cut off, the
// next command that has the engine drops the table by its record and names it.
func TestKilledRehearsalIsCleaned(t *testing.T) {
	for _, marker := range []string{"restore: loaded", "restore: table proved"} {
		t.Run(strings.ReplaceAll(marker, " ", "-"), func(t *testing.T) {
			t.Parallel()
			config := play(t)
			must(t, "produce", "--config", config)
			must(t, "consume", "--until-caught-up", "--config", config)
			before := must(t, "sandbox", "sql", "--config", config, "SHOW TABLES IN default")
			killAt(t, marker, "verify", "--deep", "--log-level", "debug", "--config", config)

			if tables := must(t, "sandbox", "sql", "--config", config, "SHOW TABLES IN default"); !strings.Contains(tables, "my_table__rewind_scratch_") {
				t.Fatalf("no scratch table was left:\n%s", tables)
			}
			if code, out, log := runCommand(t.Context(), "status", "--config", config); code != exitNothing || !strings.Contains(out+log, "a restore was cut off") {
				t.Errorf("status: %d\n%s%s", code, out, log)
			}
			must(t, "verify", "--config", config) // it needs no engine, and touches nothing there
			if code, out, log := runCommand(t.Context(), "verify", "--deep", "--config", config); code != exitOK || !strings.Contains(log, "default.my_table__rewind_scratch_") {
				t.Errorf("verify: %d\n%s%s", code, out, log)
			}
			if after := must(t, "sandbox", "sql", "--config", config, "SHOW TABLES IN default"); after != before {
				t.Errorf("left over:\n%s", after)
			}
		})
	}
}
