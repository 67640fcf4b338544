package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"testing"
)

// newTestApp is an app outside of any command.
func newTestApp() *app {
	return &app{stdin: os.Stdin, stdout: new(bytes.Buffer), stderr: new(bytes.Buffer), log: slog.New(slog.DiscardHandler)}
}

// runCommand runs rewind in this process.
func runCommand(ctx context.Context, t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(ctx, args, &out, &errs)
	return code, out.String(), errs.String()
}
