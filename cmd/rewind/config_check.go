package main

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"rewind/disk"
	"rewind/impala"
	"rewind/table"
	"rewind/topic"
)

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Look at the configuration",
		Example: "  rewind config check\n  rewind config check --connect",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(a.configCheckCommand())
	return cmd
}

func (a *app) configCheckCommand() *cobra.Command {
	var connect bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the configuration, and with --connect what it names",
		Long: `Reads the configuration as every command does and prints what it means; never a password.

With --connect it asks Kafka and Impala: of each table its kind and key and where the key comes from, columns that cannot
be carried and the setting that excludes them, the rows (counted where there are no statistics) and the disk that they
take, and which grants are missing. It writes
a file of one row to staging, has Impala read it through an external table in the table's database, and removes both; it
changes nothing else. A command that only may be refused when it is done (ALTER TABLE … RENAME of --replace) is not tried.

It ends with 0 when all is well, 2 when the configuration is wrong, 3 when tables have problems, 7 when Kafka or Impala
cannot be reached.`,
		Example: `  rewind config check
  rewind config check --connect
  rewind config check --connect --json`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.loadConfig()
			if err != nil {
				return err
			}
			k, err := a.checkConfig(c)
			if err != nil {
				return err
			}
			if connect {
				if err := a.checkServers(cmd.Context(), c, k); err != nil {
					return err
				}
			}
			if err := a.printCheck(k); err != nil {
				return err
			}
			return k.verdict()
		},
	}
	cmd.Flags().BoolVar(&connect, "connect", false, "ask Kafka and Impala, and try staging")
	return cmd
}

// configCheck is what config check finds.
type configCheck struct {
	Config    string        `json:"config"`
	Brokers   []string      `json:"kafka_brokers"`
	Prefix    string        `json:"kafka_prefix"`
	Impala    string        `json:"impala"`
	Staging   string        `json:"staging"`
	Data      string        `json:"data"`
	Signing   string        `json:"signing,omitempty"`
	Encrypted string        `json:"encryption,omitempty"`
	EveryMany int64         `json:"checkpoint_every"` // events; 0: none by itself
	FreeBytes int64         `json:"data_free_bytes"`
	Warnings  []string      `json:"warnings,omitempty"`
	Connected bool          `json:"connected"`
	InEngine  *bool         `json:"proof_in_engine,omitempty"`
	Tables    []*tableCheck `json:"tables"`
}

// tableCheck is what it finds of one table. From Kind on only with --connect.
type tableCheck struct {
	Table       string      `json:"table"`
	Key         []string    `json:"key,omitempty"`
	KeyFrom     string      `json:"key_from,omitempty"`
	Exclude     []string    `json:"exclude,omitempty"`
	Kind        string      `json:"kind,omitempty"`
	Columns     int         `json:"columns,omitempty"`
	Unsupported []string    `json:"unsupported,omitempty"`
	Rows        *int64      `json:"rows,omitempty"`
	DiskBytes   *int64      `json:"disk_bytes,omitempty"`
	Order       orderConfig `json:"order"`
	Streams     int         `json:"scan_streams,omitempty"` // that read the table at once
	SortBytes   *int64      `json:"sort_bytes,omitempty"`   // of disk, while a table that is sorted here is captured
	Guard       guardLine   `json:"guard"`
	Topic       string      `json:"topic,omitempty"`
	Partitions  int         `json:"topic_partitions,omitempty"`
	Staging     string      `json:"staging,omitempty"`
	Unchecked   []string    `json:"unchecked,omitempty"` // grants that nothing can be said of, and why
	Problems    []problem   `json:"problems,omitempty"`

	name table.Name
}

// guardLine is a table's limits as config check prints them.
type guardLine struct {
	Deletes string `json:"deletes"`
	Changes string `json:"changes"`
}

// problem is something to mend before the table can be captured and restored.
type problem struct {
	Problem string `json:"problem"`
	Hint    string `json:"hint,omitempty"`
	Grant   string `json:"grant,omitempty"` // that is missing
}

func (t *tableCheck) problem(err error) {
	p := problem{Problem: err.Error(), Hint: hintOf(err)}
	var denied *impala.GrantError
	if errors.As(err, &denied) {
		p.Grant = denied.Grant
	}
	t.Problems = append(t.Problems, p)
}

// verdict is partial when tables have problems.
func (k *configCheck) verdict() error {
	bad := int64(0)
	for _, t := range k.Tables {
		if len(t.Problems) > 0 {
			bad++
		}
	}
	if bad == 0 {
		return nil
	}
	return &codedError{code: exitPartial, message: count(bad, "table") + " of " + thousands(int64(len(k.Tables))) + " cannot be protected and restored yet"}
}

// checkConfig checks all that needs no server.
func (a *app) checkConfig(c *config) (*configCheck, error) {
	k := &configCheck{Config: c.path, Brokers: c.Kafka.Brokers, Prefix: c.Kafka.Prefix, Impala: publicURL(c.Impala.DSN),
		Staging: stagingText(c.Impala.Staging), Data: c.Data, Encrypted: c.Encryption.text(), Tables: []*tableCheck{}}
	if k.Prefix == "" {
		k.Prefix = "rewind"
	}
	if len(c.Kafka.Brokers) > 0 {
		kafka, err := a.openKafka(c, tableConfig{})
		if err != nil {
			return nil, err
		}
		kafka.Close()
	}
	_, err := c.Impala.dsn()
	if err := errors.Join(err, a.engineOptions(c, nil).Check()); err != nil {
		return nil, usageErrorf("see %s", c.path).because(err)
	}
	if k.Signing, err = c.signingText(); err != nil {
		return nil, err
	}
	k.EveryMany = c.Journal.checkpointEvery()
	k.Warnings = c.warnings()
	k.FreeBytes = -1
	if free, err := a.disk().Free(existing(c.Data)); err == nil {
		k.FreeBytes = free
	}
	for _, t := range c.Tables {
		guard := c.guard(t)
		check := &tableCheck{Guard: guardLine{guard.Deletes.String(), guard.Changes.String()}, Table: t.name.String(), Key: t.Key, Order: orderEngine, Streams: int(t.Streams), Exclude: t.Exclude, name: t.name}
		if t.sortsHere() {
			check.Order = orderLocal
		}
		if len(t.Key) > 0 {
			check.KeyFrom = impala.KeyConfigured
		}
		k.Tables = append(k.Tables, check)
	}
	return k, nil
}

// existing is the path, or the nearest folder above it that is there.
func existing(path string) string {
	for {
		if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}

// publicURL is where and how a DSN connects, and nothing that could be secret.
func publicURL(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil || dsn == "" {
		return ""
	}
	public := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if u.User != nil {
		public.User = url.User(u.User.Username())
	}
	query := url.Values{}
	for _, key := range []string{"auth", "tls"} {
		if u.Query().Has(key) {
			query.Set(key, u.Query().Get(key))
		}
	}
	public.RawQuery = query.Encode()
	return public.String()
}

// stagingText says where staging is; of the site's commands only that there are some.
func stagingText(s stagingConfig) string {
	var words []string
	if s.Path != "" {
		words = append(words, s.Path)
	}
	if s.URI != "" {
		words = append(words, publicURL(s.URI))
	}
	text := strings.Join(words, " = ")
	if len(s.Put) > 0 {
		text += ", carried by " + filepath.Base(s.Put[0])
	}
	return text
}

// checkServers asks Kafka and Impala. Out of reach, or refusing the credentials, they end the check.
func (a *app) checkServers(ctx context.Context, c *config, k *configCheck) error {
	if len(c.Tables) == 0 {
		return usageErrorf("list them under tables: in %s", c.path).because(errors.New("no table is configured"))
	}
	db, err := a.connectEngine(ctx, c, nil)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // what it made is removed and looked after by then
	able, err := db.ProvesInEngine(ctx)
	if err != nil {
		return err
	}
	k.Connected, k.InEngine = true, &able
	for i, t := range k.Tables {
		if err := a.checkTopic(ctx, c, c.Tables[i], t); err != nil {
			return err
		}
		if err := checkTable(ctx, db, t); err != nil {
			return err
		}
	}
	return a.checkStaging(ctx, c, db, k)
}

func (a *app) checkTopic(ctx context.Context, c *config, t tableConfig, check *tableCheck) error {
	kafka, err := a.openKafka(c, t)
	if err != nil {
		return err
	}
	defer kafka.Close()
	check.Topic = kafka.Name(t.name)
	opened, err := kafka.Open(ctx, t.name, false)
	switch {
	case err == nil:
		check.Partitions = opened.Partitions()
	case ctx.Err() != nil || exitCode(ctx, err) == exitUnreachable:
		return err
	case !errors.Is(err, topic.ErrNotFound): // the first capture makes it
		check.problem(err)
	}
	return nil
}

// snapshotsKept is how many snapshot files there are while one is captured.
const snapshotsKept = 2

func checkTable(ctx context.Context, db *impala.DB, check *tableCheck) error {
	found, problems := db.Inspect(ctx, check.name)
	check.Kind, check.Columns, check.Unsupported = found.Kind, found.Columns, found.Unsupported
	check.Unchecked = found.Unchecked
	if found.Key != nil {
		check.Key, check.KeyFrom = found.Key, found.KeyFrom
	}
	if found.Rows >= 0 {
		disk := found.Bytes * snapshotsKept
		check.Rows, check.DiskBytes = &found.Rows, &disk
		if check.Order == orderLocal {
			sorted := sortBytes(found.Rows, found.Bytes)
			check.SortBytes = &sorted
		}
	}
	if check.Streams > 1 && found.Kind != "" {
		if err := db.CanPin(ctx, check.name); err != nil {
			problems = append(problems, err)
		}
	}
	for _, err := range problems {
		if ctx.Err() != nil || exitCode(ctx, err) == exitUnreachable {
			return err
		}
		check.problem(err)
	}
	return nil
}

// checkStaging tries staging once a database.
func (a *app) checkStaging(ctx context.Context, c *config, db *impala.DB, k *configCheck) error {
	if c.Impala.Staging.URI == "" && c.Impala.Staging.Path == "" {
		for _, t := range k.Tables {
			t.Staging = "not configured: only small tables can be restored, through INSERT VALUES"
		}
		return nil
	}
	remove := a.foldersMade(c)
	defer remove()
	tried := map[string]error{}
	for _, t := range k.Tables {
		err, known := tried[t.name.Database]
		if !known {
			err = db.CheckStaging(ctx, t.name.Database)
			if ctx.Err() != nil || err != nil && exitCode(ctx, err) == exitUnreachable {
				return err
			}
			tried[t.name.Database] = err
		}
		if t.Staging = "read back through Impala"; err != nil {
			t.Staging = "failed"
			t.problem(err)
		}
	}
	return nil
}

// foldersMade removes, when called, those of the folders for a restore's records that were not there before, if they are empty.
func (a *app) foldersMade(c *config) func() {
	var made []string
	for _, folder := range []string{c.restoreDir(), c.Data, c.Impala.Staging.Path} {
		if folder == "" {
			continue
		}
		if _, err := os.Stat(folder); os.IsNotExist(err) {
			made = append(made, folder)
		}
	}
	return func() {
		for _, folder := range made {
			if err := os.Remove(folder); err != nil && !os.IsNotExist(err) {
				a.log.Debug("a folder stays", "folder", folder, "error", err)
			}
		}
	}
}

// disk is where the data directory lies.
func (a *app) disk() disk.FS {
	if a.fs != nil {
		return a.fs
	}
	return disk.OS
}
