// Package sql reads Impala's SQL: a lexer with Impala's literal escapes, and a
// parser for the statements that the stand-in executes.
package sql

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

type kind uint8

const (
	tokenEnd kind = iota + 1
	tokenWord
	tokenQuoted // an identifier in backquotes
	tokenString
	tokenNumber
	tokenSymbol
)

// token is one lexical unit; text is lower-cased for words and decoded for strings.
type token struct {
	kind   kind
	text   string
	offset int // of its first byte in the statement
	end    int
}

// SyntaxError is what Impala's front end calls a ParseException.
type SyntaxError struct {
	Statement string
	Offset    int
	Message   string
}

// Error shows the line and a caret under the place, as Impala does.
func (e *SyntaxError) Error() string {
	at := min(e.Offset, len(e.Statement))
	start := strings.LastIndexByte(e.Statement[:at], '\n') + 1
	end := len(e.Statement)
	if i := strings.IndexByte(e.Statement[start:], '\n'); i >= 0 {
		end = start + i
	}
	line := strings.Count(e.Statement[:start], "\n") + 1
	column := at - start
	from, to := max(start, at-60), min(end, at+60)
	return fmt.Sprintf("ParseException: Syntax error in line %d:\n%s\n%s^\n%s",
		line, e.Statement[from:to], strings.Repeat(" ", min(column, at-from)), e.Message)
}

// symbols of more than one byte, the longest first.
var symbols = []string{"<=>", "<=", ">=", "<>", "!=", "||", "&&"}

func lex(statement string) ([]token, error) {
	var tokens []token
	for i := 0; ; {
		i = skipBlank(statement, i)
		if i >= len(statement) {
			return append(tokens, token{kind: tokenEnd, offset: len(statement), end: len(statement)}), nil
		}
		t, err := next(statement, i)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		i = t.end
	}
}

func next(s string, i int) (token, error) {
	switch c := s[i]; {
	case c == '\'' || c == '"':
		return lexString(s, i)
	case c == '`':
		n := strings.IndexByte(s[i+1:], '`')
		if n <= 0 {
			return token{}, &SyntaxError{s, i, "Unmatched or empty backquotes"}
		}
		return token{tokenQuoted, strings.ToLower(s[i+1 : i+1+n]), i, i + n + 2}, nil
	case isDigit(c) || c == '.' && i+1 < len(s) && isDigit(s[i+1]):
		return lexNumber(s, i), nil
	case isWord(c):
		end := wordEnd(s, i)
		return token{tokenWord, strings.ToLower(s[i:end]), i, end}, nil
	}
	for _, m := range symbols {
		if strings.HasPrefix(s[i:], m) {
			return token{tokenSymbol, m, i, i + len(m)}, nil
		}
	}
	if strings.IndexByte("=<>+-*/%(),.;[]!~&|^:", s[i]) < 0 {
		return token{}, &SyntaxError{s, i, fmt.Sprintf("Unexpected character %q", s[i])}
	}
	return token{tokenSymbol, s[i : i+1], i, i + 1}, nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isWord(c byte) bool {
	return isDigit(c) || c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= utf8.RuneSelf
}

func wordEnd(s string, i int) int {
	for i < len(s) && isWord(s[i]) {
		i++
	}
	return i
}

// skipBlank passes over space and comments; hints are comments to us.
func skipBlank(s string, i int) int {
	for i < len(s) {
		switch {
		case strings.IndexByte(" \t\r\n\f", s[i]) >= 0:
			i++
		case strings.HasPrefix(s[i:], "--") || s[i] == '#':
			n := strings.IndexByte(s[i:], '\n')
			if n < 0 {
				return len(s)
			}
			i += n + 1
		case strings.HasPrefix(s[i:], "/*"):
			n := strings.Index(s[i+2:], "*/")
			if n < 0 {
				return len(s)
			}
			i += n + 4
		default:
			return i
		}
	}
	return i
}

func lexNumber(s string, i int) token {
	end := i
	for end < len(s) && isDigit(s[end]) {
		end++
	}
	whole := true
	if end < len(s) && s[end] == '.' {
		whole = false
		for end++; end < len(s) && isDigit(s[end]); end++ {
		}
	}
	if e := exponentEnd(s, end); e > end {
		end = e
	} else if whole && end < len(s) && isWord(s[end]) {
		// 1a is an identifier in Impala.
		end = wordEnd(s, end)
		return token{tokenWord, strings.ToLower(s[i:end]), i, end}
	}
	return token{tokenNumber, s[i:end], i, end}
}

// exponentEnd returns where an exponent that starts at i ends, or i.
func exponentEnd(s string, i int) int {
	if i >= len(s) || s[i] != 'e' && s[i] != 'E' {
		return i
	}
	j := i + 1
	if j < len(s) && (s[j] == '+' || s[j] == '-') {
		j++
	}
	digits := j
	for j < len(s) && isDigit(s[j]) {
		j++
	}
	if j == digits || j < len(s) && isWord(s[j]) {
		return i
	}
	return j
}

func lexString(s string, i int) (token, error) {
	quote := s[i]
	plain := true
	for j := i + 1; j < len(s); j++ {
		switch s[j] {
		case '\\':
			plain = false
			j++
		case quote:
			text := s[i+1 : j]
			if !plain {
				text = unescape(text)
			}
			return token{tokenString, text, i, j + 1}, nil
		}
	}
	return token{}, &SyntaxError{s, i, "Unmatched string literal"}
}

// unescape decodes a literal as Impala's front end does (Hive's unescapeSQLString):
// \uXXXX, three octal digits up to \177, the named escapes, \% and \_ kept with
// their backslash for LIKE, any other character standing for itself.
func unescape(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 >= len(s) {
			b.WriteByte(s[i])
			continue
		}
		if r, n := unicodeEscape(s[i:]); n > 0 {
			b.WriteRune(r)
			i += n - 1
			continue
		}
		if v, ok := octalEscape(s[i+1:]); ok {
			b.WriteByte(v)
			i += 3
			continue
		}
		i++
		switch s[i] {
		case '0':
			b.WriteByte(0)
		case 'b':
			b.WriteByte('\b')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'Z':
			b.WriteByte(0x1A)
		case '%', '_':
			b.WriteByte('\\')
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func octalEscape(s string) (byte, bool) {
	if len(s) < 3 || s[0] < '0' || s[0] > '1' || s[1] < '0' || s[1] > '7' || s[2] < '0' || s[2] > '7' {
		return 0, false
	}
	return (s[0]-'0')<<6 | (s[1]-'0')<<3 | (s[2] - '0'), true
}

// unicodeEscape reads \uXXXX; two of them may be the halves of one character.
func unicodeEscape(s string) (rune, int) {
	r, ok := hexUnit(s)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) && len(s) >= 12 {
		if low, ok := hexUnit(s[6:]); ok {
			if full := utf16.DecodeRune(r, low); full != utf8.RuneError {
				return full, 12
			}
		}
	}
	return r, 6
}

func hexUnit(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range []byte(s[2:6]) {
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
