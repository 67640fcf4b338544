package main

import (
	"bytes"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestReadmeQuickStart holds the README's quick start to the transcripts: whoever types it sees what is there.
func TestReadmeQuickStart(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	transcript, err := os.ReadFile("../../docs/transcripts/1-quick-start.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := bytes.Cut(readme, []byte("## Quick start"))
	if !ok {
		t.Fatal("no quick start")
	}
	section, _, _ = bytes.Cut(section, []byte("\n## "))
	var typed []string
	for line := range strings.Lines(string(section)) {
		if line, ok := strings.CutPrefix(strings.TrimSpace(line), "../rewind "); ok {
			line, _, _ = strings.Cut(line, "  #")
			line = strings.NewReplacer("../rewind", "rewind", "FIRST_ID", strconv.Itoa(firstID)).Replace(line)
			typed = append(typed, "rewind "+strings.TrimSpace(line))
		}
	}
	if len(typed) < 11 {
		t.Errorf("only %d commands found: %q", len(typed), typed)
	}
	for _, command := range typed {
		if !strings.Contains(string(transcript), "$ "+command+"\n") {
			t.Errorf("%q is not in docs/transcripts/1-quick-start.txt", command)
		}
	}
}

// TestReadmeConfigurations loads the configurations that the README shows.
func TestReadmeConfigurations(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile(`(?m)\n\n((?:    (?:kafka|impala):.*\n)(?:    .*\n)*)`).FindAllSubmatch(readme, -1)
	if len(shown) < 2 {
		t.Errorf("%d configurations found", len(shown))
	}
	for _, m := range shown {
		text := regexp.MustCompile("(?m)^    ").ReplaceAll(m[1], nil)
		if _, err := parseConfig("rewind.yaml", text); err != nil {
			t.Errorf("%v:\n%s", err, text)
		}
	}
}

// TestReadmeKeys holds the README's table of keys to those that the configuration knows.
func TestReadmeKeys(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var described []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_.\\[\\]]+)` \\|").FindAllSubmatch(readme, -1) {
		described = append(described, string(m[1]))
	}
	known := yamlKeys("", reflect.TypeFor[config]())
	slices.Sort(described)
	slices.Sort(known)
	if !slices.Equal(described, known) {
		t.Errorf("the README describes\n%q, there are\n%q", described, known)
	}
}

// yamlKeys are the keys of a section, and of the sections in it one level down.
func yamlKeys(prefix string, section reflect.Type) []string {
	var keys []string
	for field := range section.Fields() {
		tag, of := field.Tag.Get("yaml"), field.Type
		switch {
		case tag == "":
		case prefix == "" && of.Kind() == reflect.Struct:
			keys = append(keys, yamlKeys(tag+".", of)...)
		case prefix == "" && of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Struct:
			keys = append(keys, yamlKeys(tag+"[].", of.Elem())...)
		default:
			keys = append(keys, prefix+tag)
		}
	}
	return keys
}
