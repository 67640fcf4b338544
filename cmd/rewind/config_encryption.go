package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"rewind/crypt"
)

// encryptionConfig says how files are encrypted at rest. Its zero value: not at all.
type encryptionConfig struct {
	Identity   string   `yaml:"identity"`   // a file of age identities, or their text out of the environment
	Recipients []string `yaml:"recipients"` // to whom new files are encrypted; none: the first identity's
	Encrypt    *bool    `yaml:"encrypt"`    // false: new files are in clear, encrypted ones are still read
	SealAfter  span     `yaml:"seal_after"` // how old a segment of the journal gets in clear, full or not

	keys *crypt.Keys
}

const (
	defaultSealAfter = 24 * time.Hour
	identityHint     = "age-keygen -o key.txt makes an identity for encryption.identity, and shows its recipient; keep a copy of it elsewhere: without it nothing can be restored"
)

// isIdentity tells identities from the name of the file that holds them.
func isIdentity(text string) bool { return strings.Contains(text, "AGE-SECRET-KEY-") }

// paths are the files that it names.
func (e *encryptionConfig) paths() []*string {
	if isIdentity(e.Identity) {
		return nil
	}
	return []*string{&e.Identity}
}

// on says whether anything of it is configured.
func (e *encryptionConfig) on() bool {
	return e.Identity != "" || len(e.Recipients) > 0 || e.Encrypt != nil && *e.Encrypt
}

// load reads the keys.
func (e *encryptionConfig) load() error {
	if !e.on() {
		return nil
	}
	text := e.Identity
	if text != "" && !isIdentity(text) {
		read, err := readKeyFile(text, true)
		if err != nil {
			return fmt.Errorf("encryption.identity: %w", err)
		}
		if text = string(read); strings.TrimSpace(text) == "" {
			return fmt.Errorf("encryption.identity: %s is empty", e.Identity)
		}
	}
	var err error
	e.keys, err = crypt.New(text, e.Recipients, e.Encrypt == nil || *e.Encrypt)
	if err != nil {
		return fmt.Errorf("encryption: %w", err)
	}
	return nil
}

// loadKeys reads the keys that files are encrypted with.
func (c *config) loadKeys() error {
	err := c.Encryption.load()
	if errors.Is(err, fs.ErrNotExist) { // who lost it must not think that a new one is as good
		return usageErrorf("bring the file back from its copy: what was encrypted to it nothing else opens. If there was none yet: " + identityHint).
			because(fmt.Errorf("%s: %w", c.path, err))
	}
	if err != nil {
		return usageErrorf(identityHint).because(fmt.Errorf("%s: %w", c.path, err))
	}
	return nil
}

// sealAfter is how old a segment gets before it is sealed and encrypted.
func (e *encryptionConfig) sealAfter() time.Duration {
	if e.SealAfter > 0 {
		return time.Duration(e.SealAfter)
	}
	return defaultSealAfter
}

// text says what is encrypted, and to whom; never a key.
func (e *encryptionConfig) text() string {
	k := e.keys
	switch {
	case k == nil:
		return ""
	case !k.Encrypts():
		return "off; files that were encrypted to " + strings.Join(k.Identities(), ", ") + " are read"
	case k.WriteOnly() && !k.Opens():
		return "to " + strings.Join(k.Recipients(), ", ") + "; there is no key here to read it again"
	case k.WriteOnly():
		return "to " + strings.Join(k.Recipients(), ", ") + "; read are files encrypted to " + strings.Join(k.Identities(), ", ")
	}
	return "to " + strings.Join(k.Recipients(), ", ")
}

// mustReadBack refuses to write snapshot files that the next capture could not read.
func (e *encryptionConfig) mustReadBack() error {
	if !e.keys.WriteOnly() {
		return nil
	}
	return usageErrorf("add the identity of one of encryption.recipients; consume alone does without it").
		because(errors.New("a capture reads the snapshot files that it wrote: encryption.identity must open what is encrypted to encryption.recipients"))
}
