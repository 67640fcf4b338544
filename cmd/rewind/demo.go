package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// demoMark is the first line of the demo's configuration: a folder that begins so may be thrown away.
const demoMark = "# made by rewind demo: this folder is thrown away by the next demo\n"

func (a *app) demoCommand() *cobra.Command {
	var dir string
	var rows int
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "The whole story in one process: a mistake, and the way back",
		Long: `Starts a Kafka and a stand-in for Impala in this process, and tells the story of two tables: a small one, step by step,
and one of 100,000 rows through three snapshots, each restored and proved.

The code is the same that runs against real servers. What it made stays in the folder, where points, history and verify
look into it.`,
		Example: "  rewind demo\n  rewind demo --dir /tmp/demo --rows 1000000",
		Args:    exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if rows < 1000 {
				return usageErrorf("the second part changes every thousandth row").because(fmt.Errorf("--rows %d is fewer than 1000", rows))
			}
			if !cmd.Flags().Changed("log-level") {
				a.log = slog.New(slog.DiscardHandler) // the story is enough
			}
			return a.demo(cmd.Context(), dir, rows)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "rewind-demo", "folder for everything that the demo makes; a former demo's is thrown away")
	cmd.Flags().IntVar(&rows, "rows", 100_000, "rows of the large table")
	return cmd
}

func (a *app) demo(ctx context.Context, dir string, rows int) error {
	if err := clearDemo(dir); err != nil {
		return err
	}
	s := &story{app: a, dir: dir}
	defer s.end()
	if err := s.begin(ctx); err != nil {
		return err
	}
	for _, act := range []func(context.Context) error{
		s.firstCapture, s.mistake, s.lookBack, s.bringBack,
		func(ctx context.Context) error { return s.large(ctx, rows) },
	} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	s.farewell()
	return nil
}

// clearDemo throws away what a former demo left, and nothing else.
func clearDemo(dir string) error {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, configName))
	if err != nil || !bytes.HasPrefix(text, []byte(demoMark)) {
		return &codedError{code: exitRefused, message: dir + " is there already and was not made by rewind demo",
			hint: "--dir names another folder"}
	}
	return os.RemoveAll(dir)
}
