package schemas

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"
)

// TestFilesAreAvro: every file but the entries', which name the others' records, is a schema by itself; the README tells of each.
func TestFilesAreAvro(t *testing.T) {
	embedded := map[string]string{"open.avsc": Open, "begin.avsc": Begin, "change.avsc": Change, "commit.avsc": Commit, "gap.avsc": Gap, "entry.avsc": Entry,
		"gap.2.avsc": Gap2, "entry.2.avsc": Entry2}
	files, err := filepath.Glob("*.avsc")
	if err != nil || len(files) != len(embedded) {
		t.Fatalf("%d files, %d embedded, %v", len(files), len(embedded), err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.Contains(string(readme), "`"+file+"`") {
			t.Errorf("README.md does not tell of %s", file)
		}
		if embedded[file] == "" {
			t.Errorf("%s is not embedded", file)
		}
		if strings.HasPrefix(file, "entry.") {
			continue
		}
		if _, err := goavro.NewCodecWithOptions(embedded[file], goavro.DefaultCodecOption()); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}
