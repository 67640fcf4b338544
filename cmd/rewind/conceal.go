package main

import (
	"cmp"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// concealed is a text that no error and no log shows, and what they show in its place.
type concealed struct{ text, shown string }

// leastConcealed is the length from which on a password is looked for in what others say: "me" would be found everywhere.
const leastConcealed = 6

// conceal collects the passwords of a configuration, and what the environment put where the name of a file is wanted: it may be the
// secret itself, and "no such file" would show it. raw is the configuration before the environment was put into it.
func (c *config) conceal(raw *config) {
	for _, password := range []string{string(c.Impala.Password), passwordIn(c.Impala.DSN)} {
		c.addConcealed(password, masked)
	}
	if s, r := c.Kafka.SASL, raw.Kafka.SASL; s != nil && r != nil {
		c.addConcealed(string(s.Password), masked)
		c.addFile(s.PasswordFile, r.PasswordFile)
	}
	if t, r := c.Kafka.TLS, raw.Kafka.TLS; t != nil && r != nil {
		c.addFile(t.CA, r.CA)
		c.addFile(t.Cert, r.Cert)
		c.addFile(t.Key, r.Key)
	}
	c.addFile(c.Impala.PasswordFile, raw.Impala.PasswordFile)
	c.addFile(c.Journal.SignKey, raw.Journal.SignKey)
	c.addFile(c.Journal.VerifyKey, raw.Journal.VerifyKey)
	c.addFile(c.Encryption.Identity, raw.Encryption.Identity)
	for i, r := range c.Encryption.Recipients {
		if i < len(raw.Encryption.Recipients) {
			c.addFile(r, raw.Encryption.Recipients[i])
		}
	}
	slices.SortStableFunc(c.concealed, func(a, b concealed) int { return cmp.Compare(len(b.text), len(a.text)) })
}

func (c *config) addFile(value, raw string) {
	if variable.MatchString(raw) {
		c.addConcealed(value, raw)
	}
}

// addConcealed adds a text in each form in which an error may show it.
func (c *config) addConcealed(text, shown string) {
	if len(text) < leastConcealed {
		return
	}
	quoted, _ := json.Marshal(text)
	plain := strconv.Quote(text)
	forms := []string{text, plain[1 : len(plain)-1], string(quoted[1 : len(quoted)-1]), url.QueryEscape(text), url.PathEscape(text),
		strings.TrimPrefix(url.UserPassword("", text).String(), ":")}
	slices.Sort(forms)
	for _, form := range slices.Compact(forms) {
		c.concealed = append(c.concealed, concealed{form, shown})
	}
}

// concealing writes what is to be read by people, without the secrets of the configuration that was read.
type concealing struct {
	app *app
	out io.Writer
}

// Write implements io.Writer: each log line comes whole.
func (w concealing) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.out, w.app.conceal(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// conceal takes the secrets out of a text.
func (a *app) conceal(text string) string {
	for _, c := range a.concealed {
		text = strings.ReplaceAll(text, c.text, c.shown)
	}
	return text
}
