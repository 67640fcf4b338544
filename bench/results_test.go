package main

import (
	"math"
	"strings"
	"testing"
)

func someResults() *results {
	return &results{Date: "2026-11-23", Machine: "2 × some", Rows: 100_000, Rounds: 2, Outcomes: []outcome{{
		Key: "diff", Title: "Diff", About: "About it.",
		Groups: []group{{Title: "100k rows", Unit: "rows", Series: []series{
			{Name: ours, Rounds: []measure{{WallSeconds: 2, CPUSeconds: 1, PeakMiB: 30, Units: 100_000}, {WallSeconds: 2, CPUSeconds: 1, PeakMiB: 30, Units: 100_000}}},
			{Name: duckDB, Rounds: []measure{{WallSeconds: 1, CPUSeconds: 2, PeakMiB: 300, Units: 100_000}}},
			{Name: polars, Failed: "it | broke\nfor good"},
		}}},
		Targets: []target{atLeast("CPU", "≥ 1.5×", 2, 1.5), atMost("memory", "≤ 20 MiB", 30, 20, " MiB"), notYet("more", "≥ 1×", "there is none"), atLeast("other", "≥ 1×", math.NaN(), 1)},
	}}}
}

func TestDocument(t *testing.T) {
	text := someResults().text()
	for _, want := range []string{
		"| Diff | CPU | ≥ 1.5× | 2.00× | reached |",
		"| Diff | memory | ≤ 20 MiB | 30 MiB | **not reached** |",
		"| Diff | more | ≥ 1× | not yet: there is none | – |",
		"| Diff | other | ≥ 1× | not yet: a contestant could not be measured | – |",
		"| rewind | 2 | ±0 % | 50k | 1 | 30 | 1.00 |",
		"| DuckDB | 1 | ±0 % | 100k | 2 | 300 | 2.00 |",
		"| Polars | could not be measured: it / broke for good | | | | | |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
}

// TestDocumentKeepsWhatPeopleWrote: a run replaces its own part alone.
func TestDocumentKeepsWhatPeopleWrote(t *testing.T) {
	r := someResults()
	first := r.insert("")
	if !strings.HasPrefix(first, "# Performance") {
		t.Errorf("a new document begins with %.40q", first)
	}
	written := strings.Replace(first, beginMark, "Before.\n"+beginMark, 1) + "Behind.\n"
	r.Date = "2026-12-24"
	again := r.insert(written)
	if !strings.Contains(again, "Before.\n"+beginMark) || !strings.HasSuffix(again, endMark+"Behind.\n") || strings.Contains(again, "2026-11-23") || strings.Count(again, beginMark) != 1 {
		t.Errorf("%s", again)
	}
}

// TestResultsGoOn: a run of chosen stages keeps the others, in their order.
func TestResultsGoOn(t *testing.T) {
	first := &results{Rows: 7, Rounds: 2, out: t.TempDir()}
	for _, key := range []string{"fold", "codec"} {
		first.put(outcome{Key: key, About: "first"})
	}
	if err := first.write(); err != nil {
		t.Fatal(err)
	}
	again := &results{Rows: 7, Rounds: 2, out: first.out}
	again.goOn()
	again.put(outcome{Key: "diff", About: "again"})
	again.put(outcome{Key: "fold", About: "again"})
	var got []string
	for _, o := range again.Outcomes {
		got = append(got, o.Key+" "+o.About)
	}
	if want := "codec first, diff again, fold again"; strings.Join(got, ", ") != want {
		t.Errorf("%q, want %s", got, want)
	}
	other := &results{Rows: 8, Rounds: 2, out: first.out}
	if other.goOn(); other.Outcomes != nil {
		t.Errorf("figures of another size were taken over: %v", other.Outcomes)
	}
}
