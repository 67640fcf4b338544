package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// openTerminal gives a pseudo-terminal: what is written to the one file is read from the other.
func openTerminal(t *testing.T) (screen, terminal *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	return screen, terminal
}

func TestColourOnATerminalOnly(t *testing.T) {
	for name, c := range map[string]struct {
		env      map[string]string
		coloured bool
	}{
		"terminal":      {map[string]string{"TERM": "xterm", "NO_COLOR": ""}, true},
		"NO_COLOR":      {map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, false},
		"dumb terminal": {map[string]string{"TERM": "dumb", "NO_COLOR": ""}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			screen, terminal := openTerminal(t)
			if code := run(context.Background(), []string{"points", "--config", "nowhere.yaml"}, terminal, terminal); code != exitUsage {
				t.Errorf("exit code %d", code)
			}
			buffer := make([]byte, 4096)
			n, err := screen.Read(buffer)
			if err != nil {
				t.Fatal(err)
			}
			if shown := string(buffer[:n]); strings.Contains(shown, "\x1b[") != c.coloured || !strings.Contains(shown, "rewind:") {
				t.Errorf("%q", shown)
			}
		})
	}
	var piped strings.Builder
	run(context.Background(), []string{"points", "--config", "nowhere.yaml"}, &piped, &piped)
	if strings.Contains(piped.String(), "\x1b[") {
		t.Errorf("colour on a pipe: %q", piped.String())
	}
}
