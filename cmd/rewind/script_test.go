package main

import (
	"context"
	"errors"
	"flag"
	"maps"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"rewind/sandbox/racing"
)

// TestMain lets the test binary be the rewind command for the scripts.
func TestMain(m *testing.M) {
	// These tests wait for servers and for the pauses between attempts more than they compute.
	if err := flag.Set("test.parallel", strconv.Itoa(4*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"rewind": main})
}

// TestScripts runs the transcripts in testdata/script: what a person types and sees, exit codes included.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Files: scripts(t),
		Setup: setupScript,
		Cmds:  scriptCommands(),
	})
}

// scripts are all of them. Under the race detector, where each command takes a second to start, they are those in which the commands work
// beside each other and not only refuse.
func scripts(t *testing.T) []string {
	t.Helper()
	name := "*.txt"
	if racing.Step > 1 {
		name = "sandbox_*.txt"
	}
	files, err := filepath.Glob(filepath.Join("testdata", "script", name))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	return files
}

func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	commands := maps.Clone(badCommands)
	commands["exits"] = exits
	commands["setenv1"] = setFirstMatch
	return commands
}

// setupScript gives the scripts whose name begins with sandbox_ running servers, and a folder play with a configuration
// that names them.
func setupScript(env *testscript.Env) error {
	env.Setenv("TZ", "UTC")
	env.Setenv("REWIND_CONFIG", "")
	if strings.HasPrefix(filepath.Base(env.WorkDir), "script-bad_") {
		return setupBad(env)
	}
	if !strings.HasPrefix(filepath.Base(env.WorkDir), "script-sandbox_") {
		return nil
	}
	a := newTestApp()
	dir := filepath.Join(env.WorkDir, "play")
	p, err := a.openPlayground(context.Background(), dir, "127.0.0.1:0", "127.0.0.1:0")
	if err != nil {
		return err
	}
	env.Defer(p.close)
	return p.writeConfig(filepath.Join(dir, configName), playMark, playTables)
}

// exits CODE COMMAND [ARG...] runs a command and wants its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// setFirstMatch NAME N sets NAME to the first field of the N-th line of the last command's stdout.
func setFirstMatch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: setenv1 NAME LINE")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	lines := strings.Split(ts.ReadFile("stdout"), "\n")
	if n > len(lines) || len(strings.Fields(lines[n-1])) == 0 {
		ts.Fatalf("no field in line %d of:\n%s", n, strings.Join(lines, "\n"))
	}
	ts.Setenv(args[0], strings.Fields(lines[n-1])[0])
}
