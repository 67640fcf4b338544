package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the transcripts in docs anew")

// TestTranscripts types the commands of docs/transcripts again, one file after the other against one sandbox, and holds
// the files to what is answered: a line that begins with $ is typed, one with # is said, all others are the answers.
func TestTranscripts(t *testing.T) {
	noLeaks(t)
	files, err := filepath.Glob("../../docs/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for i := range files {
		if files[i], err = filepath.Abs(files[i]); err != nil {
			t.Fatal(err)
		}
	}
	slices.SortStableFunc(files, func(a, b string) int { return numberOf(a) - numberOf(b) })
	t.Chdir(t.TempDir())
	t.Setenv("REWIND_CONFIG", "")
	terminal := newTerminal(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := terminal.transcript(t, string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil { //nolint:gosec // a document
					t.Fatal(err)
				}
				return
			}
			if got != string(want) {
				t.Errorf("%s is not what the commands answer now; \"go test ./cmd/rewind -run TestTranscripts -update\" writes it anew:\n%s",
					filepath.Base(file), firstDifference(string(want), got))
			}
		})
	}
}

// numberOf is the number that a transcript's name begins with.
func numberOf(path string) (n int) {
	number, _, _ := strings.Cut(filepath.Base(path), "-")
	n, _ = strconv.Atoi(number)
	return n
}

// terminal is where the transcripts are typed.
type terminal struct {
	names   *names
	stop    context.CancelFunc
	sandbox chan int
}

func newTerminal(t *testing.T) *terminal {
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	m := &terminal{names: &names{folder: folder}, stop: func() {}}
	t.Cleanup(func() {
		m.stop()
		if m.sandbox != nil {
			if code := <-m.sandbox; code != exitOK {
				t.Errorf("sandbox: exit code %d", code)
			}
		}
	})
	return m
}

// transcript types the commands of a transcript and gives it with the answers of now.
func (m *terminal) transcript(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	last := "" // the kind of the line before
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		command, typed := strings.CutPrefix(line, "$ ")
		kind := "#"
		if typed {
			kind = "$"
		} else if !strings.HasPrefix(line, "#") {
			continue
		}
		if last == "answer" || last == "$" && kind == "#" {
			out.WriteString("\n")
		}
		out.WriteString(line + "\n")
		last = kind
		if !typed {
			continue
		}
		if answer := m.typeLine(t, command); answer != "" {
			out.WriteString(answer)
			last = "answer"
		}
	}
	return out.String()
}

// typeLine runs one line as a shell would: && goes on after success alone, & leaves it running.
func (m *terminal) typeLine(t *testing.T, line string) string {
	t.Helper()
	args, err := words(m.names.real(line))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	var answer strings.Builder
	for len(args) > 0 {
		command := args
		if end := slices.Index(args, "&&"); end >= 0 {
			command, args = args[:end], args[end+1:]
		} else {
			args = nil
		}
		text, code := m.command(t, command)
		answer.WriteString(text)
		if code != exitOK {
			fmt.Fprintf(&answer, "[exit code %d]\n", code)
			break
		}
	}
	return answer.String()
}

// command runs one command and gives what it answers, in the names that the transcripts use.
func (m *terminal) command(t *testing.T, args []string) (string, int) {
	t.Helper()
	switch {
	case args[0] == "cd" && len(args) == 2:
		if err := os.Chdir(args[1]); err != nil {
			t.Fatal(err)
		}
		return "", exitOK
	case slices.Contains([]string{"openssl", "chmod", "cp", "mv", "rm", "sh"}, args[0]):
		text, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", args, err, text)
		}
		return m.names.normal(string(text)), exitOK
	case args[0] != "rewind":
		t.Fatalf("a transcript does not type %q", args)
	case args[len(args)-1] == "&":
		return m.names.normal(m.serve(t, args[1:len(args)-1])), exitOK
	}
	both := newWatcher("the end of all things") // a buffer for two writers
	code := run(t.Context(), args[1:], both, both)
	m.names.learn(t)
	return m.names.normal(both.String()), code
}

// serve leaves the sandbox running, on any free ports.
func (m *terminal) serve(t *testing.T, args []string) string {
	t.Helper()
	var ctx context.Context
	ctx, m.stop = context.WithCancel(context.Background())
	greeting := newWatcher("goes on with the same tables.\n")
	m.sandbox = make(chan int, 1)
	a := newTestApp()
	a.stdout, a.stderr, a.called = greeting, greeting, "rewind"
	go func() {
		m.sandbox <- a.run(ctx, append(args, "--kafka", "127.0.0.1:0", "--impala", "127.0.0.1:0"))
	}()
	select {
	case <-greeting.seen:
	case code := <-m.sandbox:
		t.Fatalf("%v: exit code %d: %s", args, code, greeting)
	}
	return greeting.String()
}

// words splits a line as a shell does, as far as the transcripts need it.
func words(line string) ([]string, error) {
	var all []string
	for {
		line = strings.TrimLeft(line, " ")
		if line == "" {
			return all, nil
		}
		var word string
		if quote := line[0]; quote == '"' || quote == '\'' {
			end := strings.IndexByte(line[1:], quote)
			if end < 0 {
				return nil, io.ErrUnexpectedEOF
			}
			word, line = line[1:1+end], line[2+end:]
		} else {
			word, line, _ = strings.Cut(line, " ")
		}
		all = append(all, word)
	}
}

// firstDifference shows where two texts part.
func firstDifference(want, got string) string {
	wants, gots := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(wants), len(gots)) {
		if wants[i] != gots[i] {
			return fmt.Sprintf("line %d\n  it says: %s\n  now:     %s", i+1, wants[i], gots[i])
		}
	}
	return fmt.Sprintf("%d lines, now %d", len(wants), len(gots))
}
