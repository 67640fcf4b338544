package main

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// lineWidth is what a terminal shows in a line where nobody made it wider.
const lineWidth = 80

// listed is a line of a list: what begins it, and what is said of that.
var listed = regexp.MustCompile(`^( +\S+ {2,})(.*)$`)

// wrap breaks a text between words, so that no line is longer than width; all lines but the first begin with indent. A word
// that is longer than a line stays whole.
func wrap(text, indent string, width int) string {
	var b strings.Builder
	room := width
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case n+1 > room:
			b.WriteString("\n" + indent)
			room = width - len(indent)
		default:
			b.WriteByte(' ')
			room--
		}
		b.WriteString(word)
		room -= n
	}
	return b.String()
}

// wrapHelp fits the help of a command, and of those below it, into a terminal: its paragraphs and the lines of its lists.
func wrapHelp(cmd *cobra.Command) {
	paragraphs := strings.Split(cmd.Long, "\n\n")
	for i, p := range paragraphs {
		if !strings.HasPrefix(p, " ") && !strings.Contains(p, "\n ") {
			paragraphs[i] = wrap(p, "", lineWidth)
			continue
		}
		lines := strings.Split(p, "\n")
		for i, line := range lines {
			if m := listed.FindStringSubmatch(line); m != nil {
				hang := strings.Repeat(" ", len(m[1]))
				lines[i] = m[1] + strings.ReplaceAll(wrap(m[2], "", lineWidth-len(hang)), "\n", "\n"+hang)
			}
		}
		paragraphs[i] = strings.Join(lines, "\n")
	}
	cmd.Long = strings.Join(paragraphs, "\n\n")
	for _, sub := range cmd.Commands() {
		wrapHelp(sub)
	}
}
