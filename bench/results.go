package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"rewind/bench/workload"
)

// results of a run: what is kept of it, and what the document is written from.
type results struct {
	Date     string    `json:"date"`
	Machine  string    `json:"machine"`
	Versions string    `json:"versions"`
	Rows     int64     `json:"rows"`
	Rounds   int       `json:"rounds"`
	Outcomes []outcome `json:"outcomes"`

	out string
}

func newResults(ctx context.Context, b *workbench) *results {
	return &results{
		Date: time.Now().UTC().Format(time.DateOnly), Machine: machine(), Versions: versions(ctx, b),
		Rows: b.rows, Rounds: b.rounds, out: b.out,
	}
}

// circumstances say of which commit a stage's figures are, and how busy the machine was with other things when it began.
func circumstances() string {
	var parts []string
	if commit := builtOf(); commit != "" {
		parts = append(parts, "commit "+commit)
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		parts = append(parts, "load "+strings.Fields(string(load))[0]+" before it began")
	}
	if len(parts) == 0 {
		return ""
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// builtOf is the commit that this program was built of, as git shortens it.
func builtOf() (commit string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			commit = setting.Value[:min(7, len(setting.Value))]
		case setting.Key == "vcs.modified" && setting.Value == "true":
			commit += ", changed"
		}
	}
	return commit
}

// goOn takes over the other stages of an earlier run of the same size on the same machine, for one of chosen stages.
func (r *results) goOn() {
	text, err := os.ReadFile(filepath.Join(r.folder(), "results.json"))
	var before results
	if err != nil || json.Unmarshal(text, &before) != nil || before.Rows != r.Rows || before.Rounds != r.Rounds || before.Machine != r.Machine || before.Versions != r.Versions {
		return
	}
	r.Outcomes = before.Outcomes
}

// put takes a stage's outcome in, in the place of an earlier one, in the order of the stages.
func (r *results) put(o outcome) {
	by := map[string]outcome{}
	for _, one := range append(r.Outcomes, o) {
		by[one.Key] = one
	}
	r.Outcomes = nil
	for _, key := range stageKeys() {
		if one, measured := by[key]; measured {
			r.Outcomes = append(r.Outcomes, one)
		}
	}
}

// machine says what was measured on.
func machine() string {
	name := runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if of, found := strings.CutPrefix(line, "model name"); found {
				name = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(of), ":"))
				break
			}
		}
	}
	return fmt.Sprintf("%d × %s, %s", runtime.NumCPU(), name, runtime.GOOS)
}

func versions(ctx context.Context, b *workbench) string {
	said := []string{runtime.Version()}
	for _, name := range []string{"duckdb", "polars"} {
		cmd := exec.CommandContext(ctx, b.path("peers", "python", "bin", "python3"), "-c", "import "+name+"; print("+name+".__version__)")
		if out, err := cmd.Output(); err == nil {
			said = append(said, name+" "+strings.TrimSpace(string(out)))
		}
	}
	return strings.Join(said, ", ")
}

func (r *results) folder() string { return filepath.Join(r.out, "performance") }

// write keeps the results and writes the document's measured part.
func (r *results) write() error {
	if err := os.MkdirAll(r.folder(), 0o755); err != nil {
		return err
	}
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.folder(), "results.json"), append(b, '\n'), 0o644); err != nil {
		return err
	}
	path := filepath.Join(r.out, "PERFORMANCE.md")
	document, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, []byte(r.insert(string(document))), 0o644)
}

// What stands between the marks is written by every run, what stands around them by people.
const (
	beginMark = "<!-- measured -->\n"
	endMark   = "<!-- end of what was measured -->\n"
)

const preface = `# Performance

What rewind takes beside what a user would pick instead, measured in turn in one run. The figures of a shared machine are worth little, their
ratios more. ` + "`make bench`" + ` measures everything anew ([how](../bench/README.md)); the text around the measured part is by hand.

`

// insert puts the measured part into a document, or makes the document.
func (r *results) insert(document string) string {
	before, rest, found := strings.Cut(document, beginMark)
	if !found {
		before, rest = preface+document, ""
	}
	_, after, _ := strings.Cut(rest, endMark)
	return before + beginMark + "\n" + r.text() + "\n" + endMark + after
}

func (r *results) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured %s on %s; %s. Medians of %d rounds behind one that warms up, two threads each; largest table %s rows.\n\n",
		r.Date, r.Machine, r.Versions, r.Rounds, workload.FormatRows(r.Rows))
	fmt.Fprintf(&b, "## What is to be reached\n\n| stage | figure | wanted | measured | |\n|---|---|---|---|---|\n")
	for _, o := range r.Outcomes {
		for _, t := range o.Targets {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", o.Title, t.What, t.Want, t.measured(), t.verdict())
		}
	}
	fmt.Fprint(&b, "\n## Stage by stage\n")
	for _, o := range r.Outcomes {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", o.Title, strings.TrimSpace(o.About+" "+o.Under))
		for _, g := range o.Groups {
			b.WriteString(g.table())
		}
	}
	fmt.Fprint(&b, "\n## Time and memory\n\n")
	for _, plot := range plots() {
		fmt.Fprintf(&b, "![%s](performance/%s.svg)\n", plot.alt, plot.name)
	}
	return b.String()
}

func (t target) measured() string {
	if t.Missing != "" {
		return "not yet: " + strings.ReplaceAll(t.Missing, "|", "/")
	}
	return t.Text
}

func (t target) verdict() string {
	switch {
	case t.Missing != "":
		return "–"
	case t.Want == "no target", t.Want == "reported":
		return ""
	case t.Reached:
		return "reached"
	}
	return "**not reached**"
}

// table of a group: the clock, CPU, memory, and the ratio of each to ours.
func (g group) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s:\n\n", g.Title)
	if g.Unit == "bytes" {
		fmt.Fprint(&b, "| | bytes | against ours |\n|---|---|---|\n")
		for _, s := range g.Series {
			fmt.Fprintf(&b, "| %s | %.0f | %.2f |\n", s.Name, s.median(units), s.median(units)/g.Series[0].median(units))
		}
		return b.String()
	}
	fmt.Fprintf(&b, "| | s | spread | %s/s | CPU s | peak MiB | CPU a unit, against the first |\n|---|---|---|---|---|---|---|\n", g.Unit)
	for _, s := range g.Series {
		if s.Failed != "" {
			fmt.Fprintf(&b, "| %s | could not be measured: %s | | | | | |\n", s.Name, strings.ReplaceAll(shorten(s.Failed), "|", "/"))
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | ±%.0f %% | %s | %s | %.0f | %s |\n", s.Name, digits(s.median(wall)), 100*s.spread(wall), perSecond(s.rate()),
			digits(s.median(cpu)), s.median(peak), against(s.cpuOfUnit(), g.Series[0].cpuOfUnit()))
	}
	return b.String()
}

func digits(x float64) string { return fmt.Sprintf("%.3g", x) }

func against(x, ours float64) string {
	if ours == 0 || math.IsNaN(x/ours) {
		return ""
	}
	return fmt.Sprintf("%.2f", x/ours)
}

func perSecond(x float64) string {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0) || x == 0:
		return ""
	case x >= 1e6:
		return fmt.Sprintf("%.2fM", x/1e6)
	case x >= 1e3:
		return fmt.Sprintf("%.0fk", x/1e3)
	}
	return fmt.Sprintf("%.3g", x)
}

const reasonShown = 160

func shorten(text string) string {
	text = strings.ReplaceAll(text, "\n", " ")
	if len(text) > reasonShown {
		return "… " + text[len(text)-reasonShown:]
	}
	return text
}

// plot is one picture of the document.
type plot struct{ name, alt string }

func plots() []plot {
	return []plot{
		{"diff-time", "Time of a diff against the table's size"}, {"diff-memory", "Memory of a diff against the table's size"},
		{"restore-time", "Time of a restore against the table's size"}, {"restore-memory", "Memory of a restore against the table's size"},
		{"fold-time", "Time of a fold against the length of the history"}, {"fold-memory", "Memory of a fold against the length of the history"},
	}
}

// draw makes the plots of the results, by matplotlib.
func (r *results) draw(ctx context.Context, b *workbench) error {
	_, err := b.do(ctx, b.python("plot.py", r.folder()))
	if err == nil {
		b.say("written: %s", filepath.Join(r.out, "PERFORMANCE.md"))
	}
	return err
}
