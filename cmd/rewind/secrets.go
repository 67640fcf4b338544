package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"

	"rewind/impala"
)

// secret is a password: whoever prints or logs it prints "…".
type secret string

const masked = "…"

func (secret) String() string { return masked }

// GoString is what %#v prints.
func (secret) GoString() string { return masked }

// LogValue is what a log shows.
func (secret) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText is what JSON shows.
func (secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// secretLimit is far beyond any password: a wrong path must not fill the memory.
const secretLimit = 64 << 10

// secretOf is the password that a pair of keys gives: itself, or the content of a file without the end of its line.
func secretOf(key string, literal secret, file string) (secret, error) {
	switch {
	case file == "":
		return literal, nil
	case literal != "":
		return "", fmt.Errorf("%s and %s_file: one of them is enough", key, key)
	}
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("%s_file: %w", key, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, secretLimit+1))
	if err != nil {
		return "", fmt.Errorf("%s_file: %w", key, err)
	}
	s := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if s == "" || len(text) > secretLimit {
		return "", fmt.Errorf("%s_file: %s holds no password", key, file)
	}
	return secret(s), nil
}

// dsn is where Impala is, with the password that stands elsewhere.
func (i impalaConfig) dsn() (string, error) {
	password, err := secretOf("impala.password", i.Password, i.PasswordFile)
	if err != nil || password == "" {
		return i.DSN, err
	}
	u, err := url.Parse(i.DSN)
	if err != nil {
		return i.DSN, nil //nolint:nilerr // impala says what is wrong with it, and does not quote it
	}
	if u.User == nil || u.User.Username() == "" {
		return "", errors.New("impala.password: impala.dsn names no user: impala://USER@host:21050?auth=ldap&tls=true")
	}
	if _, twice := u.User.Password(); twice {
		return "", errors.New("impala.password: impala.dsn holds a password, too: one of them is enough")
	}
	u.User = url.UserPassword(u.User.Username(), string(password))
	return u.String(), nil
}

// literals are the keys whose passwords stand in the file itself, as written: a value with ${NAME} comes from elsewhere.
func literals(raw *config) (keys []string) {
	add := func(key, value string) {
		if value != "" && !variable.MatchString(value) {
			keys = append(keys, key)
		}
	}
	if raw.Kafka.SASL != nil {
		add("kafka.sasl.password", string(raw.Kafka.SASL.Password))
	}
	add("impala.password", string(raw.Impala.Password))
	add("the password in impala.dsn", passwordIn(raw.Impala.DSN))
	return keys
}

// spoken are the site's commands into which a value of the environment is put: as an argument everyone can read it.
func spoken(raw *config) (keys []string) {
	for key, words := range map[string][]string{"put": raw.Impala.Staging.Put, "remove": raw.Impala.Staging.Remove} {
		if slices.ContainsFunc(words, variable.MatchString) {
			keys = append(keys, "impala.staging."+key)
		}
	}
	slices.Sort(keys)
	return keys
}

// passwordIn is the password of a DSN as it is written. It need not be a proper URL: it may hold ${NAME}.
func passwordIn(dsn string) string {
	_, rest, _ := strings.Cut(dsn, "://")
	end := len(rest)
	if at := strings.IndexAny(rest, "/?#"); at >= 0 && !strings.Contains(rest[at:], "@") {
		end = at
	}
	who, _, found := cutLast(rest[:end], "@")
	if !found {
		return ""
	}
	_, password, _ := strings.Cut(who, ":")
	return password
}

func cutLast(s, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[:i], s[i+len(separator):], true
	}
	return s, "", false
}

// warnings are what a configuration lets others see, or does not check.
func (c *config) warnings() (all []string) {
	for _, key := range c.literals {
		all = append(all, key+" stands in the file: take it from the environment (${NAME}), or from a file of its own (password_file)")
	}
	if mode, others := openToOthers(c.path); others && len(c.literals) > 0 {
		all = append(all, fmt.Sprintf("%s holds a password, and every user of this machine may read it (mode %04o): chmod 600", c.path, mode))
	}
	for _, key := range c.spoken {
		all = append(all, key+" hands ${NAME} to a command as an argument, which every user of this machine sees: let the command read it itself")
	}
	for _, file := range c.secretFiles() {
		if mode, others := openToOthers(file); others {
			all = append(all, fmt.Sprintf("%s is secret, and every user of this machine may read it (mode %04o): chmod 600", file, mode))
		}
	}
	if c.Kafka.SASL != nil && c.Kafka.TLS == nil {
		all = append(all, "kafka.sasl without kafka.tls: with PLAIN the password crosses the network in clear, and the rows do with any")
	}
	u, err := url.Parse(c.Impala.DSN)
	if err != nil {
		return all
	}
	query := u.Query()
	if query.Get("auth") == "ldap" && !impala.IsTrue(query.Get("tls")) {
		all = append(all, "impala.dsn has auth=ldap without tls=true: the password crosses the network in clear")
	}
	if impala.IsTrue(query.Get("tls-insecure-skip-verify")) {
		all = append(all, "impala.dsn has tls-insecure-skip-verify: whoever stands between may be Impala; name its authority by ca-cert=FILE instead")
	}
	return all
}

// secretFiles are the files that hold keys and passwords.
func (c *config) secretFiles() (files []string) {
	add := func(file string) {
		if file != "" {
			files = append(files, file)
		}
	}
	if c.Kafka.SASL != nil {
		add(c.Kafka.SASL.PasswordFile)
	}
	if c.Kafka.TLS != nil {
		add(c.Kafka.TLS.Key)
	}
	add(c.Impala.PasswordFile)
	add(c.Journal.SignKey)
	return files
}

// openToOthers says whether everyone may read a file.
func openToOthers(path string) (fs.FileMode, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	return info.Mode().Perm(), info.Mode().Perm()&0o004 != 0
}

// refuseSecret refuses a password on the command line, where every user of the machine sees it. It is not shown again.
func refuseSecret(flag, dsn string) error {
	if password := passwordIn(dsn); password == "" || variable.ReplaceAllString(password, "") == "" {
		return nil
	}
	return usageErrorf("write ${NAME} in its place: it stays in the file as it is, and is read from the environment").
		because(fmt.Errorf("%s holds a password, which every user of this machine sees on a command line", flag))
}
