package table

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// plainText is a row's text by way of its values.
func plainText(c *Codec, image []byte) ([]byte, error) {
	row := make([]Value, len(c.fields))
	if err := c.Decode(image, row); err != nil {
		return nil, err
	}
	var text []byte
	for i := range c.fields {
		f := &c.fields[i]
		if v := &row[f.position]; !v.Null {
			encoded, err := f.appendValue(nil, v)
			if err != nil {
				return nil, err
			}
			text, _, _ = f.appendDecodedText(text, encoded)
		}
		text = append(text, ',')
	}
	return text, nil
}

// TestFingerprintTextChecksAsDecodeDoes, of rows of all types that are whole or altered at any byte: it gives the text that their values have, and refuses
// what Decode refuses, for the same reason.
func TestFingerprintTextChecksAsDecodeDoes(t *testing.T) {
	hold := func(t interface{ Fatalf(string, ...any) }, c *Codec, image []byte) {
		want, wantErr := plainText(c, image)
		got, err := c.FingerprintText([]byte("before"), image)
		if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
			t.Fatalf("%x: %v, want %v", image, err, wantErr)
		}
		if err == nil && !bytes.Equal(got, append([]byte("before"), want...)) {
			t.Fatalf("%x: %q, want %q", image, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := genSchema().Draw(t, "schema")
		c := mustCodec(t, s)
		image := mustImage(t, c, genRow(s).Draw(t, "row"))
		hold(t, c, image)
		for range 20 {
			if len(image) == 0 {
				return
			}
			altered := bytes.Clone(image)
			altered[rapid.IntRange(0, len(image)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
			hold(t, c, altered[:len(altered)-rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "cut")])
		}
	})
	s, row := benchTable()
	c := mustCodec(t, s)
	image, counted := mustImage(t, c, row), 0
	for at := range image {
		for v := range 256 {
			altered := bytes.Clone(image)
			altered[at] = byte(v)
			hold(t, c, altered)
			counted++
		}
	}
	t.Logf("counted: %d altered images", counted)
}

// TestIsTimestamp holds the reading of eight bytes at once against that of one after the other, for timestamps of which any byte is any other.
func TestIsTimestamp(t *testing.T) {
	plain := func(b []byte) bool {
		if len(b) != timestampLen || b[10] != ' ' || b[13] != ':' || b[16] != ':' || b[19] != '.' {
			return false
		}
		year, _, _, ok := parseDate(b)
		hour, ok1 := twoDigits(b, 11)
		minute, ok2 := twoDigits(b, 14)
		second, ok3 := twoDigits(b, 17)
		for _, c := range b[20:] {
			ok = ok && c >= '0' && c <= '9'
		}
		return ok && ok1 && ok2 && ok3 && year >= minTimestampYear && hour <= 23 && minute <= 59 && second <= 59
	}
	for _, text := range []string{"2024-02-29 23:59:59.999999999", "1400-01-01 00:00:00.000000000", "9999-12-31 12:34:56.789012345", "2023-02-28 09:10:11.000000001", "2100-06-30 20:30:40.5000000000"} {
		for at := range text {
			for v := range 256 {
				b := []byte(text)
				b[at] = byte(v)
				if got := isTimestamp(b); got != plain(b) {
					t.Fatalf("%q: %v", b, got)
				}
			}
		}
	}
}
