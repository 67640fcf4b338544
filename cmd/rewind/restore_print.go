package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"rewind/replay"
	"rewind/table"
)

// printAnswer says what was asked, what it means, and what lies beside it.
func (a *app) printAnswer(answer replay.Answer) { writeAnswer(a.stdout, answer) }

func writeAnswer(w io.Writer, answer replay.Answer) {
	asked := answer.Asked
	if answer.Time != nil {
		asked += " = " + clock(*answer.Time)
		if answer.Zone != "" {
			asked += " (" + answer.Zone + ")"
		}
	}
	g := newGrid("", "id", "read ended", "rows")
	g.rightAlign(4)
	row := func(what string, p *replay.Point) {
		if p != nil {
			g.add(what, p.ID, clock(p.ReadEnded), thousands(p.Rows))
		}
	}
	row("before", answer.Before)
	row("chosen", &answer.Point)
	row("after", answer.After)
	fmt.Fprintf(w, "asked for %s\n\n", asked)
	g.print(w)
	fmt.Fprintln(w)
	refusedNote(w, answer.Gap)
}

// printCertificate says what was restored and how it was proved. A --replace captured what it replaced: that is the newest
// restore point until the next capture, and asking for the newest would bring it back.
func (a *app) printCertificate(c replay.Certificate, captured int64) error {
	if a.json {
		return a.printJSON(c)
	}
	fmt.Fprintf(a.stdout, "restored %s as of %s into %s\n", c.Table, clock(c.Answer.Point.ReadEnded), c.Into)
	g := newGrid("", "")
	g.add("  restore point", c.Answer.Point.ID)
	g.add("  rows", thousands(c.Rows))
	g.add("  digest in the journal", c.DigestJournal)
	g.add("  digest of the table", c.DigestLoaded+"  "+equality(a.stdout, c))
	g.add("  proved", c.Proof)
	g.add("  loaded by", c.Method)
	if c.Kept != "" {
		g.add("  the old table is kept as", c.Kept)
	}
	if c.Kept != "" && captured != 0 {
		g.add("  and is restore point", fmt.Sprintf("%d, the newest until the next capture", captured))
	}
	for _, s := range c.Stages {
		g.add("  "+s.Name, stageText(s.Rows, time.Duration(s.Seconds*float64(time.Second))))
	}
	g.printBare(a.stdout)
	return nil
}

func equality(w io.Writer, c replay.Certificate) string {
	if c.DigestJournal == c.DigestLoaded {
		return paint(w, colorGood, "(equal)")
	}
	return paint(w, colorBad, "(NOT EQUAL)")
}

// confirm asks for the table's name on a terminal; without one it needs --yes.
func (a *app) confirm(name table.Name, yes bool, what string) error {
	if yes {
		return nil
	}
	if !isTerminal(a.stdin) || !isTerminal(a.stderr) {
		return &codedError{code: exitRefused, message: "not confirmed: this would " + what, hint: "without a terminal, --yes confirms"}
	}
	fmt.Fprintf(a.stderr, "This will %s.\nType the table's name to go on: ", what)
	line, err := bufio.NewReader(a.stdin).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != name.String() {
		return &codedError{code: exitRefused, message: "not confirmed: nothing was done"}
	}
	return nil
}
