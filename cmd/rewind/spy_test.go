package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"rewind/sandbox"
)

// spy is a sandbox that keeps what it is sent, and refuses what it is told to.
type spy struct {
	dir    string
	config string

	mu     sync.Mutex
	sent   []string
	denied map[string]string // beginning of a statement: message
}

// startSpy serves default.my_table with one row and writes a configuration.
func startSpy(t *testing.T) *spy {
	t.Helper()
	s := &spy{dir: t.TempDir(), denied: map[string]string{}}
	kafka, err := sandbox.StartKafka(sandbox.KafkaOptions{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := sandbox.StartImpala(sandbox.ImpalaOptions{Fault: s.fault})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(kafka.Close(), engine.Close()); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	s.config = filepath.Join(s.dir, configName)
	staging := filepath.Join(s.dir, "staging")
	if err := os.Mkdir(staging, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.config, []byte(playConfig(playMark, kafka.Broker(), engine.DSN(), staging, playTables)), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "sandbox", "sql", "--config", s.config, "CREATE TABLE default.my_table (id INT PRIMARY KEY, name STRING) STORED AS KUDU",
		"INSERT INTO default.my_table VALUES (1, 'Alice')")
	return s
}

func (s *spy) fault(statement string) (before, after error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for prefix, message := range s.denied {
		if strings.HasPrefix(statement, prefix) {
			return errors.New(message), nil
		}
	}
	s.sent = append(s.sent, statement)
	return nil, nil
}

// deny refuses statements that begin so; without a message it allows them again.
func (s *spy) deny(prefix, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if delete(s.denied, prefix); message != "" {
		s.denied[prefix] = message
	}
}

var drawn = regexp.MustCompile(`[0-9a-f]{32}|[0-9]{8}_[0-9]{6}_[0-9a-f]{8}`)

// statements gives what was sent since the last call, drawn names left out.
func (s *spy) statements() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := undrawn(s.sent)
	s.sent = nil
	return sent
}

func undrawn(statements []string) []string {
	out := make([]string, len(statements))
	for i, statement := range statements {
		out[i] = drawn.ReplaceAllString(statement, "ID")
	}
	return out
}

// files lists the folder's files and folders with their sizes and times.
func (s *spy) files(t *testing.T) (list []string) {
	t.Helper()
	err := filepath.WalkDir(s.dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		list = append(list, strings.Join([]string{path, info.Mode().String(), info.ModTime().String()}, " "))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// isLooking says whether a statement changes nothing.
func isLooking(statement string) bool {
	word, _, _ := strings.Cut(statement, " ")
	return word == "SELECT" || word == "SHOW" || word == "DESCRIBE" || word == "SET" || word == "EXPLAIN"
}
