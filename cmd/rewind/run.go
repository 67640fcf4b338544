package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"rewind/disk"
)

// app is what every subcommand is given: the streams, the global flags, and the logger made from them.
type app struct {
	stdin     *os.File
	stdout    io.Writer
	stderr    io.Writer
	log       *slog.Logger
	fs        disk.FS     // nil: the machine's
	concealed []concealed // of the configuration that was read

	showsOnly bool // --dry-run: nothing is written, not even what is derived

	called string // how this program was called: for commands that are shown to be typed

	configPath string
	logLevel   string
	logFormat  string
	json       bool
}

// run is the whole program but for os.Exit: it parses args, does what they say and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	a := &app{stdin: os.Stdin, stdout: stdout, stderr: stderr, log: slog.New(slog.DiscardHandler), called: programName()}
	return a.run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once: the first one only asks for a clean end.
	release := context.AfterFunc(ctx, stop)
	defer release()

	root := a.rootCommand()
	root.SetArgs(args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code := exitCode(ctx, err)
	a.printError(err, code)
	return code
}
