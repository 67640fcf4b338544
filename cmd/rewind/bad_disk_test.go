package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"rewind/disk"
)

func plainAuth() kgo.Opt { return kgo.SASL(plain.Auth{User: badUser, Pass: badPassword}.AsMechanism()) }

func (b *badServers) wantsPassword() bool {
	return bytes.Contains([]byte(b.play.impala.DSN()), []byte(badPassword))
}

// smallDisk is a disk with so much room left, and a claim about it.
type smallDisk struct {
	disk.FS
	room  atomic.Int64
	claim int64
}

func (d *smallDisk) Free(string) (int64, error) { return d.claim, nil }

func (d *smallDisk) OpenFile(name string, flag int, perm fs.FileMode) (disk.File, error) {
	f, err := d.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &smallFile{f, d, name}, nil
}

type smallFile struct {
	disk.File
	disk *smallDisk
	name string
}

// Write takes as much as there is room for, as a disk does.
func (f *smallFile) Write(p []byte) (int, error) {
	left := f.disk.room.Add(-int64(len(p)))
	if left >= 0 {
		return f.File.Write(p)
	}
	n, err := f.File.Write(p[:max(0, int64(len(p))+left)])
	return n, errors.Join(err, &fs.PathError{Op: "write", Path: f.name, Err: syscall.ENOSPC})
}

// onTmpfs runs a command whose data folder lies on a file system of 1 MiB, filled up to the last $2 bytes, and brings what
// it left there back. Mounting ends with the command: it has a name space of its own.
const onTmpfs = `set -e
data=$1 room=$2 keep=$3; shift 3
cp -a "$data" "$keep"
mount -t tmpfs -o size=1m tmpfs "$data"
cp -a "$keep/." "$data"
free=$(($(df -k --output=avail "$data" | tail -1) * 1024))
head -c $((free - room)) /dev/zero > "$data/fill"
code=0; "$@" || code=$?
rm -rf "$data/fill" "$keep"
cp -a "$data" "$keep"
umount "$data"
find "$data" -mindepth 1 -delete
cp -a "$keep/." "$data"
exit $code`

// fullDisk tmpfs|injected CODE ROOM ARG... runs rewind where the disk of its data folder has so many bytes left: on a real
// file system of 1 MiB where this machine lets us mount one, else on one that claims the same; or on a disk that claims
// to have room and has not.
func (b *badServers) fullDisk(ts *testscript.TestScript, args []string) error {
	want, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	room, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		return err
	}
	config := filepath.Join(b.play.dir, configName)
	var code int
	var stdout, stderr string
	if args[0] == "tmpfs" && mayMount() {
		var out, errs bytes.Buffer
		keep := filepath.Join(ts.Getenv("WORK"), "keep")
		cmd := exec.Command("unshare", append([]string{"-rm", "sh", "-c", onTmpfs, "sh", filepath.Join(b.play.dir, "rewind-data"),
			args[2], keep, "rewind", "--config", config}, args[3:]...)...)
		cmd.Stdout, cmd.Stderr = &out, &errs
		_ = cmd.Run()
		code, stdout, stderr = cmd.ProcessState.ExitCode(), out.String(), errs.String()
		_ = os.RemoveAll(keep)
	} else {
		code, stdout, stderr = onSmallDisk(room, args[0] == "injected", append([]string{"--config", config}, args[3:]...))
	}
	ts.Logf("[stdout]\n%s[stderr]\n%s", stdout, stderr)
	if err := os.WriteFile(ts.MkAbs("said"), []byte(stderr), 0o600); err != nil {
		return err
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
	return nil
}

// mayMount says whether this machine lets a user mount a file system in a name space of its own.
func mayMount() bool {
	return exec.Command("unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /mnt && umount /mnt").Run() == nil
}

// onSmallDisk runs rewind in this process on an injected disk.
func onSmallDisk(room int64, lies bool, args []string) (code int, stdout, stderr string) {
	small := &smallDisk{FS: disk.OS, claim: room}
	if lies {
		small.claim = 1 << 40
	}
	small.room.Store(room)
	var out, errs bytes.Buffer
	a := newTestApp()
	a.stdout, a.stderr, a.fs = &out, &errs, small
	code = a.run(context.Background(), args)
	return code, out.String(), errs.String()
}
