package crypt

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"

	"filippo.io/age"
)

// The header of an age file holds a stanza for each recipient. Nothing in it tells a wrong key from a damaged stanza: neither
// opens. So a stanza of ours stands behind them, which age programs pass over, as the specification has them do:
//
//	-> rewind 1 <recipient> ...
//	SHA-256 of the other stanzas and of this one's arguments
//
// It names the recipients, so that whoever lacks the key learns which.
const (
	stanzaType    = "rewind"
	stanzaVersion = "1"
)

// sealedHeader is all recipients of the keys as one, with the stanza behind theirs.
type sealedHeader struct{ keys *Keys }

// Wrap makes the stanzas.
func (h sealedHeader) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	var stanzas []*age.Stanza
	for _, r := range h.keys.recipients {
		made, err := r.Wrap(fileKey)
		if err != nil {
			return nil, err
		}
		stanzas = append(stanzas, made...)
	}
	own := &age.Stanza{Type: stanzaType, Args: []string{stanzaVersion}}
	own.Args = append(own.Args, h.keys.Recipients()...)
	own.Body = sumOf(stanzas, own.Args)
	return append(stanzas, own), nil
}

// sumOf hashes stanzas; every part is framed by its length.
func sumOf(stanzas []*age.Stanza, args []string) []byte {
	h := sha256.New()
	put := func(part string) { fmt.Fprintf(h, "%d:%s", len(part), part) }
	for _, s := range stanzas {
		put(s.Type)
		for _, a := range s.Args {
			put(a)
		}
		put(string(s.Body))
		put("")
	}
	for _, a := range args {
		put(a)
	}
	return h.Sum(nil)
}

var errStanzas = errors.New("its header is damaged")

// opener tries identities on a file and notes whom it is for.
type opener struct {
	identities []age.Identity
	known      *fileKeys
	names      []string // that the header tells; nil where it was made by another program
}

// Unwrap gives age the file's key.
func (o *opener) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if err := o.check(stanzas); err != nil {
		return nil, err
	}
	if len(o.identities) == 0 {
		return nil, age.ErrIncorrectIdentity
	}
	sum := [sha256.Size]byte(sumOf(stanzas, nil))
	if key := o.known.get(sum); key != nil {
		return key, nil
	}
	for _, identity := range o.identities {
		key, err := identity.Unwrap(stanzas)
		if err == nil {
			o.known.put(sum, key)
		}
		if !errors.Is(err, age.ErrIncorrectIdentity) {
			return key, err
		}
	}
	return nil, age.ErrIncorrectIdentity
}

// fileKeys remembers the keys of files that were opened, by the sum of their stanzas: a journal's segments are opened again
// and again, and unwrapping a key takes longer than all the rest of opening a file. age checks the header with it each time.
type fileKeys struct {
	mu   sync.Mutex
	keys map[[sha256.Size]byte][]byte
}

const mostFileKeys = 1 << 14

func (f *fileKeys) get(sum [sha256.Size]byte) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.keys[sum]
}

func (f *fileKeys) put(sum [sha256.Size]byte, key []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.keys == nil || len(f.keys) >= mostFileKeys {
		f.keys = map[[sha256.Size]byte][]byte{}
	}
	f.keys[sum] = slices.Clone(key)
}

// check holds the stanzas against their sum, if there is one.
func (o *opener) check(stanzas []*age.Stanza) error {
	last := len(stanzas) - 1
	if last < 0 {
		return errStanzas
	}
	own := stanzas[last]
	if own.Type != stanzaType {
		return nil
	}
	if len(own.Args) == 0 || own.Args[0] != stanzaVersion || !bytes.Equal(own.Body, sumOf(stanzas[:last], own.Args)) {
		return errStanzas
	}
	o.names = own.Args[1:]
	return nil
}
