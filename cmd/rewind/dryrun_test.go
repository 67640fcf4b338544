package main

import (
	"encoding/json"
	"slices"
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
