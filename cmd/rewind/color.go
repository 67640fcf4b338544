package main

import (
	"io"
	"os"

	"github.com/jedib0t/go-pretty/v6/text"
)

// The colours say the same everywhere: what is right, what is wrong, what to look at first, and what was typed.
var (
	colorGood  = text.Colors{text.FgGreen}
	colorBad   = text.Colors{text.FgRed, text.Bold}
	colorHint  = text.Colors{text.FgYellow}
	colorHead  = text.Colors{text.Bold}
	colorTyped = text.Colors{text.FgCyan}
)

// paint colours text that goes to w: on a terminal only, and not where NO_COLOR is set (no-color.org), so that a pipe gets the
// text as it is.
func paint(w io.Writer, colors text.Colors, s string) string {
	if !canDraw(w) || os.Getenv("NO_COLOR") != "" {
		return s
	}
	return text.Escape(s, colors.EscapeSeq())
}
