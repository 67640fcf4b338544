package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestProfileOfTheCompiler: the profile that the program is built by is one of its hot functions, and tells nothing of the machine that took it.
func TestProfileOfTheCompiler(t *testing.T) {
	p, err := readProfile(filepath.Join("..", "cmd", "rewind", "default.pgo"))
	if err != nil {
		t.Fatal(err)
	}
	ours := 0
	for _, f := range p.Function {
		if filepath.IsAbs(f.Filename) {
			t.Errorf("%s lies in %s", f.Name, f.Filename)
		}
		if strings.HasPrefix(f.Name, "rewind/") {
			ours++
		}
	}
	for _, m := range p.Mapping {
		if m.File != "" || m.BuildID != "" {
			t.Errorf("taken of %s, build %s", m.File, m.BuildID)
		}
	}
	if ours < 100 || len(p.Sample) < 1000 {
		t.Errorf("%d functions of rewind, %d samples", ours, len(p.Sample))
	}
}
