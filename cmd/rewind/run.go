package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// app is what every subcommand is given: the streams, the global flags, and the logger made from them.
type app struct {
	stdin  *os.File
	stdout io.Writer
	stderr io.Writer
	log    *slog.Logger

	configPath string
	logLevel   string
	logFormat  string
	json       bool
}

// run is the whole program but for os.Exit: it parses args, does what they say and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once: the first one only asks for a clean end.
	release := context.AfterFunc(ctx, stop)
	defer release()

	a := &app{stdin: os.Stdin, stdout: stdout, stderr: stderr, log: slog.New(slog.DiscardHandler)}
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code := exitCode(ctx, err)
	a.printError(err, code)
	return code
}
