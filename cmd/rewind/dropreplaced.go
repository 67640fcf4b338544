package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rewind/replay"
	"rewind/table"
)

func (a *app) dropReplacedCommand() *cobra.Command {
	var yes, dryRun bool
	cmd := &cobra.Command{
		Use:   "drop-replaced TABLE",
		Short: "Drop the tables that restore --replace kept",
		Long: `A restore --replace keeps the old table under another name. This drops the kept tables of TABLE, for good, after
looking that each still is the table that was replaced.`,
		Example: `  rewind drop-replaced shop.orders --dry-run
  rewind drop-replaced shop.orders`,
		Args:              exactArgs(1),
		ValidArgsFunction: a.completeTables(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.loadConfig()
			if err != nil {
				return err
			}
			name, err := parseTable(args[0])
			if err != nil {
				return err
			}
			t, _ := c.table(name)
			if dryRun {
				return a.dryDrop(cmd.Context(), c, t)
			}
			return a.dropReplaced(cmd, c, t, yes)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask for the table's name")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "print every statement that would run, as SQL, and change nothing")
	return cmd
}

func (a *app) dropReplaced(cmd *cobra.Command, c *config, t tableConfig, yes bool) error {
	ctx := cmd.Context()
	db, err := a.openEngine(ctx, c, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := a.recover(ctx, c, db, t.name); err != nil {
		return err
	}
	kept, err := a.keptTables(c, t.name)
	if err != nil {
		return err
	}
	if !a.json {
		for _, k := range kept {
			fmt.Fprintf(a.stdout, "%s: replaced at %s by restore point %d\n", k.Kept, clock(k.At), k.Point)
		}
	}
	if err := a.confirm(t.name, yes, fmt.Sprintf("drop %d kept %s for good", len(kept), plural(int64(len(kept)), "table"))); err != nil {
		return err
	}
	for _, k := range kept {
		if err := replay.DropReplaced(ctx, k, db, db.Drop, a.replayOptions(c, nil)); err != nil {
			return err
		}
		if a.json {
			if err := a.printJSON(k); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(a.stdout, "dropped %s\n", k.Kept)
	}
	return nil
}

// keptTables are the replaced tables that are kept: at least one.
func (a *app) keptTables(c *config, name table.Name) ([]replay.Kept, error) {
	kept, err := replay.Replaced(name, a.replayOptions(c, nil))
	if err == nil && len(kept) == 0 {
		err = &codedError{code: exitNothing, message: "no replaced table of " + name.String() + " is kept"}
	}
	return kept, err
}
