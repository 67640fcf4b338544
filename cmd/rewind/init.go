package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"rewind/disk"
	"rewind/impala"
	"rewind/table"
)

// initFlags are what init is told; what is missing it asks for, on a terminal.
type initFlags struct {
	brokers []string
	dsn     string
	staging string
	data    string
	tables  []string
	force   bool
}

func (a *app) initCommand() *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a configuration, asking Impala for tables and keys",
		Long: `Writes a commented rewind.yaml (or the file that --config or $REWIND_CONFIG names). On a terminal it asks for what the
flags do not say; without one, --brokers, --dsn and --table are needed.

--table names a table, db.table; one whose key Impala does not know, with the columns that identify a row: db.table:id,line,
or where none do, with the whole row: db.table:*; or all tables of a database: db.*. A table without a known key is written with a hint where to add it, and columns that cannot
be carried are excluded. The values may hold ${NAME}: it stays in the file as it is, and is read from the environment.

It writes no file over another, but with --force. It ends with 3 when a table still lacks something.`,
		Example: `  rewind init
  rewind init --brokers kafka1:9092,kafka2:9092 --dsn 'impala://etl:${IMPALA_PASSWORD}@impala:21050?auth=ldap' \
      --staging hdfs://nameservice1/rewind/staging --table shop.orders:order_id,line --table shop.customers
  rewind init --force --brokers 127.0.0.1:19092 --dsn 'impala://127.0.0.1:21050?auth=noauth' --table 'default.*'`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := refuseSecret("--dsn", f.dsn); err != nil {
				return err
			}
			return a.init(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.brokers, "brokers", nil, "Kafka's brokers, host:port")
	flags.StringVar(&f.dsn, "dsn", "", "where Impala is: impala://host:21050?auth=noauth")
	flags.StringVar(&f.staging, "staging", "", "URI of a folder that rewind and Impala both see (without: small tables only)")
	flags.StringVar(&f.data, "data", "./rewind-data", "folder for snapshots and journal, relative to the file")
	flags.StringArrayVar(&f.tables, "table", nil, "table to protect: db.table, db.table:key,key, db.table:* or db.* (again for more)")
	flags.BoolVar(&f.force, "force", false, "write over a file that is there")
	return cmd
}

// init asks, looks and writes, in this order: until the file is written, nothing is changed.
func (a *app) init(ctx context.Context, f initFlags) error {
	path := a.newConfigPath()
	if _, err := os.Stat(path); !f.force && !os.IsNotExist(err) {
		if err != nil {
			return err
		}
		return &codedError{code: exitRefused, message: path + " is there already", hint: "--force writes over it; --config names another file"}
	}
	w := &wizard{in: a.stdin, out: a.stderr}
	asking := isTerminal(a.stdin)
	if asking {
		if err := w.servers(&f); err != nil {
			return err
		}
	}
	if err := f.complete(asking); err != nil {
		return err
	}
	c, err := parseConfig(path, []byte(f.text(nil)))
	if err != nil {
		return usageErrorf("see rewind init --help").because(err)
	}
	if _, err := a.checkConfig(c); err != nil {
		return err
	}
	db, err := a.connectEngine(ctx, c, nil)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // it only read
	if len(f.tables) == 0 {
		if f.tables, err = w.tables(ctx, db); err != nil {
			return err
		}
	}
	chosen, err := chooseTables(ctx, db, f.tables)
	if err == nil && asking {
		err = w.keys(ctx, db, chosen)
	}
	if err != nil {
		return err
	}
	text := []byte(f.text(chosen))
	if _, err := parseConfig(path, text); err != nil {
		return fmt.Errorf("what was to be written does not read back: %w", err)
	}
	if err := writeNew(path, text, f.force); err != nil {
		return err
	}
	return a.printInit(path, chosen)
}

// newConfigPath is where loadConfig will look for the file.
func (a *app) newConfigPath() string {
	switch {
	case a.configPath != "":
		return a.configPath
	case os.Getenv(configEnv) != "":
		return os.Getenv(configEnv)
	}
	return configName
}

// complete says what is missing.
func (f *initFlags) complete(asking bool) error {
	var lacking []string
	if len(f.brokers) == 0 {
		lacking = append(lacking, "--brokers")
	}
	if f.dsn == "" {
		lacking = append(lacking, "--dsn")
	}
	if len(f.tables) == 0 && !asking {
		lacking = append(lacking, "--table")
	}
	if len(lacking) == 0 {
		return nil
	}
	return usageErrorf("rewind init --brokers 127.0.0.1:9092 --dsn 'impala://127.0.0.1:21050?auth=noauth' --table shop.orders; a terminal is asked").
		because(errors.New(strings.Join(lacking, ", ") + ": missing, and there is no terminal to ask"))
}

// writeNew makes the file, readable for its owner alone: it may come to hold a password.
func writeNew(path string, text []byte, force bool) error {
	if force {
		return disk.WriteFile(disk.OS, path, text, 0o600)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}

// lacksKey is what a table lacks whose key is neither given nor known.
const lacksKey = "a key"

// initTable is a table that init writes down.
type initTable struct {
	Table   string   `json:"table"`
	Key     []string `json:"key,omitempty"`
	KeyFrom string   `json:"key_from,omitempty"`
	Exclude []string `json:"exclude,omitempty"`
	Lacks   string   `json:"lacks,omitempty"` // what keeps it from being captured

	given       bool // the key was given
	unsupported []string
}

// chooseTables looks at the tables that were named.
func chooseTables(ctx context.Context, db *impala.DB, specs []string) (chosen []initTable, err error) {
	seen := map[table.Name]bool{}
	for _, spec := range specs {
		names, key, err := expandTable(ctx, db, spec)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if seen[name] {
				continue
			}
			seen[name] = true
			t, found, err := lookAtTable(ctx, db, name, key, len(names) > 1)
			if err != nil {
				return nil, err
			}
			if found {
				chosen = append(chosen, t)
			}
		}
	}
	if len(chosen) == 0 {
		return nil, &codedError{code: exitNothing, message: "no table was found to protect", hint: "--table db.table, or db.* for a database that has tables"}
	}
	return chosen, nil
}

// ownTable is the name of a table that a restore made for itself or kept: nobody means it by "all of a database".
var ownTable = regexp.MustCompile(`__rewind_(new_|scratch_)?[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$|^rewind_staging_[0-9a-f]{32}$`)

// expandTable reads db.table, db.table:key,key and db.*.
func expandTable(ctx context.Context, db *impala.DB, spec string) (names []table.Name, key []string, err error) {
	text, keys, hasKey := strings.Cut(spec, ":")
	if database, all := strings.CutSuffix(text, ".*"); all && !hasKey {
		tables, err := db.Tables(ctx, database)
		for _, t := range tables {
			if !ownTable.MatchString(t) {
				names = append(names, table.Name{Database: strings.ToLower(database), Table: t})
			}
		}
		return names, nil, err
	}
	name, err := table.ParseName(text)
	if err != nil {
		return nil, nil, usageErrorf("--table db.table, db.table:key,key or db.*").because(err)
	}
	if hasKey {
		for k := range strings.SplitSeq(keys, ",") {
			if k = strings.TrimSpace(k); k == "" {
				return nil, nil, usageErrorf("--table %s:order_id,line", name).because(fmt.Errorf("--table %s: a key column has no name", spec))
			}
			key = append(key, strings.ToLower(k))
		}
		if err := checkKey(name, key); err != nil {
			return nil, nil, usageErrorf("--table '%s:*'", name).because(err)
		}
	}
	return []table.Name{name}, key, nil
}

// lookAtTable asks for its key. Of many, those that cannot be protected at all are left out; one that was named is an error then.
func lookAtTable(ctx context.Context, db *impala.DB, name table.Name, key []string, many bool) (t initTable, found bool, err error) {
	t = initTable{Table: name.String(), Key: key, KeyFrom: impala.KeyConfigured, given: len(key) > 0}
	keyed := db.WithKey(name, key)
	look, problems := keyed.Look(ctx, name)
	t.Exclude, t.unsupported = look.Exclude, look.Unsupported
	if !t.given {
		t.Key, t.KeyFrom = look.Key, look.KeyFrom
	}
	for _, err := range problems {
		var noKey *impala.KeyError
		var unsupported *impala.ColumnTypeError
		var view *impala.UnsupportedTableError
		var denied *impala.GrantError
		switch {
		case errors.As(err, &noKey):
			t.Lacks = lacksKey
		case errors.As(err, &unsupported): // they are excluded
		case many && errors.As(err, &view):
			return t, false, nil
		case errors.As(err, &denied):
			t.Lacks = denied.Grant
		default:
			return t, false, err
		}
	}
	return t, true, nil
}
