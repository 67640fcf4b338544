package main

import (
	"os"
	"strings"
	"testing"
)

// TestNumbersAreTakenAsTheyStand: a number of events or streams is whole and within its bounds, or the error names the place.
func TestNumbersAreTakenAsTheyStand(t *testing.T) {
	t.Setenv("SOME", "7")
	for text, want := range map[string]int64{"0": 0, "5_000_000": 5_000_000, "9223372036854775807": 1<<63 - 1, `"${SOME}"`: 7} {
		c, err := parseConfig("some.yaml", []byte("journal:\n  checkpoint_every: "+text))
		if err != nil || c.Journal.checkpointEvery() != want {
			t.Errorf("%s: %v, %v", text, c, err)
		}
	}
	wrong := []string{"1.5", "-1", "99999999999999999999", "9223372036854775808", "1e3", "many", "true", "[1]", "{}", "''", ".inf", "0x", `"1.5"`}
	for _, text := range wrong {
		_, err := parseConfig("some.yaml", []byte("journal:\n  checkpoint_every: "+text))
		if err == nil || !strings.HasPrefix(err.Error(), "some.yaml:2:") || !strings.Contains(err.Error(), "journal.checkpoint_every is a whole number of events") {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range append(wrong, "0", "17") {
		_, err := parseConfig("some.yaml", []byte("tables:\n- {name: a.b, key: [id], scan_streams: "+text+"}"))
		if err == nil || !strings.HasPrefix(err.Error(), "some.yaml:2:") || !strings.Contains(err.Error(), "scan_streams is a number of streams, 1 to 16") {
			t.Errorf("%s: %v", text, err)
		}
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil || !strings.Contains(string(readme), "reads at once, 1 to 16,") {
		t.Error("README does not name the bounds", err)
	}
}
