package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// fragments are what ends a literal, a name or a statement somewhere, or what somebody on the way rewrites.
var fragments = []string{"'", "''", `"`, "`", "``", `\`, `\'`, `\\`, ";", "\n", "\r", "\t", "\x00", "\x1a", "--", "/*", "*/", "#", "?", "$1", "@p1", "${HOME}", "%", "%27", ")", "\u2019", "\u2028", "../"}

// payloads are texts that would drop a table if one of them got out of its quotes. Each holds the word "victim", which rewind itself
// never says.
func payloads() (all []string) {
	for _, f := range fragments {
		all = append(all, "a"+f+"; DROP TABLE shop.victim; -- b", f+"victim"+f)
	}
	return all
}

// literal writes a text as SQL, each byte but letters and digits in octal.
func literal(text string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, c := range []byte(text) {
		if c >= 0x80 || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\%03o`, c)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

// outsideQuotes is a statement without its literals and quoted names: what the engine takes for words of its own.
func outsideQuotes(statement string) string {
	var out strings.Builder
	for i := 0; i < len(statement); i++ {
		quote := statement[i]
		if quote != '\'' && quote != '"' && quote != '`' {
			out.WriteByte(quote)
			continue
		}
		for i++; i < len(statement) && statement[i] != quote; i++ {
			if statement[i] == '\\' && quote != '`' {
				i++
			}
		}
		if i >= len(statement) {
			out.WriteString(" victim: the quote does not end")
		}
	}
	return out.String()
}

// injected is a rig with a table that nobody is told to touch, and a look at every statement that is sent.
type injected struct {
	*rig
	sent []string
}

func newInjected(t *testing.T, tables string) *injected {
	t.Helper()
	i := &injected{rig: newRig(t, tables, "")}
	i.sql(t, "CREATE TABLE shop.victim (id INT) STORED AS PARQUET", "INSERT INTO shop.victim VALUES (1)")
	return i
}

// watch keeps what is sent from now on.
func (i *injected) watch() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.rewrite = func(statement string) string {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.sent = append(i.sent, statement)
		return statement
	}
}

// unharmed wants every statement to have been one, and the victim to be there.
func (i *injected) unharmed(t *testing.T) (statements int) {
	t.Helper()
	i.mu.Lock()
	sent := i.sent
	i.sent, i.rewrite = nil, nil
	i.mu.Unlock()
	for _, s := range sent {
		if s == "SET xvictim=1" { // as YAML read it, it is a name
			continue
		}
		if bare := outsideQuotes(s); strings.Contains(bare, "victim") || strings.ContainsAny(bare, ";#") || strings.Contains(bare, "--") || strings.Contains(bare, "/*") {
			t.Errorf("something got out of its quotes: %q", s)
		}
	}
	if rows := i.query(t, "SELECT * FROM shop.victim"); len(rows) != 1 {
		t.Fatalf("the victim has %d rows", len(rows))
	}
	return len(sent)
}

// TestValuesStayValues: keys, texts and partitions that try to be SQL are captured, shown and restored byte for byte, through files
// and through INSERT, into a new table and in the old one's place.
func TestValuesStayValues(t *testing.T) {
	i := newInjected(t, "  - {name: shop.t, key: [k]}\n")
	i.sql(t, "CREATE TABLE shop.t (k STRING COMMENT "+literal("it's; victim\\")+", v STRING) PARTITIONED BY (p STRING) COMMENT "+literal(`a 'victim" of; --`)+" STORED AS PARQUET")
	var rows []string
	for _, p := range payloads() {
		rows = append(rows, fmt.Sprintf("(%s, %s, %s)", literal(p), literal(p+p), literal(p)))
	}
	i.sql(t, "INSERT INTO shop.t PARTITION (p) VALUES "+strings.Join(rows, ", "))
	want := i.look(t, "shop.t")
	i.watch()
	point := i.capture(t)
	if int(point.Rows) != len(payloads()) {
		t.Fatalf("%d rows were captured of %d", point.Rows, len(payloads()))
	}
	for _, p := range payloads() {
		quoted, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		text := must(t, "history", "shop.t", "--key", "k="+string(quoted), "--json", "--config", i.config)
		if !strings.Contains(text, string(quoted[1:len(quoted)-1])) && !strings.Contains(text, "versions") {
			t.Errorf("%q: %s", p, text)
		}
	}
	at := fmt.Sprint(point.Snapshot)
	must(t, "restore", "shop.t", "--at", at, "--into", "shop.by_files", "--config", i.config)
	must(t, "verify", "--deep", "--config", i.config)
	must(t, "restore", "shop.t", "--at", at, "--replace", "--yes", "--config", i.config)
	text, err := os.ReadFile(i.config)
	if err != nil {
		t.Fatal(err)
	}
	without := strings.Replace(string(text), ", staging: ", ", timezone: UTC} #", 1)
	if err := os.WriteFile(i.config, []byte(without), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "restore", "shop.t", "--at", at, "--into", "shop.by_insert", "--config", i.config)
	sent := i.unharmed(t)
	for _, name := range []string{"shop.by_files", "shop.by_insert", "shop.t"} {
		if diff := cmp.Diff(want, i.look(t, name)); diff != "" {
			t.Errorf("%s: want (-), got (+)\n%s", name, diff)
		}
	}
	t.Logf("counted: %d texts that try to be SQL, as key, value and partition, in %d statements", len(payloads()), sent)
}

// TestNamesStayNames: names that try to be SQL, or paths, wherever a name is taken from a person: they are quoted or refused, nothing
// that they mean is done, and no file is made outside of the folders that are configured.
func TestNamesStayNames(t *testing.T) {
	i := newInjected(t, keyID)
	i.sql(t, parquet, "INSERT INTO shop.t VALUES "+three)
	i.capture(t)
	config, err := os.ReadFile(i.config)
	if err != nil {
		t.Fatal(err)
	}
	had := i.outside(t)
	i.watch()
	tried := 0
	refused := func(args ...string) {
		tried++
		if code, stdout, _ := runCommand(t.Context(), append(args, "--config", i.config)...); code == exitOK {
			t.Errorf("%q succeeds: %s", args, stdout)
		}
	}
	for _, f := range fragments {
		name := "x" + f + "victim"
		for _, full := range []string{"shop." + name, name + ".t", name, f + "." + f} {
			refused("produce", full)
			refused("restore", full, "--at", "-0s", "--into", "shop.y")
			refused("points", full)
		}
		refused("restore", "shop.t", "--at", "-0s", "--into", name)
		refused("restore", "shop.t", "--at", name, "--into", "shop.y")
		refused("history", "shop.t", "--key", name+"=1")
		refused("history", "shop.t", "--key", "id="+name)
		tried++ // a name that can be quoted is one
		_, _, stderr := runCommand(t.Context(), "restore", "shop.t", "--at", "-0s", "--into", "shop."+name, "--config", i.config)
		if strings.Contains(stderr, "arse") {
			t.Errorf("--into %q was not quoted: %s", name, stderr)
		}
		for _, tables := range []string{
			"  - {name: %s, key: [id]}\n", "  - {name: shop.t, key: [%s]}\n", "  - {name: shop.t, key: [id], exclude: [%s]}\n",
			"  - {name: shop.t, key: [id], bytes: [%s]}\n", "  - {name: shop.t, key: [id], options: {%s: 1}}\n", "  - {name: shop.t, key: [id], options: {REQUEST_POOL: %s}}\n",
		} {
			quoted, err := yaml.Marshal(strings.ReplaceAll(name, "${", "$${"))
			if err != nil {
				t.Fatal(err)
			}
			value := strings.TrimSpace(string(quoted))
			if strings.HasPrefix(value, "|") || strings.ContainsAny(name, "\x00\x1a\r\n\u2028") {
				encoded, _ := json.Marshal(name)
				value = string(encoded)
			}
			i.configure(t, fmt.Sprintf(tables, value), "")
			tried++
			_, _, stderr := runCommand(t.Context(), "produce", "--config", i.config)
			if strings.Contains(stderr, "ParseException") || strings.Contains(stderr, "syntax") {
				t.Errorf("%s with %q was not quoted: %s", strings.TrimSpace(tables), name, stderr)
			}
		}
		if err := os.WriteFile(i.config, config, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sent := i.unharmed(t)
	if now := i.outside(t); !slices.Equal(had, now) {
		t.Errorf("files beside the folders that are configured: %v, were %v", now, had)
	}
	t.Logf("counted: %d names that try to be SQL or paths, %d statements", tried, sent)
}

// outside lists what lies in the rig's folder beside what is configured, and how it is called.
func (i *injected) outside(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(i.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	above, err := os.ReadDir(i.dir + "/..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range above {
		names = append(names, "../"+e.Name())
	}
	return names
}

// TestTheLongestName: each file that is made for a table fits a file system, and so does its topic Kafka.
func TestTheLongestName(t *testing.T) {
	name := "shop." + strings.Repeat("x", 195)
	r := newRig(t, fmt.Sprintf("  - {name: %s, key: [id]}\n", name), "")
	r.sql(t, strings.Replace(parquet, "shop.t", name, 1), "INSERT INTO "+name+" VALUES "+three)
	r.capture(t)
	must(t, "restore", name, "--at", "-0s", "--into", "shop.past", "--config", r.config)
	if code, _, stderr := runCommand(t.Context(), "restore", name, "--at", "-0s", "--replace", "--yes", "--config", r.config); code == exitOK || !strings.Contains(stderr, "too long to be replaced") {
		t.Errorf("Impala's names end at 128 characters: exit code %d: %s", code, stderr)
	}
	must(t, "verify", "--config", r.config)
	if diff := cmp.Diff(r.look(t, "shop.past").Rows, r.look(t, name).Rows); diff != "" {
		t.Error(diff)
	}
	if code, _, stderr := runCommand(t.Context(), "points", name+"x", "--config", r.config); code != exitUsage || !strings.Contains(stderr, "more than 200 bytes") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
