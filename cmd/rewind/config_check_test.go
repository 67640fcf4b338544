package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// check runs config check --connect and looks that nothing but staging was touched, and nothing is left.
func (s *spy) check(t *testing.T, wantCode int) configCheck {
	t.Helper()
	before := s.files(t)
	s.statements()
	code, stdout, stderr := runCommand(t.Context(), "config", "check", "--connect", "--json", "--config", s.config)
	if code != wantCode {
		t.Fatalf("exit code %d, want %d: %s", code, wantCode, stderr)
	}
	for _, statement := range s.statements() {
		if !isLooking(statement) && !strings.Contains(statement, "`default`.`rewind_staging_") {
			t.Errorf("sent: %s", statement)
		}
	}
	if diff := cmp.Diff(withoutTimes(before), withoutTimes(s.files(t))); diff != "" {
		t.Errorf("changed\n%s", diff)
	}
	var k configCheck
	if err := json.Unmarshal([]byte(stdout), &k); err != nil {
		t.Fatal(err)
	}
	return k
}

// withoutTimes cuts the times off: a folder in which a file came and went has another one.
func withoutTimes(files []string) []string {
	out := make([]string, len(files))
	for i, f := range files {
		out[i] = strings.Join(strings.Fields(f)[:2], " ")
	}
	return out
}

// TestCheckNamesMissingGrants refuses statement after statement, as Impala does.
func TestCheckNamesMissingGrants(t *testing.T) {
	noLeaks(t)
	s := startSpy(t)
	for statement, want := range map[string]struct{ message, grant string }{
		"SHOW CREATE":     {"VIEW_METADATA' on: default.my_table", "SELECT ON TABLE default.my_table"},
		"SELECT src.`id`": {"SELECT' on: default.my_table", "SELECT ON TABLE default.my_table"},
		"EXPLAIN INSERT":  {"INSERT' on: default.my_table", "INSERT ON DATABASE default"},
		"CREATE EXTERNAL": {"CREATE' on: default", "CREATE ON DATABASE default"},
	} {
		s.deny(statement, "AuthorizationException: User 'etl' does not have privileges to execute '"+want.message)
		k := s.check(t, exitPartial)
		found := false
		for _, p := range k.Tables[0].Problems {
			found = found || p.Grant == want.grant && strings.Contains(p.Hint, "GRANT "+want.grant+" TO")
		}
		if !found {
			t.Errorf("%s: %+v", statement, k.Tables[0].Problems)
		}
		s.deny(statement, "")
	}
	if k := s.check(t, exitOK); len(k.Tables[0].Problems) != 0 {
		t.Errorf("%+v", k.Tables[0].Problems)
	}
}

// TestCheckSaysHowItIsProved serves an engine without Impala's functions.
func TestCheckSaysHowItIsProved(t *testing.T) {
	noLeaks(t)
	s := startSpy(t)
	s.deny("SELECT CAST(murmur_hash", "AnalysisException: default.murmur_hash() unknown")
	if k := s.check(t, exitOK); k.InEngine == nil || *k.InEngine {
		t.Error("the proof would be in the engine")
	}
}
