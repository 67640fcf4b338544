//go:build integration

package integration

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// setting is one of the environment variables that run.sh sets.
func setting(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s is not set: integration/run.sh sets it; `integration/run.sh up` starts the servers and prints all settings", name)
	}
	return value
}

// began makes the seed of a whole run.
var began = time.Now()

// seed is REWIND_SEED, or the time; it is printed, so that a failure can be repeated.
func seed(t *testing.T) uint64 {
	t.Helper()
	value := uint64(began.UnixNano())
	if text := os.Getenv("REWIND_SEED"); text != "" {
		var err error
		if value, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("REWIND_SEED: %v", err)
		}
	}
	t.Logf("REWIND_SEED=%d", value)
	return value
}

// scaled is n, or less where REWIND_ROWS asks for a quick look with smaller tables.
func scaled(t *testing.T, n int) int {
	t.Helper()
	text := os.Getenv("REWIND_ROWS")
	if text == "" {
		return n
	}
	rows, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("REWIND_ROWS: %v", err)
	}
	return min(n, rows)
}

// workFolder makes a folder under REWIND_WORK that the engine sees too. It stays: run.sh removes all of them.
func workFolder(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(setting(t, "REWIND_WORK"), name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// unique makes a name that no earlier run has used: topics and databases of servers that keep running do not meet.
func unique(prefix string) string {
	random := make([]byte, 4)
	_, _ = rand.Read(random) // never fails
	return prefix + "_" + hex.EncodeToString(random)
}
