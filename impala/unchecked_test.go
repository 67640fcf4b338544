package impala

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// TestPlanOfAProofThatIsReadBack: where the engine lacks Impala's functions the plan shows the rows read back, as Digest does.
func TestPlanOfAProofThatIsReadBack(t *testing.T) {
	b, f := faulty(t)
	ctx := context.Background()
	d, err := b.Describe(ctx, shop("a"))
	if err != nil {
		t.Fatal(err)
	}
	inEngine := func() bool {
		t.Helper()
		plan, err := b.PlanDigest(ctx, shop("a"), d.Schema)
		if err != nil {
			t.Fatal(err)
		}
		scans := slices.ContainsFunc(plan, func(s string) bool { return s == scanSQL(d.Schema, false) })
		digests := slices.Contains(plan, digestSQL(shop("a"), d.Schema))
		if scans == digests {
			t.Errorf("planned:\n%s", strings.Join(plan, "\n"))
		}
		return digests
	}
	if !inEngine() {
		t.Error("the stand-in has Impala's functions")
	}
	f.set(probeSQL(), 1, false, "AnalysisException: default.fnv_hash() unknown")
	if inEngine() {
		t.Error("without the functions the digest is planned in the engine")
	}
}

// TestUncheckedGrant: an engine that refuses to plan an INSERT for another reason than a grant says nothing of the grant.
func TestUncheckedGrant(t *testing.T) {
	b, f := faulty(t)
	f.set("EXPLAIN INSERT", 1, false, "AnalysisException: INSERT into this kind of table is not supported")
	i, problems := b.Inspect(context.Background(), shop("a"))
	if len(problems) != 0 || len(i.Unchecked) != 1 || !strings.HasPrefix(i.Unchecked[0], "INSERT ON DATABASE shop: ") {
		t.Errorf("unchecked %q, problems %v", i.Unchecked, problems)
	}
	if i, _ := b.Inspect(context.Background(), shop("a")); i.Unchecked != nil {
		t.Errorf("unchecked %q", i.Unchecked)
	}
}
