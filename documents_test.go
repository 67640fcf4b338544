package rewind_test

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// section is a document's text from a heading to the next one.
func section(t *testing.T, document, heading string) string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("%s has no section %q", document, heading)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	return rest
}

// TestArchitectureDocument holds the tree and the arrows of ARCHITECTURE.md to those that the imports are held to.
func TestArchitectureDocument(t *testing.T) {
	described := map[string]bool{"cmd": true}
	for _, m := range regexp.MustCompile(`(?m)^    ([a-z]+)/ `).FindAllStringSubmatch(section(t, "ARCHITECTURE.md", "The tree: one folder a role"), -1) {
		described[m[1]] = true
	}
	for folder := range arrows {
		if !described[folder] {
			t.Errorf("the tree of ARCHITECTURE.md lacks %s/", folder)
		}
	}
	drawn := map[string][]string{}
	for line := range strings.Lines(section(t, "ARCHITECTURE.md", "The arrows point down")) {
		from, to, found := strings.Cut(line, "─▶")
		if !found || !strings.HasPrefix(line, "    ") {
			continue
		}
		to, _, _ = strings.Cut(to, "  ")
		for from := range strings.SplitSeq(from, ",") {
			drawn[strings.TrimSpace(from)] = strings.Fields(to)
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(arrows)) {
		want := slices.Sorted(slices.Values(arrows[folder]))
		got := slices.Sorted(slices.Values(drawn[folder]))
		switch {
		case folder == "integration": // tests alone
		case folder == "cmd" && slices.Equal(got, []string{"everything"}):
		case len(want) == 0 && slices.Equal(got, []string{"nothing"}):
		case !slices.Equal(got, want):
			t.Errorf("ARCHITECTURE.md draws %s ─▶ %v, the imports are held to %v", folder, got, want)
		}
	}
}

// TestDocumentsLinks looks that what the documents link to is there.
func TestDocumentsLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != "." && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		if entry.IsDir() || path.Ext(name) != ".md" {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(path.Join(path.Dir(name), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestReliabilityNamesTests: whatever docs/RELIABILITY.md says is held by a test is: the test is there under that name.
func TestReliabilityNamesTests(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("docs", "RELIABILITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]bool{}
	declaration := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, found := range declaration.FindAllSubmatch(source, -1) {
			declared[string(found[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllSubmatch(page, -1)
	if len(named) == 0 {
		t.Fatal("no test is named")
	}
	for _, name := range named {
		if !declared[string(name[1])] {
			t.Errorf("docs/RELIABILITY.md names %s, which is no test", name[1])
		}
	}
}
