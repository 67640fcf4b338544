package replay

import (
	"errors"
	"testing"
	"time"
	_ "time/tzdata"
)

var testNow = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestParseSpec(t *testing.T) {
	for text, want := range map[string]struct{ at, zone string }{
		"-90m":                                {"2026-11-23T10:30:00Z", "before now"},
		"-2h":                                 {"2026-11-23T10:00:00Z", "before now"},
		"-3d":                                 {"2026-11-20T12:00:00Z", "before now"},
		"-30s":                                {"2026-11-23T11:59:30Z", "before now"},
		"-0s":                                 {"2026-11-23T12:00:00Z", "before now"},
		"2026-11-23T09:00:00Z":                {"2026-11-23T09:00:00Z", "UTC"},
		"2026-11-23T09:00:00.123456789+02:30": {"2026-11-23T06:30:00.123456789Z", "+02:30"},
		"2026-11-23T09:00:00-11:00":           {"2026-11-23T20:00:00Z", "-11:00"},
		"2026-11-22 09:00":                    {"2026-11-22T08:00:00Z", "Europe/Berlin (+01:00)"},
		"2026-07-22 09:00:05":                 {"2026-07-22T07:00:05Z", "Europe/Berlin (+02:00)"},
		"2026-11-22 09:00:05.123":             {"2026-11-22T08:00:05.123Z", "Europe/Berlin (+01:00)"},
		"2024-02-29 00:00":                    {"2024-02-28T23:00:00Z", "Europe/Berlin (+01:00)"},
	} {
		s, err := ParseSpec(text, testNow, zone(t, "Europe/Berlin"))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := s.Time.UTC().Format(time.RFC3339Nano); got != want.at || s.Zone != want.zone || s.Asked != text || s.Snapshot != 0 {
			t.Errorf("%q is %s in %q, want %s in %q", text, got, s.Zone, want.at, want.zone)
		}
	}
	s, err := ParseSpec("1795424700000000", testNow, time.UTC)
	if err != nil || s.Snapshot != 1795424700000000 {
		t.Errorf("a snapshot's id: %+v, %v", s, err)
	}
}

func TestParseSpecRefuses(t *testing.T) {
	for _, text := range []string{
		"", " ", "now", "yesterday", "latest", "-", "-h", "-2", "-2w", "-2H", "-2 h", "- 2h", "--2h", "-1h30m", "-1.5h", "+2h", "2h",
		"-9999999999s", "-999999999d", "-١h",
		"0", "01", "-1", "99999999999999999999", "9223372036854775808", "17954247000x",
		"2026-11-22", "2026-11-22 9:00", "2026-11-22 09", "2026-11-22 09:00:", "2026-11-22 09:00:5", "2026-11-22 09:00:05.", "2026-11-22 09:00:05,5",
		"2026-11-22 09:00:05.1234567890", "2026-11-22  09:00", "2026-11-22 09:00 ", " 2026-11-22 09:00", "2026-11-22 09:00Z", "2026-11-22 09:00:00 CET",
		"2026-11-22 24:00", "2026-11-22 23:60", "2026-11-22 23:59:60", "2026-02-29 09:00", "2026-13-01 09:00", "2026-00-01 09:00", "2026-01-00 09:00", "0000-01-01 09:00",
		"2026-11-22T09:00Z", "2026-11-22T09:00:00", "2026-11-22t09:00:00Z", "2026-11-22T09:00:00z", "2026-11-22T09:00:00+2:00", "2026-11-22T09:00:00+0200",
		"2026-11-22T09:00:00+24:00", "2026-11-22T09:00:00+02:60", "2026-11-22T09:00:00Z ", "2026-11-22T09:00:00.Z", "22-11-2026 09:00", "2026/11/22 09:00",
		"2026-03-29 02:30", // Berlin skips it
		"2026-10-25 02:30", // Berlin has it twice
		"2026-11-22 09:00:00.000000000000000000000000000000000000000000000000000000000",
	} {
		s, err := ParseSpec(text, testNow, zone(t, "Europe/Berlin"))
		var spec *SpecError
		if !errors.As(err, &spec) || spec.ExitCode() != 2 || spec.Hint() == "" {
			t.Errorf("%q was read as %+v, %v", text, s, err)
		}
	}
}

func TestParseSpecSaysBothReadings(t *testing.T) {
	_, err := ParseSpec("2026-10-25 02:30", testNow, zone(t, "Europe/Berlin"))
	want := `"2026-10-25 02:30" is no time: the zone Europe/Berlin has this time twice: write 2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00`
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
	for _, text := range []string{"2026-10-25 01:59:59", "2026-10-25 03:00", "2026-03-29 01:59:59", "2026-03-29 03:00"} {
		if _, err := ParseSpec(text, testNow, zone(t, "Europe/Berlin")); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := ParseSpec("2026-04-05 01:45", testNow, zone(t, "Australia/Lord_Howe")); err == nil {
		t.Error("Lord Howe sets its clocks back by half an hour: the time is there twice")
	}
}

// FuzzParseSpec: what is read means one instant, written again it is read as the same one, and nothing panics.
func FuzzParseSpec(f *testing.F) {
	for _, s := range []string{"-90m", "2026-11-22 09:00:05.123", "2026-11-23T09:00:00Z", "2026-11-23T09:00:00+02:00", "1795424700000000", "2026-10-25 02:30", "-"} {
		f.Add(s)
	}
	berlin := zone(f, "Europe/Berlin")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSpec(text, testNow, berlin)
		if err != nil {
			if spec := (*SpecError)(nil); !errors.As(err, &spec) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if s.Asked != text || s.Snapshot != 0 && !s.Time.IsZero() {
			t.Fatalf("%q: %+v", text, s)
		}
		if s.Snapshot != 0 || s.Time.UTC().Year() < 1 || s.Time.UTC().Year() > 9999 {
			return
		}
		again, err := ParseSpec(s.Time.UTC().Format("2006-01-02T15:04:05.000000000Z"), testNow, berlin)
		if err != nil || !again.Time.Equal(s.Time) {
			t.Fatalf("%q is %v, written again %v, %v", text, s.Time, again.Time, err)
		}
	})
}
