package main

import (
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
