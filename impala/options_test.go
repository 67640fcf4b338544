package impala

import (
	"errors"
	"strings"
	"testing"

	"rewind/table"
)

func TestStagingDefaults(t *testing.T) {
	for _, c := range []struct {
		in, want Staging
		refused  bool
	}{
		{in: Staging{}},
		{in: Staging{URI: "file:///data/staging/"}, want: Staging{Path: "/data/staging/", URI: "file:///data/staging"}},
		{in: Staging{URI: "/data/staging"}, want: Staging{Path: "/data/staging", URI: "file:///data/staging"}},
		{in: Staging{Path: "/data/staging"}, want: Staging{Path: "/data/staging", URI: "file:///data/staging"}},
		{in: Staging{Path: "/mnt/nfs", URI: "file:///nfs/rewind"}, want: Staging{Path: "/mnt/nfs", URI: "file:///nfs/rewind"}},
		{in: Staging{URI: "hdfs://ns/rewind"}, refused: true},
		{in: Staging{URI: "file:///it's"}, refused: true},
		{in: Staging{Path: "/what?"}, refused: true},
		{in: Staging{URI: "staging"}, refused: true},
		{in: Staging{Path: "staging", URI: "hdfs://ns/rewind", Put: []string{"put"}, Remove: []string{"rm"}}, refused: true},
		{in: Staging{Path: "/spool", URI: "hdfs://ns/rewind", Put: []string{"put"}}, refused: true},
	} {
		got, err := c.in.withDefaults()
		var config *ConfigError
		if (err != nil) != c.refused || err != nil && (!errors.As(err, &config) || config.ExitCode() != 2) {
			t.Errorf("%+v: %v", c.in, err)
		}
		if err == nil && (got.Path != c.want.Path || got.URI != c.want.URI) {
			t.Errorf("%+v became %+v", c.in, got)
		}
	}
}

// TestStagingLocations: Impala reads no escapes in a LOCATION, where containers of Azure have an @.
func TestStagingLocations(t *testing.T) {
	s, _ := numberedRows(t, 0)
	for _, uri := range []string{"abfss://files@account.dfs.core.windows.net/rewind", "s3a://bucket/a$b", "hdfs://ns/x;y", "file:///with a space"} {
		staging, err := Staging{Path: "/spool", URI: uri, Put: []string{"put"}, Remove: []string{"remove"}}.withDefaults()
		if err != nil {
			t.Errorf("%s: %v", uri, err)
			continue
		}
		r := newRecord(table.Load{Into: ordersName, RestoreID: "1"}, staging)
		if sql := createStagingSQL(ordersName, s, r.URI, "1"); !strings.Contains(sql, " LOCATION '"+uri+"/rewind-") {
			t.Errorf("%s became %s", uri, sql)
		}
	}
}

func TestDSN(t *testing.T) {
	full, address, err := parseDSN("impala://me:secret@host:21050?auth=ldap")
	if err != nil || address != "host:21050" || !strings.Contains(full, "socket-timeout=120s") || !strings.Contains(full, "auth=ldap") || !strings.Contains(full, "me:secret@") {
		t.Errorf("%s at %s: %v", full, address, err)
	}
	if !strings.Contains(full, "batch-size=2048") || !strings.Contains(full, "buffer-size=65536") {
		t.Errorf("the driver's own settings for large results: %s", full)
	}
	if full, _, _ := parseDSN("impala://host?socket-timeout=3s&batch-size=7"); !strings.Contains(full, "socket-timeout=3s") || !strings.Contains(full, "batch-size=7") {
		t.Errorf("what was configured was overwritten: %s", full)
	}
	for _, dsn := range []string{"", "host:21050", "hive2://host", "impala://"} {
		if _, _, err := parseDSN(dsn); err == nil {
			t.Errorf("%q was accepted", dsn)
		}
	}
}

func TestSessionOptionsAreNames(t *testing.T) {
	if _, err := (Options{Session: map[string]string{"A=1; DROP": "x"}}).withDefaults(); err == nil {
		t.Error("an option that is no name was accepted")
	}
	if _, err := (Options{Tables: map[table.Name]TableOptions{{}: {Options: map[string]string{"": "x"}}}}).withDefaults(); err == nil {
		t.Error("an empty option was accepted")
	}
	for _, value := range []string{"it's", `a\b`, "why?", "two\nlines"} { // SET reads no escapes
		if _, err := (Options{Session: map[string]string{"REQUEST_POOL": value}}).withDefaults(); err == nil {
			t.Errorf("%q was accepted", value)
		}
		if _, err := (Options{Timezone: value}).withDefaults(); err == nil {
			t.Errorf("time zone %q was accepted", value)
		}
	}
}

func TestSetSQL(t *testing.T) {
	for want, p := range map[string]property{
		"SET A=1": {"A", "1"}, "SET A=true": {"A", "true"}, "SET A='2g'": {"A", "2g"}, "SET A='root.a$1@p1;b'": {"A", "root.a$1@p1;b"}, "SET A=''": {"A", ""},
	} {
		if got := setSQL(p.key, p.value); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
