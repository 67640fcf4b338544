package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"rewind/journal"
)

// journalConfig says how the journal is made tamper-evident.
type journalConfig struct {
	SignKey   string `yaml:"sign_key"`   // a file, or the PEM text itself out of the environment
	VerifyKey string `yaml:"verify_key"` // likewise

	CheckpointEvery *eventCount `yaml:"checkpoint_every"` // events; 0: never; nil: defaultCheckpointEvery
}

// defaultCheckpointEvery is how many events a fold behind a checkpoint has to read, at most or so.
const defaultCheckpointEvery = 5_000_000

// checkpointEvery is how many events come between two checkpoints that consume makes by itself; 0: it makes none.
func (c *journalConfig) checkpointEvery() int64 {
	if c.CheckpointEvery == nil {
		return defaultCheckpointEvery
	}
	return int64(*c.CheckpointEvery)
}

const (
	keyLimit      = 64 << 10
	keyHint       = "openssl genpkey -algorithm ed25519 -out sign.pem makes a key for journal.sign_key, and openssl pkey -in sign.pem -pubout -out verify.pem the one for journal.verify_key"
	foreignAccess = 0o077
)

// isPEM tells a key from the name of the file that holds it.
func isPEM(text string) bool { return strings.Contains(text, "-----BEGIN ") }

// paths are the files that it names.
func (c *journalConfig) paths() (paths []*string) {
	for _, path := range []*string{&c.SignKey, &c.VerifyKey} {
		if !isPEM(*path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// signKey reads the private key; nil where none is configured.
func (c *config) signKey() (ed25519.PrivateKey, error) {
	block, err := keyBlock(c.Journal.SignKey, true)
	if err != nil || block == nil {
		return nil, keyError(c, "journal.sign_key", err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if block.Type != "PRIVATE KEY" || err != nil {
		return nil, keyError(c, "journal.sign_key", fmt.Errorf("a private key in PKCS#8 is wanted (BEGIN PRIVATE KEY), not %q", "BEGIN "+block.Type))
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, keyError(c, "journal.sign_key", fmt.Errorf("a key of ed25519 is wanted, not %T", parsed))
	}
	return key, nil
}

// verifyKey reads the public key, or takes it out of the private one where that alone is configured; nil where none is.
func (c *config) verifyKey() (ed25519.PublicKey, error) {
	private, err := c.signKey()
	if err != nil {
		return nil, err
	}
	block, err := keyBlock(c.Journal.VerifyKey, false)
	if err != nil {
		return nil, keyError(c, "journal.verify_key", err)
	}
	if block == nil {
		if private == nil {
			return nil, nil
		}
		return private.Public().(ed25519.PublicKey), nil
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if block.Type != "PUBLIC KEY" || err != nil {
		return nil, keyError(c, "journal.verify_key", fmt.Errorf("a public key is wanted (BEGIN PUBLIC KEY), not %q", "BEGIN "+block.Type))
	}
	key, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, keyError(c, "journal.verify_key", fmt.Errorf("a key of ed25519 is wanted, not %T", parsed))
	}
	if private != nil && !key.Equal(private.Public()) {
		return nil, keyError(c, "journal.verify_key", fmt.Errorf("it is the key %s, but journal.sign_key is %s", journal.KeyID(key), journal.KeyID(private.Public().(ed25519.PublicKey))))
	}
	return key, nil
}

// keyError says which key it is about; a key is never shown.
func keyError(c *config, which string, err error) error {
	if err == nil {
		return nil
	}
	return usageErrorf("%s", keyHint).because(fmt.Errorf("%s: %s: %w", c.path, which, err))
}

// keyBlock reads a key's PEM; nil where none is configured. A private key's file must be its owner's alone.
func keyBlock(where string, private bool) (*pem.Block, error) {
	if where == "" {
		return nil, nil
	}
	text, name := []byte(where), "the text"
	if !isPEM(where) {
		var err error
		if text, err = readKeyFile(where, private); err != nil {
			return nil, err
		}
		name = where
	}
	block, rest := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no key in PEM", name)
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("%s holds more than one key", name)
	}
	return block, nil
}

func readKeyFile(path string, private bool) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if mode := stat.Mode().Perm(); private && mode&foreignAccess != 0 {
		return nil, fmt.Errorf("%s can be read by others than its owner (mode %04o): chmod 600 %s", path, mode, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, keyLimit+1))
	if err == nil && len(text) > keyLimit {
		err = errors.New(path + " is too long for a key")
	}
	return text, err
}

// signingText says with which keys the journal is signed and verified.
func (c *config) signingText() (string, error) {
	private, err := c.signKey()
	if err != nil {
		return "", err
	}
	public, err := c.verifyKey()
	switch {
	case err != nil:
		return "", err
	case private != nil:
		return "signed with the key " + journal.KeyID(public), nil
	case public != nil:
		return "must be signed with the key " + journal.KeyID(public), nil
	}
	return "", nil
}
