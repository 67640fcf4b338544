package metrics

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// described gives the metrics of both, as name, type and labels, the way docs/METRICS.md's table begins its lines.
func described(t *testing.T) (lines, names []string) {
	t.Helper()
	c := newClock()
	of := map[string]string{}
	for who, from := range map[string]source{"produce": aProducer(c), "consume": aConsumer(c)} {
		families, err := from.Registry().Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if !strings.HasPrefix(f.GetName(), "rewind_") {
				continue
			}
			var labels []string
			for _, l := range f.GetMetric()[0].GetLabel() {
				labels = append(labels, l.GetName())
			}
			slices.SortFunc(labels, byMeaning)
			line := "| `" + f.GetName() + "` | " + strings.ToLower(f.GetType().String()) + " | " + strings.Join(labels, ", ")
			if of[line] == "" {
				of[line] = who
			} else {
				of[line] = "both"
			}
			names = append(names, f.GetName())
		}
	}
	for line, who := range of {
		lines = append(lines, strings.TrimSuffix(line, " ")+" | "+who+" |")
	}
	slices.Sort(lines)
	return lines, names
}

// byMeaning sorts labels as the document names them: what is spoken of first, then what of it.
func byMeaning(a, b string) int {
	order := []string{"table", "version", "partition", "revision", "result", "op", "kind", "reason"}
	return slices.Index(order, a) - slices.Index(order, b)
}

// TestMetricsDocument holds the table of docs/METRICS.md to what is served.
func TestMetricsDocument(t *testing.T) {
	text, err := os.ReadFile("../docs/METRICS.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range regexp.MustCompile("(?m)^\\| `rewind_[^|]*\\|[^|]*\\|[^|]*\\|[^|]*\\|").FindAllString(string(text), -1) {
		got = append(got, strings.ReplaceAll(m, "|  |", "| |"))
	}
	slices.Sort(got)
	want, _ := described(t)
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], "|  |", "| |")
	}
	if !slices.Equal(got, want) {
		t.Errorf("docs/METRICS.md describes\n%s\nserved are\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestAlerts reads docs/alerts.yml: each rule asks for metrics that are served.
func TestAlerts(t *testing.T) {
	text, err := os.ReadFile("../docs/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert       string
				Expr        string
				For         string
				Labels      map[string]string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	_, served := described(t)
	asked := regexp.MustCompile(`rewind_[a-z_]+`)
	rules := 0
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			rules++
			if r.Alert == "" || r.Expr == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" {
				t.Errorf("%+v lacks something", r)
			}
			for _, name := range asked.FindAllString(r.Expr, -1) {
				if !slices.Contains(served, name) {
					t.Errorf("%s asks for %s, which is not served", r.Alert, name)
				}
			}
		}
	}
	if rules < 8 {
		t.Errorf("%d rules", rules)
	}
}
