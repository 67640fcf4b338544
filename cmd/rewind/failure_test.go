package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rewind/disk"
)

// TestOneTableFailsOthersDoNot captures two tables of which one is not there.
func TestOneTableFailsOthersDoNot(t *testing.T) {
	noLeaks(t)
	config := play(t)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, append(text, "  - {name: default.absent, key: [id]}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := runCommand(t.Context(), "produce", "--config", config)
	if code != exitPartial || !strings.Contains(stdout, "default.my_table: snapshot ") ||
		!strings.Contains(stderr, "rewind: no such table: default.absent\n") || !strings.HasSuffix(stderr, "rewind: 1 of 2 tables were not captured\n") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

// TestVerifyFindsDamage flips one bit in the middle of every segment, one after the other.
func TestVerifyFindsDamage(t *testing.T) {
	noLeaks(t)
	config := play(t)
	must(t, "produce", "--config", config)
	must(t, "consume", "--until-caught-up", "--config", config)
	segments := 0
	err := filepath.WalkDir(filepath.Join(filepath.Dir(config), "rewind-data", "journal"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".avro" {
			return err
		}
		segments++
		whole, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		damaged := append([]byte(nil), whole...)
		damaged[len(damaged)/2] ^= 0x10
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			return err
		}
		code, _, stderr := runCommand(t.Context(), "verify", "--config", config)
		if code != exitCorrupt || !strings.Contains(stderr, filepath.Base(path)) || !strings.Contains(stderr, "hint: ") {
			t.Errorf("%s: exit code %d, %s", path, code, stderr)
		}
		return os.WriteFile(path, whole, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	if segments == 0 {
		t.Error("there is no segment")
	}
	must(t, "verify", "--config", config)
}

// TestLockedByAnother holds the folders' locks as another process would.
func TestLockedByAnother(t *testing.T) {
	noLeaks(t)
	config := play(t)
	must(t, "produce", "--config", config)
	lock, err := disk.OS.Lock(filepath.Join(filepath.Dir(config), "rewind-data", "snapshots", "default.my_table", "lock"))
	if err != nil {
		t.Fatal(err)
	}
	code, _, stderr := runCommand(t.Context(), "produce", "--config", config)
	if code != exitLocked || !strings.Contains(stderr, "lock") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	must(t, "produce", "--config", config)
	code, _, stderr = runCommand(t.Context(), "sandbox", "--dir", filepath.Dir(config), "--kafka", "127.0.0.1:0", "--impala", "127.0.0.1:0")
	if code != exitLocked {
		t.Errorf("a sandbox served twice: exit code %d, %s", code, stderr)
	}
}
