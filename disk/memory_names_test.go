package disk

import (
	"strings"
	"testing"
)

// TestLoseNames: every subset of the changes of a folder's names survives once; contents do anyway.
func TestLoseNames(t *testing.T) {
	want := map[uint64]string{ // of: a renamed to b, c removed, d made
		0: "a c", 1: "b c", 2: "a", 3: "b", 4: "a c d", 5: "b c d", 6: "a d", 7: "b d",
	}
	for kept, names := range want {
		m := NewMemory()
		for _, do := range []step{durable("a", "1"), durable("c", "2"), rename("a", "b"), remove("c"), write("d", "3")} {
			if err := do(m); err != nil {
				t.Fatal(err)
			}
		}
		after := m.Restart(LoseNames(kept))
		entries, err := after.ReadDir(".")
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, e := range entries {
			found = append(found, e.Name())
		}
		if got := strings.Join(found, " "); got != names {
			t.Errorf("%v: %s, not %s", LoseNames(kept), got, names)
		}
		if kept == 7 && contentOf(t, after, "d") != "3" {
			t.Error("the content is lost")
		}
	}
}
