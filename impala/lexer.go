package impala

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// tokenKind tells the tokens of SHOW CREATE TABLE apart.
type tokenKind uint8

const (
	wordToken   tokenKind = iota + 1 // a bare identifier or keyword, or a number
	nameToken                        // a backquoted identifier
	stringToken                      // a string literal, decoded
	signToken                        // one character, or <= and >=
)

type token struct {
	kind tokenKind
	text string
	raw  string // of a string literal: what stands between its quotes
}

// is tells whether the token is this keyword or sign.
func (t token) is(text string) bool {
	return (t.kind == wordToken && strings.EqualFold(t.text, text)) || (t.kind == signToken && t.text == text)
}

// sql writes the token again, in our own escapes.
func (t token) sql() string {
	switch t.kind {
	case stringToken:
		return quoteString(t.text)
	case nameToken:
		return quoteName(t.text)
	default:
		return t.text
	}
}

// lex cuts the text of SHOW CREATE TABLE into tokens. Impala prints comments without escaping them, so a quote inside a string is
// taken for its end only where no letter or digit follows; raw reads backslashes as themselves, for comments that end in one.
func lex(text string, raw bool) ([]token, error) {
	var tokens []token
	for at := 0; at < len(text); {
		c := text[at]
		switch {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
			at++
		case strings.HasPrefix(text[at:], "--"):
			at += len(firstLine(text[at:]))
		case c == '\'' || c == '"':
			value, size, err := lexString(text[at:], raw)
			if err != nil {
				return nil, fmt.Errorf("byte %d: %w", at, err)
			}
			tokens, at = append(tokens, token{stringToken, value, text[at+1 : at+size-1]}), at+size
		case c == '`':
			end := strings.IndexByte(text[at+1:], '`')
			if end < 0 {
				return nil, fmt.Errorf("byte %d: a backquoted name does not end", at)
			}
			tokens, at = append(tokens, token{kind: nameToken, text: text[at+1 : at+1+end]}), at+end+2
		case isWordByte(c):
			size := wordSize(text[at:])
			tokens, at = append(tokens, token{kind: wordToken, text: text[at : at+size]}), at+size
		default:
			size := signSize(text[at:])
			tokens, at = append(tokens, token{kind: signToken, text: text[at : at+size]}), at+size
		}
	}
	return tokens, nil
}

func firstLine(text string) string {
	if end := strings.IndexByte(text, '\n'); end >= 0 {
		return text[:end]
	}
	return text
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

func wordSize(text string) int {
	for i := range len(text) {
		if !isWordByte(text[i]) {
			return i
		}
	}
	return len(text)
}

func signSize(text string) int {
	if strings.HasPrefix(text, "<=") || strings.HasPrefix(text, ">=") {
		return 2
	}
	return 1
}

// lexString reads a string literal at the start of text and says how many bytes it took.
func lexString(text string, raw bool) (string, int, error) {
	var value []byte
	for at := 1; at < len(text); {
		c := text[at]
		if c == text[0] && (at+1 == len(text) || !isWordByte(text[at+1])) {
			return string(value), at + 1, nil
		}
		if c != '\\' || raw {
			value, at = append(value, c), at+1
			continue
		}
		decoded, size := unescape(text[at:])
		value, at = append(value, decoded...), at+size
	}
	return "", 0, fmt.Errorf("a string does not end")
}

// unescape reads one escape of Impala's (and Hive's) string literals.
func unescape(text string) (string, int) {
	if len(text) < 2 {
		return text, len(text)
	}
	if len(text) >= 4 && text[1] >= '0' && text[1] <= '1' && isOctal(text[2]) && isOctal(text[3]) {
		return string([]byte{(text[1]-'0')<<6 | (text[2]-'0')<<3 | (text[3] - '0')}), 4
	}
	if len(text) >= 6 && text[1] == 'u' {
		var r rune
		if _, err := fmt.Sscanf(text[2:6], "%04x", &r); err == nil {
			return string(r), 6
		}
	}
	switch text[1] {
	case '0':
		return "\x00", 2
	case 'b':
		return "\b", 2
	case 'n':
		return "\n", 2
	case 'r':
		return "\r", 2
	case 't':
		return "\t", 2
	case 'Z':
		return "\x1a", 2
	case '%', '_':
		return text[:2], 2
	}
	_, size := utf8.DecodeRuneInString(text[1:])
	return text[1 : 1+size], 1 + size
}

func isOctal(c byte) bool { return c >= '0' && c <= '7' }
