package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWrap(t *testing.T) {
	long := strings.Repeat("x", 100)
	for text, want := range map[string]string{
		"":                             "",
		"one  two\nthree":              "one two three",
		strings.Repeat("abcdefg ", 11): strings.TrimSpace(strings.Repeat("abcdefg ", 10)) + "\n  abcdefg",
		"a " + long + " b":             "a\n  " + long + "\n  b",
	} {
		if got := wrap(text, "  ", lineWidth); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestHelpFitsATerminal reads every command's help as a terminal of eighty columns shows it; the examples alone are whole.
func TestHelpFitsATerminal(t *testing.T) {
	commands := [][]string{{}}
	for _, c := range newTestApp().rootCommand().Commands() {
		commands = append(commands, []string{c.Name()})
		for _, sub := range c.Commands() {
			commands = append(commands, []string{c.Name(), sub.Name()})
		}
	}
	for _, args := range commands {
		if len(args) > 0 && (args[0] == "completion" || args[0] == "help") {
			continue // cobra's own
		}
		_, help, _ := runCommand(t.Context(), append(args, "--help")...)
		examples := false
		for line := range strings.Lines(help) {
			line = strings.TrimRight(line, "\n")
			switch {
			case line == "Examples:":
				examples = true
			case line == "":
				examples = false
			case !examples && utf8.RuneCountInString(line) > lineWidth:
				t.Errorf("rewind %s --help: %d columns: %s", strings.Join(args, " "), utf8.RuneCountInString(line), line)
			}
		}
	}
}
