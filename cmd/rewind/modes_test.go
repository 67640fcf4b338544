package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"filippo.io/age"
)

// TestFilesAreTheirOwnersAlone runs every command that writes, with an umask that forbids nothing, in clear and encrypted: no other
// user may read a file or enter a folder of what rewind keeps, nor the configuration that it writes.
func TestFilesAreTheirOwnersAlone(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	looked := 0
	for _, encrypted := range []bool{false, true} {
		s := startSpy(t)
		if encrypted {
			identity, err := age.GenerateX25519Identity()
			if err != nil {
				t.Fatal(err)
			}
			t.Setenv("MODES_KEY", identity.String())
			text, err := os.ReadFile(s.config)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(s.config, append(text, "encryption: {identity: \"${MODES_KEY}\", seal_after: 1ns}\n"...), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 2 {
			must(t, "sandbox", "sql", "--config", s.config, fmt.Sprintf("UPDATE default.my_table SET name = 'v%d' WHERE id = 1", i))
			must(t, "produce", "--config", s.config)
			must(t, "consume", "--until-caught-up", "--config", s.config)
		}
		must(t, "verify", "--deep", "--config", s.config)
		must(t, "restore", "default.my_table", "--at", "-0s", "--into", "default.then", "--config", s.config)
		must(t, "restore", "default.my_table", "--at", "-0s", "--replace", "--yes", "--config", s.config)
		must(t, "drop-replaced", "default.my_table", "--yes", "--config", s.config)
		must(t, "produce", "--rebaseline", "--config", s.config)
		must(t, "init", "--config", filepath.Join(s.dir, "init.yaml"), "--brokers", "a:1", "--dsn", mustLoad(t, s.config).Impala.DSN,
			"--table", "default.my_table", "--force")
		for _, dir := range []string{"rewind-data", "init.yaml"} {
			err := filepath.WalkDir(filepath.Join(s.dir, dir), func(path string, d fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				info, err := d.Info()
				if err != nil {
					return err
				}
				looked++
				if info.Mode().Perm()&0o077 != 0 {
					t.Errorf("%s has mode %v", strings.TrimPrefix(path, s.dir), info.Mode())
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
	t.Logf("counted: %d files and folders with an umask of 0, all their owner's alone", looked)
}
