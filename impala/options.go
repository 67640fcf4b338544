package impala

import (
	"errors"
	"log/slog"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"rewind/disk"
	"rewind/table"
)

// Options of the engine. Of the zero value only DSN and, for a restore, StateDir are missing.
type Options struct {
	DSN         string                      // impala://[user[:password]@]host[:port]?auth=…&tls=…, as impala-go reads it
	Session     map[string]string           // query options SET in every session
	Timezone    string                      // SET TIMEZONE; "" keeps the server's
	Staging     Staging                     // zero: rows go through INSERT VALUES
	ValuesLimit int64                       // most rows of a restore without staging; 0 is 10,000
	Tables      map[table.Name]TableOptions // settings of single tables
	FS          disk.FS                     // nil: disk.OS
	StateDir    string                      // where unfinished restores are recorded
	Logger      *slog.Logger                // nil: discard
	Progress    func(Progress)              // nil: nobody watches; called by the goroutine that does the work
	Grace       time.Duration               // for a call that runs when its context ends, and for the end of a session; 0: 2 s
}

// TableOptions are the settings of one table.
type TableOptions struct {
	Key     []string          // the columns that identify a row; Kudu tables know theirs
	Exclude []string          // columns that are not captured
	Bytes   []string          // text columns that may hold bytes which are not UTF-8
	Options map[string]string // further query options for work on this table
	Refresh bool              // REFRESH before it is described
}

// Progress of a load, told now and then.
type Progress struct {
	Stage string // "stage", "load", "prove", "statistics"
	Rows  int64
	Total int64 // rows in all, 0 where unknown
	Bytes int64
}

// Staging is a folder that Impala reads restored rows from. Zero: there is none.
type Staging struct {
	Path   string   // here; "" where URI is a file: URI that means the same folder here
	URI    string   // as Impala names it
	Put    []string // the site's command that copies {path} to {uri}; none: the folder is shared
	Remove []string // the site's command that removes {uri}, and succeeds where there is nothing (hdfs dfs -rm -r -f)
}

const (
	defaultValuesLimit   = 10_000
	defaultSocketTimeout = "120s"  // impala-go's 5 s are less than Impala may hold a fetch
	defaultBufferSize    = "65536" // impala-go's 4 KiB are a system call for every few rows
	defaultBatchSize     = "2048"  // rows a fetch: with impala-go's 1024 a scan waits for the server twice as often; more take much memory where rows are wide
)

// withDefaults fills in and checks what can be checked without a server.
func (o Options) withDefaults() (Options, error) {
	if o.FS == nil {
		o.FS = disk.OS
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if o.Grace == 0 {
		o.Grace = defaultGrace
	}
	if o.ValuesLimit == 0 {
		o.ValuesLimit = defaultValuesLimit
	}
	if err := errors.Join(checkSession("impala.options", o.Session), checkPlain("impala.timezone", o.Timezone)); err != nil {
		return o, err
	}
	for name, t := range o.Tables {
		if err := checkSession("tables: "+name.String()+": options", t.Options); err != nil {
			return o, err
		}
	}
	staging, err := o.Staging.withDefaults()
	o.Staging = staging
	return o, err
}

// optionName is what SET takes.
var optionName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func checkSession(setting string, options map[string]string) error {
	for key, value := range options {
		if !optionName.MatchString(key) {
			return &ConfigError{setting, key + " is no name of a query option"}
		}
		if err := checkPlain(setting+": "+key, value); err != nil {
			return err
		}
	}
	return nil
}

func (s Staging) enabled() bool { return s.URI != "" }

func (s Staging) withDefaults() (Staging, error) {
	if s.URI == "" && s.Path == "" && len(s.Put) == 0 && len(s.Remove) == 0 {
		return s, nil
	}
	if s.URI == "" && s.Path != "" && len(s.Put) == 0 {
		s.URI = "file://" + filepath.ToSlash(s.Path)
	}
	u, err := url.Parse(s.URI)
	if err != nil || !path.IsAbs(u.Path) {
		return s, &ConfigError{"impala.staging", "uri must be a URI with an absolute path, such as file:///data/staging"}
	}
	if err := checkPlain("impala.staging: uri", s.URI); err != nil {
		return s, err
	}
	if _, secret := u.User.Password(); secret {
		return s, &ConfigError{"impala.staging", "uri holds a password, which would stand in SQL and in the metastore: give the engines their credentials themselves (core-site.xml, a credential provider)"}
	}
	if (len(s.Put) == 0) != (len(s.Remove) == 0) {
		return s, &ConfigError{"impala.staging", "put and remove belong together: what is put must be removed"}
	}
	if s.Path == "" && len(s.Put) == 0 && (u.Scheme == "file" || u.Scheme == "") {
		s.Path = filepath.FromSlash(u.Path)
	}
	if !filepath.IsAbs(s.Path) {
		return s, &ConfigError{"impala.staging", "path must be an absolute local folder: rows are written there first"}
	}
	if u.Scheme == "" {
		s.URI = "file://" + u.Path
	}
	s.URI = strings.TrimSuffix(s.URI, "/")
	return s, nil
}

// IsTrue reads a setting of the DSN as the driver does.
func IsTrue(value string) bool {
	on, err := strconv.ParseBool(value)
	return err == nil && on
}

// parseDSN fills in the driver's settings that rewind needs otherwise, and says which address it is.
func parseDSN(dsn string) (full, address string, err error) {
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme != "impala" || u.Hostname() == "" {
		return "", "", &ConfigError{"impala.dsn", "must look like impala://host:21050?auth=noauth"}
	}
	query := u.Query()
	defaults := map[string]string{"socket-timeout": defaultSocketTimeout, "buffer-size": defaultBufferSize, "batch-size": defaultBatchSize}
	for key, value := range defaults {
		if !query.Has(key) {
			query.Set(key, value)
		}
	}
	u.RawQuery = query.Encode()
	return u.String(), u.Host, nil
}
