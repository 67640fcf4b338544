//go:build integration

package integration

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// stageLine finds in the source what a DEBUG line says about a stage of the work.
var stageLine = regexp.MustCompile(`[lL]ogger\.Debug\("((?:capture|publish|snapshot|consume|journal|restore|swap|checkpoint|retain): [^"]+)"`)

// rareStages are logged only where something else went wrong; the last of them TestKilledAtEveryStage brings about by itself.
var rareStages = map[string]string{
	"capture: another producer opened a term at the same moment":                              "a race of two producers",
	"consume: the group's offset was not moved":                                               "Kafka is away",
	"swap: old renamed back":                                                                  "somebody wrote meanwhile",
	"journal: a segment is read without an index":                                             "an index could not be written or read",
	"checkpoint: the rows are sorted: those of a baseline are not in the order of their keys": "the engine that sorted the baseline has an order of its own",
	"consume: the base is encrypted":                                                          "encryption was switched on behind a retention",
}

// settingStages come with a setting alone that not every project has.
var settingStages = map[string]string{
	"capture: rows read, to be sorted here": noKey,
	"capture: the table is read by streams": streams,
	"journal: encrypting a sealed segment":  atRest,
	"journal: encrypted a sealed segment":   atRest,
	"checkpoint: folded":                    dropping,
	"checkpoint: written":                   dropping,
	"retain: base is durable":               dropping,
	"retain: cut record is durable":         dropping,
	"retain: segments are dropped":          dropping,
}

const (
	noKey   = "a table without a key"
	streams = "a Kudu or Iceberg table with scan_streams, which Hive does not have"
	atRest  = "encryption at rest"

	dropping = "TestKilledWhileDropping brings them about"
)

// stagesInSource are all stages that the program marks in its log.
func stagesInSource(t *testing.T) (all []string) {
	t.Helper()
	for _, folder := range []string{"producer", "consumer", "replay", "impala", "topic", "journal", "cmd/rewind"} {
		err := filepath.WalkDir(filepath.Join("..", folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range stageLine.FindAllStringSubmatch(string(text), -1) {
				all = append(all, m[1])
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// stages are those that the runs of the commands logged, in order; the second time that one is logged does not count.
type loggedStages map[string][]string

// record runs a command to its good end and notes its stages.
func (s loggedStages) record(p *project, command string, args ...string) (stdout string) {
	p.t.Helper()
	r := p.start(func(_ *process, stage string) {
		part, _, found := strings.Cut(stage, ": ")
		_, rare := rareStages[stage]
		if found && !rare && slices.Contains(stageParts, part) && !slices.Contains(s[command], stage) {
			s[command] = append(s[command], stage)
		}
	}, args...)
	if code := r.wait(); code != 0 {
		p.t.Fatalf("%v ended with %d\n%s", args, code, tail(r.stderr.String()))
	}
	return r.stdout.String()
}

var stageParts = []string{"capture", "publish", "snapshot", "consume", "journal", "restore", "swap", "checkpoint", "retain"}

// of are the stages of a command whose part of the program is one of these.
func (s loggedStages) of(command string, parts ...string) (all []string) {
	for _, stage := range s[command] {
		if part, _, _ := strings.Cut(stage, ": "); slices.Contains(parts, part) {
			all = append(all, stage)
		}
	}
	return all
}

// missing are the source's stages of these parts that no command logged, on a table with a key in a project that is encrypted at rest.
func (s loggedStages) missing(t *testing.T, parts ...string) (all []string) {
	for _, stage := range stagesInSource(t) {
		if part, _, _ := strings.Cut(stage, ": "); !slices.Contains(parts, part) {
			continue
		}
		_, rare := rareStages[stage]
		rare = rare || settingStages[stage] == noKey || settingStages[stage] == streams
		logged := false
		for _, stages := range s {
			logged = logged || slices.ContainsFunc(stages, func(l string) bool { return l == stage || strings.HasPrefix(l, stage+" partition=") })
		}
		if !rare && !logged {
			all = append(all, stage)
		}
	}
	return all
}

// killAt runs a command and kills it at the first line of its log that marks a stage; the stage must come.
func (p *project) killAt(stage string, args ...string) {
	p.t.Helper()
	seen := false
	r := p.start(func(r *process, logged string) {
		if logged == stage && !seen {
			seen = true
			r.kill()
		}
	}, args...)
	code := r.wait()
	switch {
	case !seen:
		p.t.Fatalf("%v ended with %d before %q\n%s", args, code, stage, tail(r.stderr.String()))
	case code != -1:
		p.t.Logf("%v had ended with %d when it was to be killed at %q", args, code, stage)
	}
}

// capture captures the table, which must succeed, and gives the restore point's id.
func (p *project) capture(args ...string) int64 {
	p.t.Helper()
	lines := jsonLines[struct{ Snapshot int64 }](p.t, p.run(append([]string{"produce", "--json"}, args...)...))
	if len(lines) != 1 {
		p.t.Fatalf("captures: %+v", lines)
	}
	return lines[0].Snapshot
}

// tidy expects nothing of a restore to be left: no staging folder, no record, and in the database only the tables named.
func (o *oracle) tidy(p *project, others ...string) {
	o.t.Helper()
	if left, err := os.ReadDir(filepath.Join(p.dir, "staging")); err != nil || len(left) > 0 {
		o.t.Errorf("left over in staging: %v %v", left, err)
	}
	left, err := filepath.Glob(filepath.Join(p.dir, "data", "restore", "*.json"))
	if err != nil {
		o.t.Fatal(err)
	}
	for _, path := range left {
		if !strings.HasPrefix(filepath.Base(path), "replaced-") {
			o.t.Errorf("left over: %s", path)
		}
	}
	database, table, _ := strings.Cut(o.name, ".")
	want := append([]string{table, table + "_feed"}, others...)
	slices.Sort(want)
	if got := o.engine.texts("SHOW TABLES IN " + database); !slices.Equal(got, want) {
		o.t.Errorf("tables: %v, not %v", got, want)
	}
}

// kept are the tables that a replace has kept.
func (o *oracle) kept() (all []string) {
	o.t.Helper()
	database, table, _ := strings.Cut(o.name, ".")
	for _, name := range o.engine.texts("SHOW TABLES IN " + database) {
		if strings.HasPrefix(name, table+"__rewind_") && !strings.HasPrefix(name, table+"__rewind_new_") {
			all = append(all, name)
		}
	}
	return all
}

func idText(id int64) string { return fmt.Sprint(id) }
