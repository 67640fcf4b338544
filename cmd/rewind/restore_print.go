package main

import (
	"bufio"
	"fmt"
	"strings"
	"time"

	"rewind/replay"
	"rewind/table"
)

// printAnswer says what was asked, what it means, and what lies beside it.
func (a *app) printAnswer(answer replay.Answer) {
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
	fmt.Fprintf(a.stdout, "asked for %s\n\n", asked)
	g.print(a.stdout)
	fmt.Fprintln(a.stdout)
}

// plan is what restore --dry-run says.
type plan struct {
	DryRun  bool          `json:"dry_run"`
	Table   string        `json:"table"`
	Into    string        `json:"into,omitempty"`
	Replace bool          `json:"replace,omitempty"`
	Answer  replay.Answer `json:"answer"`
	Steps   []string      `json:"steps"`
}

func (a *app) printPlan(job *restoreJob, answer replay.Answer) error {
	p := plan{DryRun: true, Table: job.table.name.String(), Replace: job.flags.replace, Answer: answer}
	into := "a new table beside it"
	if !job.flags.replace {
		p.Into = job.into.String()
		into = p.Into
	} else if !job.flags.noCapture {
		p.Steps = append(p.Steps, "capture "+p.Table+" as it is now, and wait until the capture is in the journal")
	}
	p.Steps = append(p.Steps,
		fmt.Sprintf("fold the journal up to %d: %s, digest %s", answer.Point.ID, count(answer.Point.Rows, "row"), answer.Point.DigestText),
		"load them into "+into+", made from the definition of that point",
		"prove the loaded table by the same digest")
	if job.flags.replace {
		p.Steps = append(p.Steps, "rename "+p.Table+" to a name that is kept, and the new table to "+p.Table)
	}
	if job.flags.stats == "compute" {
		p.Steps = append(p.Steps, "compute statistics")
	}
	if a.json {
		return a.printJSON(p)
	}
	a.printAnswer(answer)
	fmt.Fprintln(a.stdout, "this would:")
	for i, step := range p.Steps {
		fmt.Fprintf(a.stdout, "  %d. %s\n", i+1, step)
	}
	fmt.Fprintln(a.stdout, "nothing was done (--dry-run)")
	return nil
}

func (a *app) printCertificate(c replay.Certificate) error {
	if a.json {
		return a.printJSON(c)
	}
	fmt.Fprintf(a.stdout, "restored %s as of %s into %s\n", c.Table, clock(c.Answer.Point.ReadEnded), c.Into)
	g := newGrid("", "")
	g.add("  restore point", c.Answer.Point.ID)
	g.add("  rows", thousands(c.Rows))
	g.add("  digest in the journal", c.DigestJournal)
	g.add("  digest of the table", c.DigestLoaded+"  "+equality(c))
	g.add("  proved", c.Proof)
	g.add("  loaded by", c.Method)
	if c.Kept != "" {
		g.add("  the old table is kept as", c.Kept)
	}
	for _, s := range c.Stages {
		g.add("  "+s.Name, stageText(s.Rows, time.Duration(s.Seconds*float64(time.Second))))
	}
	g.printBare(a.stdout)
	return nil
}

func equality(c replay.Certificate) string {
	if c.DigestJournal == c.DigestLoaded {
		return "(equal)"
	}
	return "(NOT EQUAL)"
}

// confirm asks for the table's name on a terminal; without one it needs --yes.
func (a *app) confirm(name table.Name, yes bool, what string) error {
	if yes {
		return nil
	}
	if !isTerminal(a.stdin) || !isTerminal(a.stderr) {
		return &codedError{code: exitRefused, message: "not confirmed: this would " + what, hint: "without a terminal, --yes confirms"}
	}
	fmt.Fprintf(a.stderr, "This will %s. Type the table's name to go on: ", what)
	line, err := bufio.NewReader(a.stdin).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != name.String() {
		return &codedError{code: exitRefused, message: "not confirmed: nothing was done"}
	}
	return nil
}
