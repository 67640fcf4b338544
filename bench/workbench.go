package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"rewind/bench/workload"
)

// workbench is where stages are measured: what was made once for several of them, and the peers.
type workbench struct {
	settings
	progress io.Writer
}

func (b *workbench) say(format string, args ...any) { fmt.Fprintf(b.progress, format+"\n", args...) }

func (b *workbench) path(names ...string) string {
	return filepath.Join(append([]string{b.work}, names...)...)
}

// atMost is a size that shrinks with the largest one.
func (b *workbench) atMost(n int64) int64 { return min(n, b.rows) }

// usual is the table that most stages are about.
func (b *workbench) usual(rows int64) workload.Shape { return workload.Usual(rows, b.seed) }

// sizes are the powers of ten from 10k on.
func (b *workbench) sizes() (all []int64) {
	for n := int64(10_000); n <= b.rows; n *= 10 {
		all = append(all, n)
	}
	if len(all) == 0 {
		all = append(all, b.rows)
	}
	return all
}

// installPeers installs what is missing.
func (b *workbench) installPeers(ctx context.Context) error {
	b.say("peers: %s", b.path("peers"))
	cmd := exec.CommandContext(ctx, "bench/peers/install.sh", b.path("peers"))
	cmd.Stdout, cmd.Stderr = b.progress, b.progress
	return cmd.Run()
}

// python is a peer's script in its environment.
func (b *workbench) python(script string, args ...string) *exec.Cmd {
	cmd := exec.Command(b.path("peers", "python", "bin", "python3"), append([]string{filepath.Join("bench", "peers", script)}, args...)...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	return cmd
}

// do runs what is not measured.
func (b *workbench) do(ctx context.Context, cmd *exec.Cmd) (measure, error) { return timed(ctx, cmd) }

// kinds of a table's files.
const (
	asRows     = "rows"
	asShuffled = "shuffled"
	asCSV      = "csv"
	asParquet  = "parquet"
)

// table gives the folder of a table's two versions, made where they are missing.
func (b *workbench) table(ctx context.Context, s workload.Shape, kinds ...string) (folder string, err error) {
	sum := sha256.Sum256([]byte(shapeText(s)))
	folder = b.path("tables", workload.FormatRows(s.Rows)+"-"+hex.EncodeToString(sum[:4]))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	for _, kind := range kinds {
		if err := b.makeKind(ctx, s, folder, kind); err != nil {
			return "", err
		}
	}
	return folder, nil
}

func (b *workbench) makeKind(ctx context.Context, s workload.Shape, folder, kind string) error {
	if kind == asParquet {
		if exists(filepath.Join(folder, "v2.parquet")) {
			return nil
		}
		if err := b.makeKind(ctx, s, folder, asCSV); err != nil {
			return err
		}
		_, err := b.do(ctx, b.python("tables.py", folder))
		return err
	}
	for _, version := range []string{"1", "2"} {
		file := filepath.Join(folder, "v"+version+"."+kind)
		if exists(file) {
			continue
		}
		b.say("making %s", file)
		if _, err := b.do(ctx, self("child", "table", shapeText(s), version, file)); err != nil {
			return err
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// fresh gives an empty folder.
func (b *workbench) fresh(names ...string) (string, error) {
	path := b.path(names...)
	if err := os.RemoveAll(path); err != nil {
		return "", err
	}
	return path, os.MkdirAll(path, 0o700)
}

// serve starts one of our servers in a process of its own and gives its address.
func (b *workbench) serve(ctx context.Context, args ...string) (address string, stop func() error, err error) {
	cmd := self(append([]string{"serve"}, args...)...)
	cmd.Stderr = b.progress
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	cancel := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	stop = func() error {
		cancel()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		err := cmd.Wait()
		if ctx.Err() != nil { // ended with everything else
			return ctx.Err()
		}
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return "", nil, errors.Join(err, stop())
	}
	return strings.TrimSpace(line), stop, nil
}
