package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"rewind/sandbox"
)

// marks are the secrets of a configuration, by the variable of the environment that holds each. Passwords with characters that mean
// something in an URL are shown in other forms by who forgets that they are secret.
var marks = map[string]string{
	"MARK_KAFKA":  "kafka/mark?0001",
	"MARK_IMPALA": "impala@mark:0002%",
	"MARK_DSN":    "dsn-mark-0003",
	"MARK_FILE":   "file-mark-0004",
	"MARK_WRONG":  "wr0ng mark=0005",
}

// forms are the ways to write a secret.
func forms(secret string) []string {
	all := []string{secret, url.QueryEscape(secret), url.PathEscape(secret), url.UserPassword("", secret).String()[1:], fmt.Sprintf("%q", secret)[1 : len(secret)+1],
		hex.EncodeToString([]byte(secret))}
	for _, text := range []string{secret, "\x00me\x00" + secret, "me\x00me\x00" + secret, "me:" + secret} {
		all = append(all, strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(text)), "="))
	}
	return all
}

// shows says which secret a text shows.
func shows(text string) (name string, found bool) {
	for name, secret := range marks {
		for _, form := range forms(secret) {
			if strings.Contains(text, form) {
				return name + " as " + form, true
			}
		}
	}
	return "", false
}

// markedServers are a Kafka and an Impala that want passwords.
type markedServers struct{ dir, broker, impala string }

func startMarked(t *testing.T) markedServers {
	t.Helper()
	s := markedServers{dir: t.TempDir()}
	kafka, err := sandbox.StartKafka(sandbox.KafkaOptions{User: "me", Password: marks["MARK_KAFKA"]})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := sandbox.StartImpala(sandbox.ImpalaOptions{User: "me", Password: marks["MARK_IMPALA"]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(kafka.Close(), engine.Close()); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	s.broker, s.impala = kafka.Broker(), engine.Addr()
	return s
}

// write writes a configuration and gives its path.
func (s markedServers) write(t *testing.T, name, kafka, impala, more string) string {
	t.Helper()
	text := fmt.Sprintf("kafka: {brokers: [%q], partitions: 1, timeout: 300ms, %s}\nimpala: {%s}\ndata: data\n%stables: [{name: default.my_table, key: [id]}]\n", s.broker, kafka, impala, more)
	path := filepath.Join(s.dir, name+".yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// spokenTo are the ways to call each command: right, and wrong. A command that is not here fails the test.
var spokenTo = map[string][][]string{
	"rewind sandbox sql":   {{"SELECT 1"}, {"SELEC 1"}, {"SELECT * FROM default.absent"}},
	"rewind init":          {{"--brokers", "a:1", "--dsn", "impala://me:${MARK_IMPALA}@127.0.0.1:1?auth=ldap", "--table", "a.b"}, {"--brokers", "a:1", "--dsn", "impala://me:dsn-mark-0003@127.0.0.1:1", "--table", "a.b"}},
	"rewind config check":  {{}, {"--connect"}},
	"rewind produce":       {{}, {"--dry-run"}, {"default.absent"}, {"--rebaseline"}},
	"rewind consume":       {{"--until-caught-up"}, {"--skip", "1"}},
	"rewind status":        {{}, {"--max-age", "1ns"}},
	"rewind points":        {{}, {"absent"}},
	"rewind history":       {{"default.my_table", "--key", "id=1"}, {"default.my_table", "--key", "absent=1"}},
	"rewind verify":        {{}, {"--deep"}},
	"rewind restore":       {{"default.my_table", "--at", "-0s", "--into", "default.then"}, {"default.my_table", "--at", "-0s", "--replace", "--yes"}, {"default.my_table", "--at", "x"}},
	"rewind checkpoint":    {{}, {"default.my_table", "--at", "x"}},
	"rewind retain":        {{"--keep", "0d", "--apply"}, {"--keep", "x"}},
	"rewind drop-replaced": {{"default.my_table", "--yes"}},
}

// silent are the commands that read no configuration and are told no secret.
var silent = []string{"rewind", "rewind demo", "rewind sandbox", "rewind version", "rewind config", "rewind completion bash", "rewind completion fish", "rewind completion powershell",
	"rewind completion zsh", "rewind help", "rewind exit-codes"}

// order in which the commands are run: what one makes, the next ones look at.
var order = []string{"rewind config check", "rewind produce", "rewind consume", "rewind status", "rewind points", "rewind history", "rewind verify", "rewind restore",
	"rewind checkpoint", "rewind retain",
	"rewind drop-replaced", "rewind sandbox sql", "rewind init"}

// TestNoCommandShowsASecret calls every command, right and wrong, under configurations with passwords in every place where one may
// stand, right and wrong ones, with everything logged: no secret is shown or written anywhere, in no form.
func TestNoCommandShowsASecret(t *testing.T) {
	for _, c := range allCommands(newTestApp().rootCommand()) {
		if !c.Runnable() || slices.Contains(silent, c.CommandPath()) {
			continue
		}
		if spokenTo[c.CommandPath()] == nil || !slices.Contains(order, c.CommandPath()) {
			t.Errorf("%s is not called", c.CommandPath())
		}
	}
	s := startMarked(t)
	for name, secret := range marks {
		t.Setenv(name, secret)
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	broken := identity.String()
	broken = broken[:len(broken)-1] + "?"
	t.Setenv("MARK_IDENTITY", broken)
	t.Setenv("MARK_HALF", strings.TrimPrefix(broken, "AGE-SECRET-KEY-"))
	t.Chdir(t.TempDir())
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(marks["MARK_KAFKA"]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sasl := func(password string) string { return "sasl: {mechanism: PLAIN, user: me, " + password + "}" }
	dsn := func(who, more string) string {
		return fmt.Sprintf("dsn: %q%s", "impala://"+who+"@"+s.impala+"?auth=ldap", more)
	}
	good := s.write(t, "good", sasl(`password: "${MARK_KAFKA}"`), dsn("me", `, password: "${MARK_IMPALA}", `+s.siteCommands()), "")
	must(t, "sandbox", "sql", "--config", good, "CREATE TABLE default.my_table (id INT PRIMARY KEY, name STRING) STORED AS KUDU", "INSERT INTO default.my_table VALUES (1, 'Alice')")
	configs := []string{
		good,
		s.write(t, "files", sasl(fmt.Sprintf("password_file: %q", file)), dsn("me:"+url.UserPassword("", marks["MARK_IMPALA"]).String()[1:], ""), ""),
		s.write(t, "wrong", sasl(`password: "${MARK_WRONG}"`), dsn("me", `, password: "${MARK_WRONG}"`), ""),
		s.write(t, "wrong-kafka", sasl(`password: "${MARK_WRONG}"`), dsn("me", `, password: "${MARK_IMPALA}"`), ""),
		s.write(t, "away", sasl(`password: "${MARK_KAFKA}"`), `dsn: "impala://me:${MARK_DSN}@127.0.0.1:1?auth=ldap"`, ""),
	}
	// A secret where something else belongs: nothing is begun, and one command is as good as another.
	misplaced := []string{
		s.write(t, "file1", sasl(`password_file: "${MARK_FILE}"`), dsn("me", ""), ""),
		s.write(t, "file2", "compression: none", dsn("me", `, password_file: "${MARK_FILE}"`), ""),
		s.write(t, "twice", sasl(fmt.Sprintf(`password: "${MARK_KAFKA}", password_file: %q`, file)), dsn("me:${MARK_DSN}", `, password: "${MARK_IMPALA}"`), ""),
		s.write(t, "dsn", sasl(`password: "${MARK_KAFKA}"`), `dsn: "me:${MARK_DSN}@host"`, ""),
		s.write(t, "dsn-port", sasl(`password: "${MARK_KAFKA}"`), `dsn: "impala://me:${MARK_DSN}@host:port:1?auth=ldap"`, ""),
		s.write(t, "dsn-raw", sasl(`password: "${MARK_KAFKA}"`), `dsn: "impala://me:${MARK_IMPALA}@host?auth=ldap"`, ""),
		s.write(t, "dsn-setting", sasl(`password: "${MARK_KAFKA}"`), `dsn: "impala://me:${MARK_DSN}@`+s.impala+`?auth=ldap&socket-timeout=x"`, ""),
		s.write(t, "mechanism", `sasl: {mechanism: "${MARK_KAFKA}", user: me, password: "${MARK_KAFKA}"}`, dsn("me", ""), ""),
		s.write(t, "tls", `tls: {ca: "${MARK_FILE}", cert: "${MARK_FILE}", key: "${MARK_FILE}"}`, dsn("me", ""), ""),
		s.write(t, "key", "compression: none", dsn("me", ""), `journal: {sign_key: "${MARK_FILE}"}`+"\n"),
		s.write(t, "identity", "compression: none", dsn("me", ""), `encryption: {identity: "${MARK_IDENTITY}"}`+"\n"),
		s.write(t, "identity-half", "compression: none", dsn("me", ""), `encryption: {identity: "${MARK_HALF}"}`+"\n"),
		s.write(t, "recipient", "compression: none", dsn("me", ""), `encryption: {recipients: ["${MARK_IDENTITY}"]}`+"\n"),
		s.write(t, "unknown", `pasword: `+marks["MARK_DSN"], dsn("me", ""), ""),
		s.write(t, "type", `sasl: `+marks["MARK_DSN"], dsn("me", ""), ""),
		s.write(t, "yaml", `sasl: {mechanism: PLAIN, password: "`+marks["MARK_DSN"], dsn("me", ""), ""),
	}
	var calls atomic.Int64
	call := func(config string, json bool, args ...string) int {
		calls.Add(1)
		args = append(args, "--config", config, "--log-level", "debug")
		if json {
			args = append(args, "--json", "--log-format", "json")
		}
		code, stdout, stderr := runCommand(context.Background(), args...)
		for _, text := range []string{stdout, stderr} {
			if mark, found := shows(text); found || strings.Contains(text, broken[20:40]) {
				t.Errorf("%s: rewind %v shows %s:\n%s", filepath.Base(config), args, mark, text)
			}
		}
		return code
	}
	everything := func(config string, json, all bool) {
		for _, path := range order {
			for k, args := range spokenTo[path] {
				if !all && k > 0 {
					continue // refused the same way
				}
				code := call(config, json, append(strings.Fields(path)[1:], args...)...)
				if all && k == 0 && code != exitOK && path != "rewind init" && path != "rewind restore" || !all && code == exitOK && path == "rewind produce" {
					t.Errorf("%s: %s %v ends with %d", config, path, args, code)
				}
			}
		}
	}
	everything(configs[0], false, true)
	everything(configs[1], true, true)
	var wait sync.WaitGroup // most of it is waiting before another try
	for _, config := range configs[2:] {
		wait.Go(func() { everything(config, false, false) })
	}
	for _, config := range misplaced {
		wait.Go(func() {
			call(config, false, "config", "check", "--connect")
			call(config, false, "consume", "--until-caught-up")
			if code := call(config, true, "produce"); code == exitOK {
				t.Errorf("%s: rewind produce succeeds", filepath.Base(config))
			}
		})
	}
	wait.Wait()
	s.nowhere(t)
	t.Logf("counted: %d calls of every command with %d marked secrets", calls.Load(), len(marks)+2)
}

func allCommands(c *cobra.Command) (all []*cobra.Command) {
	all = []*cobra.Command{c}
	for _, sub := range c.Commands() {
		all = append(all, allCommands(sub)...)
	}
	return all
}

// siteCommands are staging by commands that write down how they, and who runs them, were called, as ps shows it to everyone.
func (s markedServers) siteCommands() string {
	ps := "for p in $$ $PPID; do tr '\\0' ' ' < /proc/$p/cmdline; echo; done >> " + filepath.Join(s.dir, "data", "called")
	return fmt.Sprintf("staging: {path: %q, uri: %q, put: [sh, -c, %q, put, '{path}', '{uri}'], remove: [sh, -c, %q, remove, '{uri}']}",
		filepath.Join(s.dir, "here"), "file://"+filepath.Join(s.dir, "there"), `mkdir -p "${2#file://}" && cp -r "$1/." "${2#file://}" && `+ps, `rm -rf "${1#file://}"; `+ps)
}

// nowhere looks for secrets in all that was written.
func (s markedServers) nowhere(t *testing.T) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(filepath.Join(s.dir, "data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		if mark, found := shows(path + string(content)); found {
			t.Errorf("%s holds %s", path, mark)
		}
		return err
	})
	if called, err := os.ReadFile(filepath.Join(s.dir, "data", "called")); err != nil || !strings.Contains(string(called), "file://") {
		t.Errorf("no command of the site was called: %s, %v", called, err)
	}
	if err != nil || files == 0 {
		t.Errorf("%d files, %v", files, err)
	}
}
