// Package rewind_test holds the shape of the source tree. It parses the files in-process: a test that shells out to
// `go list` would be served from the test cache and pass after a violation.
package rewind_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// arrows says which folders a folder may import.
var arrows = map[string][]string{
	"cmd": {"producer", "consumer", "replay", "watch", "metrics", "journal", "change", "topic", "impala", "sandbox", "table", "ocf", "sorting", "index", "checkpoint", "disk", "crypt", "schemas", "ballast"},

	"producer": {"topic", "change", "table", "ocf", "sorting", "disk", "crypt"},
	"consumer": {"topic", "change", "journal", "index", "table", "disk", "crypt"},
	"replay":   {"journal", "index", "checkpoint", "change", "table", "sorting", "disk", "crypt"},
	"watch":    {"topic", "change", "table"},

	"impala":     {"table", "ocf", "disk", "handshake", "ballast"},
	"checkpoint": {"change", "table", "ocf", "disk", "crypt"},
	"index":      {"journal", "change", "table", "disk", "crypt"},
	"journal":    {"ocf", "disk", "crypt"},
	"topic":      {"table", "handshake"},
	"change":     {"table", "schemas"},
	"sandbox":    {"table"},
	"sorting":    {"disk"},

	"table": {}, "metrics": {}, "ocf": {}, "schemas": {}, "disk": {}, "crypt": {}, "handshake": {}, "ballast": {},

	// bench is the program that measures; nothing imports it.
	"bench": {"producer", "consumer", "replay", "journal", "change", "topic", "impala", "sandbox", "table", "ocf", "disk", "ballast"},

	// integration is tests and the programs that only they run; they reach what they like.
	"integration": {"producer", "consumer", "replay", "journal", "index", "checkpoint", "change", "topic", "impala", "sandbox", "table", "ocf", "sorting", "disk", "crypt", "schemas"},
}

// testArrows is what test files may import beside: the stand-ins, and the packages that make what others carry.
var testArrows = []string{"sandbox", "change", "table"}

// homes says where alone a library of the outside world is used, tests and stand-ins aside.
var homes = map[string][]string{
	"github.com/segmentio/kafka-go": {"topic", "bench"},
	"github.com/sclgo/impala-go":    {"impala"},
	"github.com/linkedin/goavro":    {"change", "schemas", "bench"},
	"github.com/prometheus":         {"metrics"},
	"github.com/spf13/cobra":        {"cmd"},
	"github.com/jedib0t/go-pretty":  {"cmd"},
	"github.com/goccy/go-yaml":      {"cmd"},
	"github.com/twmb/franz-go":      {"sandbox", "bench"},
	"github.com/ncruces/go-sqlite3": {"sandbox"},
	"github.com/beltran/gohive":     {"sandbox", "integration"},
	"filippo.io/age":                {"crypt"},
	"github.com/minio/highwayhash":  {"producer"},
	"github.com/hamba/avro":         {"bench"},
	"github.com/google/pprof":       {"bench"},
}

// linesLimit is how long a file may be: who needs more has two concerns in it. Tests may be long tables.
const (
	linesLimit     = 400
	testLinesLimit = 500
)

func TestArchitecture(t *testing.T) {
	for _, violation := range violations(t, os.DirFS(".")) {
		t.Error(violation)
	}
}

// TestArchitectureNoticesViolations breaks each rule once.
func TestArchitectureNoticesViolations(t *testing.T) {
	doc := "// Package x is here.\npackage x\n"
	for name, c := range map[string]struct {
		file, text, want string
	}{
		"arrow":        {"producer/a.go", doc + `import _ "rewind/impala"`, "producer imports impala"},
		"sideways":     {"consumer/a.go", doc + `import _ "rewind/producer"`, "consumer imports producer"},
		"upwards":      {"table/a.go", doc + `import _ "rewind/change"`, "table imports change"},
		"nested":       {"journal/deep/a.go", doc + `import _ "rewind/change"`, "journal imports change"},
		"test":         {"replay/a_test.go", "package x\n" + `import _ "rewind/producer"`, "replay imports producer"},
		"new folder":   {"util/a.go", doc, "util is not in the architecture"},
		"library":      {"replay/a.go", doc + `import _ "github.com/segmentio/kafka-go"`, "replay uses github.com/segmentio/kafka-go"},
		"length":       {"table/a.go", doc + strings.Repeat("// line\n", linesLimit), "lines"},
		"test length":  {"table/a_test.go", doc + strings.Repeat("// line\n", testLinesLimit), "lines"},
		"no doc":       {"table/a.go", "package x\n", "no package comment"},
		"exit":         {"journal/a.go", doc + "import \"os\"\nfunc f() { os.Exit(1) }", "os.Exit"},
		"init":         {"journal/a.go", doc + "func init() {}", "init"},
		"skipped test": {"journal/a_test.go", "package x\nimport \"testing\"\nfunc TestX(t *testing.T) { t.Skip() }", "skips"},
	} {
		t.Run(name, func(t *testing.T) {
			got := violations(t, fstest.MapFS{c.file: {Data: []byte(c.text)}})
			if !slices.ContainsFunc(got, func(v string) bool { return strings.Contains(v, c.want) }) {
				t.Errorf("%s was not noticed: %q", c.want, got)
			}
		})
	}
	clean := fstest.MapFS{
		"table/a.go":      {Data: []byte(doc)},
		"table/a_test.go": {Data: []byte("package x_test\nimport _ \"rewind/sandbox\"\nimport _ \"rewind/table\"")},
		"change/a.go":     {Data: []byte(doc + "import _ \"rewind/table\"\nimport _ \"github.com/linkedin/goavro/v2\"")},
	}
	if got := violations(t, clean); len(got) > 0 {
		t.Errorf("a clean tree has violations: %q", got)
	}
}

// violations walks the tree and says what breaks a rule, one line each.
func violations(t *testing.T, tree fs.FS) []string {
	t.Helper()
	var found []string
	documented := map[string]bool{} // by folder: has one of its files the package comment?
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if base := entry.Name(); name != "." && (strings.HasPrefix(base, ".") || base == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || !strings.Contains(name, "/") {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if !strings.HasSuffix(name, "_test.go") {
			documented[path.Dir(name)] = documented[path.Dir(name)] || file.Doc != nil
		}
		limit := linesLimit
		if strings.HasSuffix(name, "_test.go") {
			limit = testLinesLimit
		}
		if n := bytes.Count(text, []byte("\n")); n > limit {
			found = append(found, fmt.Sprintf("%s has %d lines, more than %d", name, n, limit))
		}
		found = append(found, importViolations(name, file)...)
		found = append(found, callViolations(name, file)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for folder, ok := range documented {
		if !ok {
			found = append(found, folder+" has no package comment")
		}
	}
	slices.Sort(found)
	return found
}

// importViolations holds the arrows and the libraries' homes.
func importViolations(name string, file *ast.File) []string {
	var found []string
	test := strings.HasSuffix(name, "_test.go")
	from, _, _ := strings.Cut(name, "/")
	allowed, known := arrows[from]
	if !known {
		return []string{from + " is not in the architecture: " + name}
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return []string{name + ": " + err.Error()}
		}
		if to, ours := strings.CutPrefix(imported, "rewind/"); ours {
			to, _, _ = strings.Cut(to, "/")
			if to != from && !slices.Contains(allowed, to) && (!test || !slices.Contains(testArrows, to)) {
				found = append(found, fmt.Sprintf("%s imports %s: %s", from, to, name))
			}
			continue
		}
		for library, users := range homes {
			if (imported == library || strings.HasPrefix(imported, library+"/")) && !test && !slices.Contains(users, from) {
				found = append(found, fmt.Sprintf("%s uses %s, which lives in %v: %s", from, library, users, name))
			}
		}
	}
	return found
}

// callViolations holds the rules about what is never called or declared.
func callViolations(name string, file *ast.File) []string {
	var found []string
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.FuncDecl:
			if node.Name.Name == "init" && node.Recv == nil {
				found = append(found, name+" has an init function: nothing happens by being imported")
			}
		case *ast.SelectorExpr:
			of, ok := node.X.(*ast.Ident)
			if !ok {
				return true
			}
			call := of.Name + "." + node.Sel.Name
			program := name == "cmd/rewind/main.go" || name == "bench/main.go" || strings.HasPrefix(name, "integration/") || strings.HasSuffix(name, "_test.go")
			if call == "os.Exit" && !program {
				found = append(found, name+" calls os.Exit, which main.go alone does")
			}
			if call == "t.Skip" || call == "t.Skipf" || call == "t.SkipNow" {
				found = append(found, name+" skips a test")
			}
		}
		return true
	})
	return found
}
