package engine

import (
	"regexp"
	"strings"
	"sync"
)

// like compiles the pattern once where it is constant.
func (a *analyzer) like(op string, l, r node) (node, error) {
	for _, n := range []node{l, r} {
		if !n.typ.isText() && n.typ.Kind != NullType {
			return n, analysis("left and right operands of %s must be of type STRING: %s", strings.ToUpper(op), n.typ)
		}
	}
	var last struct {
		sync.Mutex
		pattern string
		re      *regexp.Regexp
	}
	compile := func(pattern string) (*regexp.Regexp, error) {
		last.Lock()
		defer last.Unlock()
		if last.re == nil || last.pattern != pattern {
			re, err := regexp.Compile(patternText(op, pattern))
			if err != nil {
				return nil, runtimeError("Invalid regex expression: '%s'", pattern)
			}
			last.pattern, last.re = pattern, re
		}
		return last.re, nil
	}
	return a.apply(op, boolType, strict(func(x []datum) (datum, error) {
		re, err := compile(string(x[1].b))
		if err != nil {
			return null, err
		}
		return boolean(re.Match(x[0].b)), nil
	}), l, r)
}

// patternText turns a LIKE pattern into a regular expression.
func patternText(op, pattern string) string {
	flags := "(?s)"
	if op[0] == 'i' && op != "in" {
		flags = "(?is)"
	}
	if op != "like" && op != "ilike" {
		return flags + pattern
	}
	var b strings.Builder
	b.WriteString(flags + `\A`)
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '%':
			b.WriteString(".*")
		case c == '_':
			b.WriteString(".")
		case c == '\\' && i+1 < len(pattern):
			i++
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		default:
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		}
	}
	return b.String() + `\z`
}
