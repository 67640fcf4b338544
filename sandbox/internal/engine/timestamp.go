package engine

import (
	"fmt"
	"strings"
	"time"
)

// timestampForm is how a TIMESTAMP is stored: its bytes compare as time does
// between 1400 and 9999.
const timestampForm = "2006-01-02 15:04:05.000000000"

var (
	firstTimestamp = time.Date(1400, 1, 1, 0, 0, 0, 0, time.UTC)
	afterTimestamp = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
)

// timestamp stores t, or NULL where Impala has no such timestamp.
func timestamp(t time.Time) datum {
	if t.Before(firstTimestamp) || !t.Before(afterTimestamp) {
		return null
	}
	return text(t.UTC().Format(timestampForm))
}

func (d datum) time() time.Time {
	t, err := time.Parse(timestampForm, string(d.b))
	if err != nil {
		panic(fmt.Sprintf("stored timestamp %q: %v", d.b, err))
	}
	return t
}

// timestampText is Impala's form: the fraction only if there is one, with nine digits.
func timestampText(b []byte) []byte {
	if string(b[19:]) == ".000000000" {
		return b[:19]
	}
	return b
}

// parseTimestamp reads what Impala casts: a date, with or without a time of up
// to nine places; ok is false for what it casts to NULL.
func parseTimestamp(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if len(s) >= 8 && s[2] == ':' {
		s = time.Unix(0, 0).UTC().Format("2006-01-02 ") + s
	}
	s = strings.TrimSuffix(strings.Replace(s, "T", " ", 1), "Z")
	for _, form := range []string{"2006-01-02 15:04:05", "2006-01-02", "2006-1-2 15:4:5", "2006-1-2"} {
		if t, err := time.Parse(form, s); err == nil {
			return t, !t.Before(firstTimestamp) && t.Before(afterTimestamp)
		}
	}
	return time.Time{}, false
}

func dateText(days int64) string {
	return time.Unix(days*86400, 0).UTC().Format("2006-01-02")
}

func daysOf(t time.Time) int64 {
	seconds := t.Unix()
	days := seconds / 86400
	if seconds%86400 < 0 {
		days--
	}
	return days
}

func parseDate(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	for _, form := range []string{"2006-01-02", "2006-1-2"} {
		if t, err := time.Parse(form, s); err == nil && t.Year() >= 1 {
			return daysOf(t), true
		}
	}
	if t, ok := parseTimestamp(s); ok { // a time of day after the date is cut
		return daysOf(t), true
	}
	return 0, false
}

// formatTimestamp turns a Java pattern such as yyyy-MM-dd HH:mm:ss.SSSSSSSSS into text of t.
func formatTimestamp(t time.Time, form string) string {
	var b strings.Builder
	for i := 0; i < len(form); {
		c := form[i]
		n := 1
		for i+n < len(form) && form[i+n] == c {
			n++
		}
		switch {
		case c == 'y':
			year := fmt.Sprintf("%04d", t.Year())
			if n == 2 {
				year = year[2:]
			}
			b.WriteString(year)
		case c == 'M' && n == 3:
			b.WriteString(t.Format("Jan"))
		case c == 'M':
			fmt.Fprintf(&b, "%0*d", n, t.Month())
		case c == 'd':
			fmt.Fprintf(&b, "%0*d", n, t.Day())
		case c == 'H':
			fmt.Fprintf(&b, "%0*d", n, t.Hour())
		case c == 'm':
			fmt.Fprintf(&b, "%0*d", n, t.Minute())
		case c == 's':
			fmt.Fprintf(&b, "%0*d", n, t.Second())
		case c == 'S':
			b.WriteString(fmt.Sprintf("%09d", t.Nanosecond())[:min(n, 9)])
		default:
			b.WriteString(form[i : i+n])
		}
		i += n
	}
	return b.String()
}
