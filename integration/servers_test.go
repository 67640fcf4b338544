//go:build integration

package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// server is one of the two real servers: the tests kill it and start it again by the script that started it first.
type server struct {
	t       *testing.T
	name    string
	pidFile string
	script  string
	where   []string // the script's settings
}

// broker is the real Kafka.
func broker(t *testing.T) *server {
	return &server{
		t: t, name: "the broker", pidFile: filepath.Join(setting(t, "REWIND_KAFKA_WORK"), "kafka.pid"), script: "engines/kafka-up.sh",
		where: []string{"KAFKA_WORK=" + setting(t, "REWIND_KAFKA_WORK"), fmt.Sprintf("KAFKA_PORT=%d", port(t, "REWIND_KAFKA"))},
	}
}

// hive is the real engine, without the proxy that makes it look like Impala: that one stays.
func hive(t *testing.T) *server {
	return &server{
		t: t, name: "the engine", pidFile: filepath.Join(setting(t, "REWIND_HIVE_WORK"), "hive.pid"), script: "engines/hive-up.sh",
		where: []string{"HIVE_WORK=" + setting(t, "REWIND_HIVE_WORK"), fmt.Sprintf("HIVE_PORT=%s", setting(t, "REWIND_HIVE_PORT"))},
	}
}

// port is the port of an address that is one of the settings.
func port(t *testing.T, name string) int {
	t.Helper()
	_, text, _ := strings.Cut(setting(t, name), ":")
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// kill ends the server as a power cut would, and waits until it is gone.
func (s *server) kill() {
	s.t.Helper()
	pid := s.pid()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		s.t.Fatalf("kill %s: %v", s.name, err)
	}
	s.gone(pid)
}

func (s *server) pid() int {
	s.t.Helper()
	text, err := os.ReadFile(s.pidFile)
	if err != nil {
		s.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		s.t.Fatal(err)
	}
	return pid
}

// gone waits for the end of a process that is not our child: its descriptor becomes readable.
func (s *server) gone(pid int) {
	s.t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		s.t.Fatalf("waiting for the end of %s: %v", s.name, err)
	}
	defer func() { _ = unix.Close(fd) }()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if n > 0 {
			return
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			s.t.Fatalf("waiting for the end of %s: %v", s.name, err)
		}
	}
}

// start starts the server again and waits until it serves.
func (s *server) start() {
	s.t.Helper()
	var stderr bytes.Buffer
	up := exec.Command("bash", s.script)
	up.Env = append(os.Environ(), s.where...)
	up.Stderr = &stderr
	if _, err := up.Output(); err != nil {
		s.t.Fatalf("%s does not start again: %v\n%s", s.name, err, tail(stderr.String()))
	}
}

// restart kills and starts it.
func (s *server) restart() {
	s.t.Helper()
	s.kill()
	s.start()
}
