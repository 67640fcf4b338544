// Package table knows tables as rewind carries them: their names, columns and types, the row as one Avro datum (its image), the
// order-preserving key, the fingerprint of a row and the digest of a table. It depends on nothing else here.
package table

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNameBytes bounds each part of a name: Impala allows 128 characters, of up to four bytes.
const maxNameBytes = 512

// maxFileNameBytes bounds FileName: what is made of it for a restore's records must fit the 255 bytes of a file system.
const maxFileNameBytes = 200

// Name is a table's qualified name.
type Name struct{ Database, Table string }

// NameError says why a text is no table's name.
type NameError struct{ Text, Reason string }

// Error says what is wrong with the name.
func (e *NameError) Error() string { return fmt.Sprintf("table name %q: %s", e.Text, e.Reason) }

// Hint says how a name is written.
func (e *NameError) Hint() string { return "write it as database.table" }

// ExitCode is that of wrong usage.
func (e *NameError) ExitCode() int { return 2 }

// ParseName reads "database.table" and lower-cases it, as Impala does.
func ParseName(s string) (Name, error) {
	database, name, found := strings.Cut(s, ".")
	if !found {
		return Name{}, &NameError{s, "it has no database"}
	}
	for _, part := range []string{database, name} {
		if reason := nameFault(part); reason != "" {
			return Name{}, &NameError{s, reason}
		}
	}
	n := Name{strings.ToLower(database), strings.ToLower(name)}
	if len(n.FileName()) > maxFileNameBytes {
		return Name{}, &NameError{s, fmt.Sprintf("as a file's name it has more than %d bytes", maxFileNameBytes)}
	}
	return n, nil
}

func nameFault(part string) string {
	switch {
	case part == "":
		return "a part of it is empty"
	case len(part) > maxNameBytes:
		return "a part of it is too long"
	case !utf8.ValidString(part):
		return "it is not UTF-8"
	case strings.ContainsAny(part, ".`"):
		return "it holds a dot or a backquote inside a part"
	case strings.ContainsFunc(part, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }):
		return "it holds spaces or control characters"
	}
	return ""
}

// String is the name as people write it.
func (n Name) String() string { return n.Database + "." + n.Table }

// MarshalText writes a name in JSON and in logs as people do.
func (n Name) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (n *Name) UnmarshalText(text []byte) (err error) {
	*n, err = ParseName(string(text))
	return err
}

// FileName is the name as a file or folder: both parts with every byte outside [a-z0-9_] percent-encoded, so that no name
// leaves its folder and no two names share one, on file systems that ignore case included.
func (n Name) FileName() string {
	return escapeFile(n.Database) + "." + escapeFile(n.Table)
}

func escapeFile(part string) string {
	var b strings.Builder
	for i := range len(part) {
		if c := part[i]; isNameByte(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

// isNameByte tells the bytes that stand for themselves in file and Avro names.
func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_'
}
