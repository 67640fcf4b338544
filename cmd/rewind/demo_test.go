package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDemo tells a short story twice and looks into what it left.
func TestDemo(t *testing.T) {
	noLeaks(t)
	dir := filepath.Join(t.TempDir(), "demo")
	var first string
	for range 2 {
		code, stdout, stderr := runCommand(t.Context(), "demo", "--dir", dir, "--rows", "1000")
		if code != exitOK {
			t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
		}
		first = stdout
	}
	for _, want := range []string{"(1, 'Alice')", `name: "Alice" → "Bob"`, "equal, computed in the engine", "every restore point was brought back and proved"} {
		if !strings.Contains(first, want) {
			t.Errorf("the story does not say %q:\n%s", want, first)
		}
	}
	if n := strings.Count(first, "equal, computed in the engine"); n != 4 {
		t.Errorf("%d proofs, want 4", n)
	}
	config := filepath.Join(dir, configName)
	if got := must(t, "points", "--config", config, "default.my_table"); !strings.Contains(got, "2 restore points") {
		t.Error(got)
	}
	if got := must(t, "verify", "--config", config); !strings.Contains(got, "3 of 3 restore points proved") {
		t.Error(got)
	}
	if got := must(t, "history", "shop.orders", "--key", "order_id=7,line=1", "--config", config); !strings.Contains(got, `"shipped" → "cancelled"`) {
		t.Error(got)
	}
}

// TestDemoIsTheSameEveryTime holds the generator of its rows.
func TestDemoIsTheSameEveryTime(t *testing.T) {
	want := `(1, 1, 'customer-02465', CAST('2535.05' AS DECIMAL(12,2)), CAST(51.3 AS DOUBLE), true, 'open', ` +
		`CAST('2026-10-21 01:55:39.082325941' AS TIMESTAMP), 'It\'s a gift')`
	if got := orderRow(0); got != want {
		t.Errorf("%s", got)
	}
}

// TestDemoKeepsItsHandsOff looks that a folder that is not the demo's is left alone.
func TestDemoKeepsItsHandsOff(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "precious")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := runCommand(t.Context(), "demo", "--dir", dir, "--rows", "1000")
	if code != exitRefused || !strings.Contains(stderr, "was not made by rewind demo") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}
