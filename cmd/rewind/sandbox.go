package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// playMark is the first line of the sandbox's configuration.
const playMark = "# for the sandbox in this folder: rewind sandbox --dir .\n"

func (a *app) sandboxCommand() *cobra.Command {
	var dir, kafka, impala string
	cmd := &cobra.Command{
		Use:   "sandbox --dir FOLDER",
		Short: "Serve a Kafka and a stand-in for Impala here, until stopped",
		Long: `Serves a Kafka and a stand-in for Impala (HiveServer2 over SQLite, speaking as much of Impala's SQL as it takes to try
rewind) on this machine, and keeps their contents in the folder: started again, it goes on with the same tables.

It writes a rewind.yaml into the folder if there is none.`,
		Example: `  rewind sandbox --dir ./play
  rewind sandbox sql "SELECT * FROM default.my_table"      # in another terminal, in ./play`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return usageErrorf("rewind sandbox --dir ./play").because(fmt.Errorf("--dir is missing"))
			}
			return a.sandbox(cmd.Context(), dir, kafka, impala)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "folder that keeps what the servers hold")
	cmd.Flags().StringVar(&kafka, "kafka", "127.0.0.1:19092", "address to serve Kafka on")
	cmd.Flags().StringVar(&impala, "impala", "127.0.0.1:21050", "address to serve the stand-in for Impala on")
	cmd.AddCommand(a.sandboxSQLCommand())
	return cmd
}

func (a *app) sandbox(ctx context.Context, dir, kafka, impala string) error {
	p, err := a.openPlayground(ctx, dir, kafka, impala)
	if err != nil {
		return err
	}
	defer p.close()
	path := filepath.Join(dir, configName)
	if err := p.writeConfig(path, playMark, playTables); err != nil {
		return err
	}
	if a.json {
		if err := a.printJSON(map[string]string{"kafka": p.kafka.Broker(), "impala": p.impala.DSN(), "config": path}); err != nil {
			return err
		}
	} else {
		enter, program := enterPlay(dir, path, a.called)
		commands := strings.ReplaceAll(sandboxCommands, "rewind ", program+" ")
		fmt.Fprintf(a.stdout, sandboxGreeting, p.kafka.Broker(), p.impala.DSN(), path, enter, commands)
	}
	<-ctx.Done()
	return nil
}

const sandboxGreeting = `Kafka on %s
Impala (a stand-in) on %s
configuration in %s

In another terminal:

  %s
%s
Ctrl-C stops it; started again with the same --dir it goes on with the same tables.
`

const sandboxCommands = `  rewind sandbox sql "CREATE TABLE default.my_table (id INT, name STRING, PRIMARY KEY (id)) STORED AS KUDU"
  rewind sandbox sql "INSERT INTO default.my_table VALUES (1, 'Alice')"
  rewind produce && rewind consume --until-caught-up
  rewind sandbox sql "UPDATE default.my_table SET name = 'Bob' WHERE id = 1"
  rewind produce && rewind consume --until-caught-up
  rewind points default.my_table
  rewind history default.my_table --key id=1
`

// enterPlay is how another terminal gets to the configuration at path in dir, and how this program is called from there.
func enterPlay(dir, path, program string) (enter, called string) {
	if strings.HasPrefix(program, "go run ") {
		return "export " + configEnv + "=" + path, program // go run wants the folder that it was started in
	}
	if !strings.ContainsRune(program, filepath.Separator) || filepath.IsAbs(program) {
		return "cd " + dir, program
	}
	from, err := filepath.Abs(dir)
	if err != nil {
		return "cd " + dir, program
	}
	to, err := filepath.Abs(program)
	if err != nil {
		return "cd " + dir, program
	}
	if called, err = filepath.Rel(from, to); err != nil {
		called = to
	}
	if !strings.ContainsRune(called, filepath.Separator) {
		called = "." + string(filepath.Separator) + called
	}
	return "cd " + dir, called
}

// Tables that a new configuration protects.
const (
	playTables = "  - {name: default.my_table}     # a Kudu table knows its key; others name it: key: [id]\n"
	demoTables = "  - {name: default.my_table}\n  - {name: shop.orders}\n"
)

// playConfig is the text of a configuration for the sandbox.
func playConfig(mark, kafka, dsn, staging, tables string) string {
	uri := url.URL{Scheme: "file", Path: staging}
	var b strings.Builder
	b.WriteString(mark)
	fmt.Fprintf(&b, "kafka:  {brokers: [%q]}\n", kafka)
	fmt.Fprintf(&b, "impala: {dsn: %q, staging: %q}\n", dsn, uri.String())
	fmt.Fprintf(&b, "data:   ./rewind-data\n")
	fmt.Fprintf(&b, "tables:\n%s", tables)
	return b.String()
}

// writePlayConfig makes the folder and a configuration for the sandbox's usual ports in it, and reads that.
func writePlayConfig(dir, mark, tables string) (*config, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, configName)
	text := playConfig(mark, "127.0.0.1:19092", "impala://127.0.0.1:21050?auth=noauth", filepath.Join(abs, "staging"), tables)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return parseConfig(path, []byte(text))
}
