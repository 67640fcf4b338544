//go:build integration

package integration

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jimlambrt/gldap"

	"rewind/impala"
	"rewind/table"
)

// directory is an LDAP server that knows people by their passwords, and remembers who was asked for.
type directory struct {
	t         *testing.T
	addr      string
	passwords map[string]string // by distinguished name
	server    *gldap.Server
	ended     chan error

	mu    sync.Mutex
	asked []string
}

// open begins to answer.
func (d *directory) open() {
	d.t.Helper()
	router, err := gldap.NewMux()
	if err != nil {
		d.t.Fatal(err)
	}
	if d.server, err = gldap.NewServer(); err != nil {
		d.t.Fatal(err)
	}
	if err := errors.Join(router.Bind(d.bind), d.server.Router(router)); err != nil {
		d.t.Fatal(err)
	}
	d.ended = make(chan error, 1)
	go func() { d.ended <- d.server.Run(d.addr) }()
	for { // it does not say when it listens
		conn, err := net.Dial("tcp", d.addr)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case err := <-d.ended:
			d.t.Fatal(err)
		default:
		}
	}
}

// close ends it, and waits until it has ended.
func (d *directory) close() {
	d.t.Helper()
	if err := errors.Join(d.server.Stop(), <-d.ended); err != nil {
		d.t.Error(err)
	}
}

// bind answers who says who he is. Whoever names himself and gives no password is let in, as many directories do (RFC 4513, 5.1.2): a
// client that takes that for a proof lets in everybody.
func (d *directory) bind(w *gldap.ResponseWriter, r *gldap.Request) {
	answer := r.NewBindResponse(gldap.WithResponseCode(gldap.ResultInvalidCredentials))
	defer func() { _ = w.Write(answer) }()
	who, err := r.GetSimpleBindMessage()
	if err != nil {
		return
	}
	d.mu.Lock()
	d.asked = append(d.asked, who.UserName)
	d.mu.Unlock()
	password, known := d.passwords[who.UserName]
	if who.Password == "" || known && string(who.Password) == password {
		answer.SetResultCode(gldap.ResultSuccess)
	}
}

// take gives who was asked for since the last time.
func (d *directory) take() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	asked := d.asked
	d.asked = nil
	return asked
}

// person is somebody's distinguished name, as hive-up.sh has Hive make it of a user's.
func person(user string) string { return "uid=" + user + ",ou=people,dc=rewind" }

// ldapHive starts a real HiveServer2 of its own that asks the directory who may come in, at the ports behind the first one's.
func ldapHive(t *testing.T, passwords map[string]string) (addr string, d *directory) {
	t.Helper()
	d = &directory{t: t, addr: hivePort(t, 3), passwords: passwords}
	d.open()
	t.Cleanup(d.close)
	addr = hivePort(t, 2)
	work := filepath.Join(setting(t, "REWIND_HIVE_WORK"), "ldap") // run.sh stops what is left there
	_, number, _ := strings.Cut(addr, ":")
	s := &server{
		t: t, name: "the engine with LDAP", pidFile: filepath.Join(work, "hive.pid"), script: "engines/hive-up.sh",
		where: []string{"HIVE_WORK=" + work, "HIVE_PORT=" + number, "HIVE_HEAP=384m", "HIVE_LDAP=ldap://" + d.addr,
			"JAVA_TOOL_OPTIONS=-XX:TieredStopAtLevel=1"}, // compiling well would take it twice as long as all that it has to do
	}
	s.start()
	t.Cleanup(func() {
		s.kill()
		if err := os.RemoveAll(work); err != nil {
			t.Error(err)
		}
	})
	return addr, d
}

// hivePort is an address so many ports behind the one that looks like Impala.
func hivePort(t *testing.T, behind int) string {
	t.Helper()
	first, err := strconv.Atoi(setting(t, "REWIND_HIVE_PORT"))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", first+behind)
}

// enter is a DSN; a nil user shows nobody.
func enter(addr, auth string, user *url.Userinfo) string {
	u := url.URL{Scheme: "impala", Host: addr, User: user, RawQuery: "auth=" + auth + "&socket-timeout=60s"}
	return u.String()
}

// onlyImpala says whether an error is Hive's to the one call of the driver that only Impala knows: it ends a statement, after its answer.
func onlyImpala(err error) bool {
	return err != nil && strings.Contains(err.Error(), "Invalid method name: 'CloseImpalaOperation'")
}

// makeWide makes the table that is read: rows up to much wider than a buffer of the wire, and few enough for the driver, which panics
// over the NULLs of more as Hive writes them.
func makeWide(t *testing.T, dsn string) (schema *table.Schema, rows []string) {
	t.Helper()
	schema = &table.Schema{
		Table: table.Name{Database: "default", Table: unique("ldap")}, WholeRow: true, NextColumnID: 3,
		Columns: []table.Column{
			{ID: 1, Name: "id", Type: table.Type{Kind: table.Int}},
			{ID: 2, Name: "name", Type: table.Type{Kind: table.String}},
		},
	}
	var text strings.Builder
	for i := range 7 {
		rows = append(rows, strings.Repeat(string(rune('a'+i)), i*150_000))
		fmt.Fprintf(&text, "%d\x01%s\n", i, rows[i])
	}
	file := filepath.Join(t.TempDir(), "rows")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("impala", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		"CREATE TABLE " + schema.Table.String() + " (id INT, name STRING)",
		"LOAD DATA LOCAL INPATH '" + file + "' INTO TABLE " + schema.Table.String(),
	} {
		if _, err := db.Exec(statement); !onlyImpala(err) {
			t.Fatalf("%s\n%v", statement, err)
		}
	}
	return schema, rows
}

// mustRead reads the table and holds its rows against those that it was given.
func mustRead(t *testing.T, db *impala.DB, schema *table.Schema, want []string) {
	t.Helper()
	codec, err := table.NewCodec(schema)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	values := make([]table.Value, len(schema.Columns))
	for row, err := range db.Rows(context.Background(), schema, true) {
		if onlyImpala(err) {
			continue
		}
		if err == nil {
			err = codec.Decode(row.Image, values)
		}
		if err != nil {
			t.Fatal(err)
		}
		if values[0].Int != int64(len(got)) {
			t.Errorf("row %d has the id %d", len(got), values[0].Int)
		}
		got = append(got, string(values[1].Bytes))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d rows came through, of %d, or other ones", len(got), len(want))
	}
}

// TestLDAPDoors knocks at a real HiveServer2 that has a directory check who comes, without the proxy: by SASL PLAIN, and by what
// configurations get wrong. Passwords are ASCII: Hive, unlike Impala, takes each byte of another one for a character.
func TestLDAPDoors(t *testing.T) {
	const password, others, wrong = "p@ss:/?#%w d00r", "gu3st-d00r", "wr0ng-d00r"
	addr, people := ldapHive(t, map[string]string{person("rewind"): password, person("guest"): others})
	ldap := func(user, password string) string { return enter(addr, "ldap", url.UserPassword(user, password)) }
	schema, rows := makeWide(t, ldap("rewind", password))
	open := hivePort(t, 1) // the first one, which asks nobody
	const refused, check = "refused the credentials", "check user and password"
	doors := []struct {
		name, dsn  string
		asked      string // of the directory
		code       int
		says, hint string
	}{
		{"the right password", ldap("rewind", password), person("rewind"), 0, "", ""},
		{"another user's right password", ldap("guest", others), person("guest"), 0, "", ""},
		{"a wrong password", ldap("rewind", wrong), person("rewind"), 2, refused, check},
		{"the other user's password", ldap("rewind", others), person("rewind"), 2, refused, check},
		{"the password in another case", ldap("rewind", strings.ToUpper(password)), person("rewind"), 2, refused, check},
		{"an unknown user", ldap("nobody", password), person("nobody"), 2, refused, check},
		{"a name that is a path", ldap("rewind,ou=people,dc=rewind", password), "rewind,ou=people,dc=rewind", 2, refused, check},
		{"an empty password, which the directory takes", ldap("rewind", ""), "", 2, refused, check},
		{"no password", enter(addr, "ldap", url.User("rewind")), "", 2, refused, check},
		{"no credentials", enter(addr, "ldap", nil), "", 2, "provide username", ""},
		{"no SASL where it is wanted", enter(addr, "noauth", nil), "", 7, "cannot be reached", "auth=ldap"},
		{"a password, and no SASL", enter(addr, "noauth", url.UserPassword("rewind", password)), "", 7, "cannot be reached", "auth=ldap"},
		{"SASL where it is not wanted", enter(open, "ldap", url.UserPassword("rewind", password)), "", 2, refused, "that auth=ldap is meant"},
		{"the right password again", ldap("rewind", password), person("rewind"), 0, "", ""},
	}
	people.take()
	for _, d := range doors {
		t.Run(d.name, func(t *testing.T) {
			var log bytes.Buffer
			logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			db, err := impala.Open(context.Background(), impala.Options{DSN: d.dsn, Logger: logger})
			if err == nil {
				defer db.Close()
			}
			switch {
			case d.code != 0:
				mustStayShut(t, err, d.code, d.says, d.hint)
			case err != nil:
				t.Fatal(err)
			default:
				mustRead(t, db, schema, rows)
			}
			for _, secret := range []string{password, others, wrong, strings.ToUpper(password)} {
				for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
					if strings.Contains(fmt.Sprintf("%v %+v %s", err, err, log.String()), form) {
						t.Errorf("the password is shown: %v\n%s", err, log.String())
					}
				}
			}
			if asked := slices.Compact(people.take()); strings.Join(asked, " ") != d.asked {
				t.Errorf("the directory was asked for %q, not for %q", asked, d.asked)
			}
		})
	}
	t.Logf("counted: %d doors of a real Hive that asks LDAP, by SASL PLAIN and without", len(doors))
}

// mustStayShut wants an error that says which part is wrong and what to do. Refused credentials are of their own type.
func mustStayShut(t *testing.T, err error, code int, says, hint string) {
	t.Helper()
	var told interface {
		error
		ExitCode() int
	}
	if !errors.As(err, &told) || told.ExitCode() != code || !strings.Contains(err.Error(), says) {
		t.Errorf("not an error that ends with %d and says %q: %v", code, says, err)
		return
	}
	var hinting interface{ Hint() string }
	if hint != "" && (!errors.As(err, &hinting) || !strings.Contains(hinting.Hint(), hint)) {
		t.Errorf("no hint that says %q: %v", hint, err)
	}
	var auth *impala.AuthError
	if errors.As(err, &auth) != strings.Contains(says, "credentials") {
		t.Errorf("of another type: %T", told)
	}
}
