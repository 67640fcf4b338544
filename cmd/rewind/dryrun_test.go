package main

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// planned runs a command with --dry-run, looks that nothing changed, and gives the statements that it shows.
func (s *spy) planned(t *testing.T, args ...string) []string {
	t.Helper()
	before := s.files(t)
	s.statements()
	var d dryRun
	if err := json.Unmarshal([]byte(must(t, append(args, "--dry-run", "--json", "--config", s.config)...)), &d); err != nil {
		t.Fatal(err)
	}
	for _, statement := range s.statements() {
		if !isLooking(statement) {
			t.Errorf("%v --dry-run sent: %s", args, statement)
		}
	}
	if diff := cmp.Diff(before, s.files(t)); diff != "" {
		t.Errorf("%v --dry-run changed\n%s", args, diff)
	}
	var statements []string
	for _, step := range d.Steps {
		statements = append(statements, step.Statements...)
	}
	return undrawn(statements)
}

// TestDryRunsShowWhatIsSent holds what --dry-run shows against what the same command then sends.
func TestDryRunsShowWhatIsSent(t *testing.T) {
	noLeaks(t)
	s := startSpy(t)
	for _, args := range [][]string{
		{"produce"},
		{"restore", "default.my_table", "--at", "-0s", "--into", "default.then"},
		{"restore", "default.my_table", "--at", "-0s", "--replace", "--yes"},
		{"drop-replaced", "default.my_table", "--yes"},
		{"produce", "--rebaseline"},
		{"restore", "default.my_table", "--at", "-0s", "--replace", "--yes", "--no-capture", "--stats", "none"},
	} {
		planned := s.planned(t, args...)
		s.statements()
		must(t, append(args, "--config", s.config)...)
		sent := s.statements()
		// Where several tables are looked at, the order of the looks is any.
		slices.Sort(planned)
		slices.Sort(sent)
		if diff := cmp.Diff(planned, sent); diff != "" {
			t.Errorf("%v: shown (-), sent (+)\n%s", args, diff)
		}
		must(t, "consume", "--until-caught-up", "--config", s.config)
	}
}

var kuduInstant = regexp.MustCompile(`(KUDU_SNAPSHOT_READ_TIMESTAMP_MICROS=)[0-9]+`)

// TestDryRunShowsStreams does it for captures by several streams: before there is a snapshot, with ranges of one, and with new ones.
func TestDryRunShowsStreams(t *testing.T) {
	noLeaks(t)
	s := startSpy(t)
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	for format, create := range map[string]string{"orders": "(id INT PRIMARY KEY, name STRING) STORED AS KUDU", "ice": "(id INT, name STRING) STORED AS ICEBERG"} {
		table := "{name: default." + format + ", scan_streams: 3, key: [id]}"
		if err := os.WriteFile(s.config, []byte(strings.Replace(string(text), "{name: default.my_table}", table, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		must(t, "sandbox", "sql", "--config", s.config, "CREATE TABLE default."+format+" "+create)
		ranged := 0
		for i, args := range [][]string{{"produce"}, {"produce"}, {"produce"}, {"produce", "--rebaseline"}} {
			planned := s.planned(t, args...)
			s.statements()
			must(t, append(args, "--config", s.config)...)
			sent := s.statements()
			for j, statement := range sent {
				sent[j] = kuduInstant.ReplaceAllString(statement, "${1}<the time that the engine tells then, in microseconds>")
				if strings.Contains(statement, " WHERE ") {
					ranged++
				}
			}
			slices.Sort(planned)
			slices.Sort(sent)
			if diff := cmp.Diff(planned, sent); diff != "" {
				t.Errorf("%s %v: shown (-), sent (+)\n%s", format, args, diff)
			}
			if i == 0 {
				must(t, "sandbox", "sql", "--config", s.config,
					"INSERT INTO default."+format+" VALUES (1, repeat('a', 9000)), (2, repeat('b', 9000)), (3, repeat('c', 9000))")
			}
			must(t, "consume", "--until-caught-up", "--config", s.config)
		}
		if ranged < 4 {
			t.Errorf("%s: %d ranges were read", format, ranged)
		}
	}
}
