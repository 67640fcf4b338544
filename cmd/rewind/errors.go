package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit codes that the documentation promises.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitPartial     = 3
	exitNothing     = 4
	exitCorrupt     = 5
	exitRefused     = 6
	exitUnreachable = 7
	exitLocked      = 8
	exitInterrupted = 130
)

const exitCodesText = `rewind ends with one of these exit codes:

    0  done; also when a command that runs until stopped was stopped (consume, sandbox, produce --every)
    1  failed, in a way that no other code names
    2  wrong usage or configuration: nothing was begun
    3  partial: some tables done and others not, or done with a warning (statistics, say)
    4  nothing there: no such table, restore point or row, one that retention dropped, or a gap in what was asked for
    5  corrupt, or a proof failed: the journal is damaged, or a digest is not what it must be
    6  refused by a guard: the target exists, a confirmation is missing, someone wrote meanwhile
    7  unreachable: Kafka or Impala does not answer
    8  locked by another process
  130  interrupted by SIGINT or SIGTERM in the middle of a job`

// exitCodesTopic is "rewind help exit-codes".
func exitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit codes mean",
		Long:  exitCodesText,
	}
}

// usageError is a mistake on the command line or in the configuration.
type usageError struct {
	err  error
	hint string
}

// usageErrorf begins a usage error by its hint; because gives it its message.
func usageErrorf(hint string, args ...any) *usageError {
	return &usageError{hint: fmt.Sprintf(hint, args...)}
}

func (e *usageError) because(err error) *usageError { e.err = err; return e }

// Error is the message.
func (e *usageError) Error() string { return e.err.Error() }

// Unwrap gives the cause.
func (e *usageError) Unwrap() error { return e.err }

// Hint says how to do it right.
func (e *usageError) Hint() string { return e.hint }

// ExitCode is 2.
func (e *usageError) ExitCode() int { return exitUsage }

// codedError is an error of the command itself: a message, a hint and an exit code.
type codedError struct {
	code    int
	message string
	hint    string
	cause   error
}

// Error is the message, with the cause behind it.
func (e *codedError) Error() string {
	if e.cause == nil {
		return e.message
	}
	return e.message + ": " + e.cause.Error()
}

// Unwrap gives the cause.
func (e *codedError) Unwrap() error { return e.cause }

// Hint says what to do.
func (e *codedError) Hint() string { return e.hint }

// ExitCode is the code given.
func (e *codedError) ExitCode() int { return e.code }

// exitCode maps an error to the exit code of the first error in its chain that names one.
func exitCode(ctx context.Context, err error) int {
	if ctx.Err() != nil {
		return exitInterrupted
	}
	var coder interface {
		error
		ExitCode() int
	}
	if !errors.As(err, &coder) {
		return exitFailed
	}
	// A site's own command (impala.staging.put) has exit codes of its own, which mean nothing here.
	if _, ok := coder.(*exec.ExitError); ok {
		return exitFailed
	}
	return coder.ExitCode()
}

// hintOf is the first hint in the error's chain.
func hintOf(err error) string {
	var hinter interface {
		error
		Hint() string
	}
	if errors.As(err, &hinter) {
		return hinter.Hint()
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return "make room, then run the same command again: it goes on where this one stopped, and what was reported as done is not lost"
	}
	return ""
}

// printError tells the user: the one place where an error that ends the program is shown.
func (a *app) printError(err error, code int) {
	message, hint := a.conceal(err.Error()), a.conceal(hintOf(err))
	if a.json {
		line, _ := json.Marshal(struct {
			Error string `json:"error"`
			Hint  string `json:"hint,omitempty"`
			Code  int    `json:"exit_code"`
		}{message, hint, code})
		fmt.Fprintf(a.stderr, "%s\n", line)
		return
	}
	if code == exitInterrupted {
		fmt.Fprintln(a.stderr, "rewind: interrupted; what was begun is undone or finished by the next run of the command")
		return
	}
	fmt.Fprintf(a.stderr, "%s %s\n", paint(a.stderr, colorBad, "rewind:"), message)
	if hint != "" {
		fmt.Fprintf(a.stderr, "%s %s\n", paint(a.stderr, colorHint, "hint:"), hint)
	}
}
