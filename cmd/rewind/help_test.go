package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestEveryCommandHasExamples wants examples that name their own command and only flags that it has.
func TestEveryCommandHasExamples(t *testing.T) {
	root := newTestApp().rootCommand()
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
		if !cmd.Runnable() {
			return
		}
		if cmd.Short == "" || !strings.Contains(cmd.Example, cmd.CommandPath()) {
			t.Errorf("%s: no example, or no short help", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			example, _, _ := strings.Cut(line, "  #")
			if len(line) > 140 {
				t.Errorf("%s: an example of %d characters: %s", cmd.CommandPath(), len(line), line)
			}
			for word := range strings.FieldsSeq(example) {
				if name, isFlag := strings.CutPrefix(word, "--"); isFlag && !hasFlag(root, cmd, name) {
					t.Errorf("%s: there is no %s: %s", cmd.CommandPath(), word, line)
				}
			}
		}
	}
	visit(root)
}

// hasFlag says whether the command, or one below it, which its examples may show, knows the flag.
func hasFlag(root, cmd *cobra.Command, name string) bool {
	if cmd.Flags().Lookup(name) != nil || root.PersistentFlags().Lookup(name) != nil {
		return true
	}
	for _, sub := range cmd.Commands() {
		if hasFlag(root, sub, name) {
			return true
		}
	}
	return false
}

// TestExitCodesAreThoseOfTheReadme: both say of each code the same.
func TestExitCodesAreThoseOfTheReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## Exit codes\n")
	rows := 0
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "## ") {
			break
		}
		cells := strings.Split(line, " | ")
		code := strings.TrimPrefix(cells[0], "| ")
		if _, err := strconv.Atoi(code); err != nil || len(cells) != 2 {
			continue
		}
		rows++
		text := strings.ReplaceAll(strings.TrimSuffix(strings.TrimSpace(cells[1]), " |"), "`", "")
		if !strings.Contains(exitCodesText, fmt.Sprintf("\n%5s  %s", code, text)) {
			t.Errorf("rewind help exit-codes does not say of %s: %s", code, text)
		}
	}
	if rows != 10 {
		t.Errorf("%d codes in README.md", rows)
	}
}
