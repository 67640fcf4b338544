package main

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
)

const rootLong = `rewind protects Apache Impala tables.

  Impala table ─ produce ─▶ Kafka ─ consume ─▶ journal ─ restore ─▶ Impala table

produce reads a table, diffs it with the last capture and publishes the changes; consume keeps them in a journal of
Avro files; every capture becomes a restore point, which restore brings back and proves by digest.

Without servers at hand: "rewind demo" tells the whole story in one process, "rewind sandbox" serves stand-ins for
Kafka and Impala to play with.`

const rootExample = `  rewind demo
  rewind init && rewind config check --connect
  rewind produce shop.orders && rewind consume --until-caught-up
  rewind points shop.orders
  rewind restore shop.orders --at -2h --into shop.orders_then`

// rootCommand builds the command tree; one file per subcommand.
func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:               "rewind",
		Short:             "Point-in-time recovery and row history for Apache Impala tables",
		Long:              rootLong,
		Example:           rootExample,
		Args:              cobra.ArbitraryArgs,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.startLogging() },
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageErrorf(`see "%s --help"`, cmd.CommandPath()).because(err)
	})
	flags := root.PersistentFlags()
	flags.StringVar(&a.configPath, "config", "", "configuration file (default: $REWIND_CONFIG, then ./rewind.yaml)")
	flags.StringVar(&a.logLevel, "log-level", "warn", "debug, info, warn or error; logs go to stderr")
	flags.StringVar(&a.logFormat, "log-format", "text", "text or json")
	flags.BoolVar(&a.json, "json", false, "results (and errors) as JSON, one object a line for lists")

	root.AddCommand(
		a.demoCommand(), a.sandboxCommand(),
		a.initCommand(), a.configCommand(),
		a.produceCommand(), a.consumeCommand(),
		a.statusCommand(), a.pointsCommand(), a.historyCommand(), a.verifyCommand(), a.checkpointCommand(), a.retainCommand(),
		a.restoreCommand(), a.dropReplacedCommand(),
		a.versionCommand(), exitCodesTopic(),
	)
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", fmt.Sprintf(".FlagUsagesWrapped %d", lineWidth)))
	wrapHelp(root)
	return root
}

// unknownCommand names the commands that the user may have meant.
func unknownCommand(of *cobra.Command, name string) error {
	hint := fmt.Sprintf("%q lists the commands", of.CommandPath()+" --help")
	if close := of.SuggestionsFor(name); len(close) > 0 {
		hint = "did you mean " + strings.Join(close, " or ") + "? " + hint
	}
	return usageErrorf("%s", hint).because(fmt.Errorf("unknown command %q", strings.TrimPrefix(of.CommandPath()+" "+name, "rewind ")))
}

// startLogging makes the logger out of the global flags, once they are parsed.
func (a *app) startLogging() error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return usageErrorf("--log-level is debug, info, warn or error").because(fmt.Errorf("unknown log level %q", a.logLevel))
	}
	options := &slog.HandlerOptions{Level: level}
	switch a.logFormat {
	case "text":
		a.log = slog.New(slog.NewTextHandler(concealing{a, a.stderr}, options))
	case "json":
		a.log = slog.New(slog.NewJSONHandler(concealing{a, a.stderr}, options))
	default:
		return usageErrorf("--log-format is text or json").because(fmt.Errorf("unknown log format %q", a.logFormat))
	}
	return nil
}

func exactArgs(n int) cobra.PositionalArgs { return usageArgs(cobra.ExactArgs(n)) }

// usageArgs is cobra's argument check as a usage error, with the usage line as the hint.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageErrorf("usage: %s", cmd.UseLine()).because(err)
		}
		return nil
	}
}
