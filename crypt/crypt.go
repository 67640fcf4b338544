// Package crypt encrypts files at rest, as age files (age-encryption.org/v1): any age program opens them with the key. It is
// the one place where such a file is made and opened.
//
// A key is an age identity, which opens files; its recipient is the public half, to which files are encrypted. Who holds
// recipients alone can write what it cannot read.
package crypt

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"filippo.io/age"
)

// Keys are what files are encrypted to and opened with. A nil *Keys does neither. Safe for concurrent use.
type Keys struct {
	recipients []age.Recipient
	identities []age.Identity
	to, with   []string // the recipients' names, and those of the identities' recipients
	known      fileKeys
}

// New makes keys out of texts. identities is a file of age identities: one a line, # begins a comment; it may be empty.
// Files are encrypted to recipients; where there is none, to the first identity's: so a new key is put before the old ones,
// which stay for what was encrypted to them. With encrypt false nothing is encrypted, and what was is still opened.
func New(identities string, recipients []string, encrypt bool) (*Keys, error) {
	k := &Keys{}
	if strings.TrimSpace(identities) != "" {
		if err := k.addIdentities(identities); err != nil {
			return nil, err
		}
	}
	switch {
	case !encrypt && len(k.identities) == 0:
		return nil, errors.New("without an identity nothing that was encrypted can be read")
	case !encrypt:
		return k, nil
	case len(recipients) == 0 && len(k.identities) == 0:
		return nil, errors.New("neither an identity nor a recipient is given")
	case len(recipients) == 0:
		recipients = k.with[:1]
	}
	for _, text := range recipients {
		if err := k.addRecipient(text); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// addIdentities takes over identities. No error shows a part of the text: it is secret.
func (k *Keys) addIdentities(text string) error {
	identities, err := age.ParseIdentities(strings.NewReader(strings.ReplaceAll(text, "\r\n", "\n")))
	if err != nil {
		return fmt.Errorf("no age identities, which are lines of AGE-SECRET-KEY-1…: %w", err)
	}
	for _, identity := range identities {
		var name string
		switch identity := identity.(type) {
		case *age.X25519Identity:
			name = identity.Recipient().String()
		case *age.HybridIdentity:
			name = identity.Recipient().String()
		default:
			return fmt.Errorf("an age identity of the unknown kind %T", identity)
		}
		k.identities, k.with = append(k.identities, identity), append(k.with, name)
	}
	return nil
}

func (k *Keys) addRecipient(text string) error {
	if strings.Contains(strings.ToUpper(text), "AGE-SECRET-KEY-") {
		return errors.New("a secret key stands where its recipient should, which begins with age1")
	}
	parsed, err := age.ParseRecipients(strings.NewReader(text))
	if err != nil || len(parsed) != 1 {
		return fmt.Errorf("%.70q is no age recipient, which begins with age1", text)
	}
	if isHybrid := strings.HasPrefix(text, hybridPrefix); len(k.to) > 0 && isHybrid != strings.HasPrefix(k.to[0], hybridPrefix) {
		return errors.New("post-quantum and classic recipients together would make a file as weak as the weaker ones")
	}
	k.recipients, k.to = append(k.recipients, parsed[0]), append(k.to, text)
	return nil
}

const hybridPrefix = "age1pq1"

// Encrypts says whether new files are encrypted.
func (k *Keys) Encrypts() bool { return k != nil && len(k.recipients) > 0 }

// Opens says whether there is a key to open files with.
func (k *Keys) Opens() bool { return k != nil && len(k.identities) > 0 }

// WriteOnly says that what is encrypted here cannot be read here.
func (k *Keys) WriteOnly() bool {
	return k.Encrypts() && !slices.ContainsFunc(k.to, func(name string) bool { return slices.Contains(k.with, name) })
}

// Recipients names whom new files are encrypted to, abbreviated where they are long.
func (k *Keys) Recipients() []string { return abbreviated(k.to) }

// Identities names the recipients of the keys that files are opened with, abbreviated where they are long.
func (k *Keys) Identities() []string { return abbreviated(k.with) }

// String names the recipients; it never shows a key.
func (k *Keys) String() string {
	return fmt.Sprintf("keys to %v, of %v", k.Recipients(), k.Identities())
}

// GoString is String: %#v must not show a key either.
func (k *Keys) GoString() string { return k.String() }

// abbreviated cuts names to the length of an X25519 recipient: a post-quantum one has 1959 characters.
func abbreviated(names []string) []string {
	const most = 62
	names = slices.Clone(names)
	for i, n := range names {
		if len(n) > most {
			names[i] = n[:most] + "..."
		}
	}
	return names
}

// NewWriter encrypts what is written to it into out. Only Close completes the file: one without its end is not opened.
func (k *Keys) NewWriter(out io.Writer) (io.WriteCloser, error) {
	if !k.Encrypts() {
		return nil, errors.New("encrypt: no recipient")
	}
	w, err := age.Encrypt(out, sealedHeader{k})
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return w, nil
}
