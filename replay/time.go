package replay

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Spec is a parsed answer to "as of when": an instant or a snapshot's id.
type Spec struct {
	Asked    string    // as it was typed
	Snapshot int64     // an id; 0: Time counts
	Time     time.Time // an instant
	Zone     string    // in which the text was read: "UTC", "+02:00", "Europe/Berlin (+01:00)", "before now"; "" for an id
}

// String says what was asked, and the instant it means where that is not the same text.
func (s Spec) String() string {
	switch {
	case s.Snapshot != 0:
		return strconv.FormatInt(s.Snapshot, 10)
	case s.Asked == "":
		return stamp(s.Time)
	case s.Zone == "UTC":
		return s.Asked
	}
	return fmt.Sprintf("%s (%s)", s.Asked, stamp(s.Time))
}

// SpecError: a text that is no time and no snapshot id.
type SpecError struct {
	Asked  string
	Reason string
}

func (e *SpecError) Error() string { return fmt.Sprintf("%q is no time: %s", e.Asked, e.Reason) }

// ExitCode is 2.
func (e *SpecError) ExitCode() int { return exitUsage }

// Hint shows the grammar.
func (e *SpecError) Hint() string {
	return "times are -90m, -2h, -3d, 2026-11-22T09:00:00Z, 2026-11-22 09:00[:05[.123]] in the local zone, or a snapshot's id"
}

const (
	maxSpecBytes  = 64
	maxUnitDigits = 9 // of a relative time: 999,999,999 seconds are 31 years
	maxIDDigits   = 19
)

// ParseSpec reads a time as people write it, strictly: what it does not know is an error, never "now".
//
//	-90m  -2h  -3d  -30s           before now; a day is 24 hours
//	2026-11-22T09:00:05.123Z       RFC 3339, with Z or an offset
//	2026-11-22 09:00[:05[.123]]    in the zone given
//	1795165200123456               a snapshot's id
//
// A local time that the zone skips, or has twice, is an error that says so.
func ParseSpec(text string, now time.Time, zone *time.Location) (Spec, error) {
	bad := func(format string, args ...any) (Spec, error) {
		return Spec{}, &SpecError{Asked: text, Reason: fmt.Sprintf(format, args...)}
	}
	if len(text) > maxSpecBytes {
		text = text[:maxSpecBytes] + "…"
		return bad("it is too long")
	}
	if text == "" {
		return bad("it is empty")
	}
	s := Spec{Asked: text}
	var err error
	switch {
	case text[0] == '-':
		s.Time, err = relative(text[1:], now)
		s.Zone = "before now"
	case isDigits(text):
		s.Snapshot, err = snapshotID(text)
	case len(text) > 10 && text[10] == 'T':
		s.Time, s.Zone, err = rfc3339(text)
	case len(text) > 10 && text[10] == ' ':
		s.Time, s.Zone, err = local(text, zone)
	default:
		return bad("it has none of the forms that are known")
	}
	if err != nil {
		return bad("%v", err)
	}
	return s, nil
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func snapshotID(s string) (int64, error) {
	if s[0] == '0' || len(s) > maxIDDigits {
		return 0, fmt.Errorf("a snapshot's id has 1 to %d digits and no leading zero", maxIDDigits)
	}
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("no snapshot's id is that large")
	}
	return id, nil
}

func relative(s string, now time.Time) (time.Time, error) {
	if len(s) < 2 || !isDigits(s[:len(s)-1]) || len(s)-1 > maxUnitDigits {
		return time.Time{}, fmt.Errorf("a relative time is a minus, 1 to %d digits and one of s, m, h, d", maxUnitDigits)
	}
	unit, known := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[s[len(s)-1]]
	if !known {
		return time.Time{}, fmt.Errorf("a relative time ends in s, m, h or d")
	}
	n, err := strconv.ParseInt(s[:len(s)-1], 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	if n > int64(1<<63-1)/int64(unit) {
		return time.Time{}, fmt.Errorf("it is too long ago")
	}
	return now.Add(-time.Duration(n) * unit), nil
}

// civil is a date and a time of day without a zone.
type civil struct {
	year, month, day, hour, minute, second, nanos int
}

// in puts the civil time into a zone; ok is false where the calendar or the zone has no such time.
func (c civil) in(zone *time.Location) (t time.Time, ok bool) {
	t = time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.second, c.nanos, zone)
	back := civil{t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond()}
	return t, back == c
}

// parseCivil reads yyyy-mm-dd, one byte, hh:mm and, if there, :ss and a fraction; rest is what follows.
func parseCivil(s string) (c civil, seconds bool, rest string, err error) {
	if len(s) < 16 || s[4] != '-' || s[7] != '-' || s[13] != ':' {
		return c, false, "", fmt.Errorf("a date and time look like 2026-11-22 09:00:05")
	}
	for _, f := range []struct {
		into *int
		text string
	}{{&c.year, s[0:4]}, {&c.month, s[5:7]}, {&c.day, s[8:10]}, {&c.hour, s[11:13]}, {&c.minute, s[14:16]}} {
		if *f.into, err = number(f.text); err != nil {
			return c, false, "", err
		}
	}
	rest = s[16:]
	if strings.HasPrefix(rest, ":") {
		if len(rest) < 3 {
			return c, false, "", fmt.Errorf("seconds have two digits")
		}
		if c.second, err = number(rest[1:3]); err != nil {
			return c, false, "", err
		}
		seconds, rest = true, rest[3:]
		if c.nanos, rest, err = fraction(rest); err != nil {
			return c, false, "", err
		}
	}
	if _, ok := c.in(time.UTC); !ok || c.year == 0 {
		return c, false, "", fmt.Errorf("the calendar has no such date or time of day")
	}
	return c, seconds, rest, nil
}

// fraction reads .1 to .123456789; a text that does not begin with a dot has none.
func fraction(s string) (nanos int, rest string, err error) {
	if !strings.HasPrefix(s, ".") {
		return 0, s, nil
	}
	digits := s[1:]
	if end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		digits = digits[:end]
	}
	if len(digits) == 0 || len(digits) > 9 {
		return 0, "", fmt.Errorf("a fraction of a second has 1 to 9 digits")
	}
	nanos, err = number(digits + strings.Repeat("0", 9-len(digits)))
	return nanos, s[1+len(digits):], err
}

func number(s string) (int, error) {
	if !isDigits(s) {
		return 0, fmt.Errorf("%q are not digits", s)
	}
	return strconv.Atoi(s)
}

func rfc3339(s string) (time.Time, string, error) {
	c, seconds, rest, err := parseCivil(s)
	if err != nil {
		return time.Time{}, "", err
	}
	if !seconds {
		return time.Time{}, "", fmt.Errorf("RFC 3339 wants seconds: 2026-11-22T09:00:00Z")
	}
	if rest == "Z" {
		t, _ := c.in(time.UTC)
		return t, "UTC", nil
	}
	if len(rest) != 6 || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':' {
		return time.Time{}, "", fmt.Errorf("RFC 3339 ends in Z or an offset such as +02:00")
	}
	hours, err := number(rest[1:3])
	if err != nil {
		return time.Time{}, "", err
	}
	minutes, err := number(rest[4:6])
	if err != nil {
		return time.Time{}, "", err
	}
	if hours > 23 || minutes > 59 {
		return time.Time{}, "", fmt.Errorf("an offset goes up to 23:59")
	}
	offset := hours*3600 + minutes*60
	if rest[0] == '-' {
		offset = -offset
	}
	t, _ := c.in(time.FixedZone(rest, offset))
	return t, rest, nil
}

func local(s string, zone *time.Location) (time.Time, string, error) {
	c, _, rest, err := parseCivil(s)
	if err != nil {
		return time.Time{}, "", err
	}
	if rest != "" {
		return time.Time{}, "", fmt.Errorf("a local time ends behind its seconds; with a zone it is written 2026-11-22T09:00:00+01:00")
	}
	t, ok := c.in(zone)
	if !ok {
		return time.Time{}, "", fmt.Errorf("the zone %s skips this time of day", zone)
	}
	if other, twice := otherReading(c, t, zone); twice {
		if other.Before(t) {
			t, other = other, t
		}
		return time.Time{}, "", fmt.Errorf("the zone %s has this time twice: write %s or %s", zone,
			t.Format(time.RFC3339Nano), other.Format(time.RFC3339Nano))
	}
	return t, zoneText(t, zone), nil
}

// otherReading finds the second instant that a civil time names when clocks were set back.
func otherReading(c civil, t time.Time, zone *time.Location) (time.Time, bool) {
	start, end := t.ZoneBounds()
	_, offset := t.Zone()
	for _, edge := range []time.Time{start.Add(-1), end} {
		if start.IsZero() && edge.Before(t) || end.IsZero() && !edge.Before(t) {
			continue
		}
		_, beside := edge.In(zone).Zone()
		other := t.Add(time.Duration(offset-beside) * time.Second)
		back := civil{other.Year(), int(other.Month()), other.Day(), other.Hour(), other.Minute(), other.Second(), other.Nanosecond()}
		if !other.Equal(t) && back == c {
			return other, true
		}
	}
	return time.Time{}, false
}

func zoneText(t time.Time, zone *time.Location) string {
	offset := t.Format("-07:00")
	if name := zone.String(); name != "" {
		return name + " (" + offset + ")"
	}
	return offset
}
