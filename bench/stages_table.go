package main

import (
	"context"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"

	"rewind/bench/workload"
)

const (
	ours   = "rewind"
	duckDB = "DuckDB"
	polars = "Polars"
)

func codecStage(ctx context.Context, b *workbench) (o outcome, err error) {
	of := func(name, whose string) contestant {
		return contestant{name: name, command: func(int) *exec.Cmd { return self("child", "codec", whose) }}
	}
	all, err := compete(ctx, b.rounds, of(ours, "ours"), of("goavro", "goavro"), of("hamba structs", "hamba"))
	if err != nil {
		return o, err
	}
	o.Groups = []group{{Title: "events of 8 columns, both images", Unit: "events", Series: all}}
	both := func(s series) float64 { return s.median(more("encode_ns")) + s.median(more("decode_ns")) }
	mine := both(find(all, ours))
	allocations := find(all, ours).median(more("encode_allocs")) + find(all, ours).median(more("decode_allocs"))
	o.Targets = []target{
		atLeast("encode and decode, against goavro", "≥ 25×", both(find(all, "goavro"))/mine, 25),
		atLeast("encode and decode, against hamba structs", "≥ 8×", both(find(all, "hamba structs"))/mine, 8),
		atMost("allocations an event", "0", allocations, 0, ""),
	}
	return o, nil
}

func scanStage(ctx context.Context, b *workbench) (o outcome, err error) {
	s := b.usual(b.atMost(1_000_000))
	folder, err := b.table(ctx, s, asRows)
	if err != nil {
		return o, err
	}
	dir, err := b.fresh("engine")
	if err != nil {
		return o, err
	}
	dsn, stop, err := b.serve(ctx, "impala", dir)
	if err != nil {
		return o, err
	}
	defer func() { _ = stop() }()
	if _, err := b.do(ctx, self("child", "load-engine", shapeText(s), filepath.Join(folder, "v1.rows"), b.path("staging"), dsn)); err != nil {
		return o, err
	}
	const driver, streams = "rows.Next and Scan of impala-go", "rewind, two streams"
	all, err := compete(ctx, b.rounds,
		contestant{name: ours, command: func(int) *exec.Cmd { return self("child", "scan", shapeText(s), dsn) }},
		contestant{name: streams, command: func(int) *exec.Cmd { return self("child", "scan-streams", shapeText(s), dsn) }},
		contestant{name: driver, command: func(int) *exec.Cmd { return self("child", "scan-driver", shapeText(s), dsn) }})
	if err != nil {
		return o, err
	}
	o.Groups = []group{{Title: workload.FormatRows(s.Rows) + " rows", Unit: "rows", Rows: s.Rows, Series: all}}
	o.Targets = []target{
		atLeast("rows/s of CPU, against the driver's bare loop", "≥ 0.85×", find(all, driver).median(cpu)/find(all, ours).median(cpu), .85),
		atLeast("rows/s of the clock, against the same (the stand-in has the same cores)", "≥ 0.85×", find(all, ours).rate()/find(all, driver).rate(), .85),
		atLeast("two parallel key-range streams, against one (the stand-in has the same cores)", "≥ 1.6×", find(all, streams).rate()/find(all, ours).rate(), 1.6),
	}
	return o, nil
}

// diffGroup measures captures of a table, from one of its versions to the other and back, beside the peers.
func (b *workbench) diffGroup(ctx context.Context, title string, s workload.Shape, broker string, peers bool) (g group, err error) {
	kinds := []string{asRows}
	if peers {
		kinds = append(kinds, asParquet)
	}
	folder, err := b.table(ctx, s, kinds...)
	if err != nil {
		return g, err
	}
	state, err := b.fresh("states", filepath.Base(folder))
	if err != nil {
		return g, err
	}
	capture := func(version int) *exec.Cmd {
		return self("child", "capture", shapeText(s), filepath.Join(folder, fmt.Sprintf("v%d.rows", version)), state, broker)
	}
	if _, err := b.do(ctx, capture(1)); err != nil {
		return g, err
	}
	contestants := []contestant{{name: ours, command: func(round int) *exec.Cmd { return capture(2 - round%2) }}}
	if peers {
		keys := "id"
		if s.TextKey {
			keys = "region,code"
		}
		out := filepath.Join(state, "changes.csv")
		contestants = append(contestants,
			contestant{name: duckDB, command: func(int) *exec.Cmd { return b.python("diff_duckdb.py", folder, out, keys) }},
			contestant{name: polars, command: func(int) *exec.Cmd { return b.python("diff_polars.py", folder, out, keys) }})
	}
	if peers && !s.TextKey && s.Columns == 0 && s.Rows <= 1_000_000 {
		contestants = append(contestants, b.slowPeers(folder, state)...)
	}
	g = group{Title: title, Unit: "rows", Rows: s.Rows}
	g.Series, err = compete(ctx, b.rounds, contestants...)
	return g, err
}

func diffStage(ctx context.Context, b *workbench) (o outcome, err error) {
	broker, stop, err := b.serve(ctx, "kafka")
	if err != nil {
		return o, err
	}
	defer func() { _ = stop() }()
	peaks := map[int64]float64{}
	var largest, few group
	for _, rows := range b.sizes() {
		g, err := b.diffGroup(ctx, workload.FormatRows(rows)+" rows, 1.2 % changed", b.usual(rows), broker, true)
		if err != nil {
			return o, err
		}
		largest, peaks[rows] = g, find(g.Series, ours).median(peak)
		o.Groups = append(o.Groups, g)
	}
	sparse := b.usual(largest.Rows)
	sparse.Updated, sparse.Deleted, sparse.Inserted = .0001, 0, 0
	if few, err = b.diffGroup(ctx, workload.FormatRows(sparse.Rows)+" rows, 0.01 % changed", sparse, broker, true); err != nil {
		return o, err
	}
	o.Groups = append(o.Groups, few)
	mine := find(largest.Series, ours)
	size := workload.FormatRows(largest.Rows) + " rows: "
	const sameMemory, within = "peak memory of 10M rows, against 1M", "±10 %"
	flat := notYet(sameMemory, within, "this run has no 10M rows")
	if tenth := peaks[fullRows/10]; tenth > 0 && peaks[fullRows] > 0 {
		growth := peaks[fullRows] / tenth
		flat = made(sameMemory, within, growth, fmt.Sprintf("%.2f×", growth), math.Abs(growth-1) <= .1)
	}
	o.Targets = []target{
		atLeast(size+"CPU, against DuckDB's FULL OUTER JOIN", "≥ 1.5×", find(largest.Series, duckDB).median(cpu)/mine.median(cpu), 1.5),
		atMost(size+"peak memory", "≤ 64 MiB", mine.median(peak), 64, " MiB"),
		flat,
		atLeast(size+"0.01 % changed: rows/s, against 1.2 %", "≥ 2×", find(few.Series, ours).rate()/mine.rate(), 2),
	}
	return o, nil
}

func shapesStage(ctx context.Context, b *workbench) (o outcome, err error) {
	broker, stop, err := b.serve(ctx, "kafka")
	if err != nil {
		return o, err
	}
	defer func() { _ = stop() }()
	rows := b.atMost(1_000_000)
	many, clustered, wide, text := b.usual(rows), b.usual(rows), b.usual(rows/10), b.usual(rows)
	many.Updated, clustered.Clustered, wide.Columns, text.TextKey = .2, true, 100, true
	for _, table := range []struct {
		title string
		shape workload.Shape
	}{
		{"20 % updated", many}, {"1.2 % changed, clustered", clustered}, {"100 columns, 1.2 % changed", wide}, {"key of two texts, 1.2 % changed", text},
	} {
		g, err := b.diffGroup(ctx, workload.FormatRows(table.shape.Rows)+" rows, "+table.title, table.shape, broker, true)
		if err != nil {
			return o, err
		}
		g.Rows = 0 // no points of the plots
		o.Groups = append(o.Groups, g)
		o.Targets = append(o.Targets, atLeast(g.Title+": CPU, against DuckDB", "no target", find(g.Series, duckDB).median(cpu)/find(g.Series, ours).median(cpu), 0))
	}
	return o, nil
}

// slowPeers are those that are not run on the largest table: reladiff on a DuckDB file, dbt's snapshot on one, csvdiff on CSV.
func (b *workbench) slowPeers(folder, state string) []contestant {
	v1, v2 := filepath.Join(folder, "v1.csv"), filepath.Join(folder, "v2.csv")
	csvdiff := contestant{name: "csvdiff (CSV)", command: func(int) *exec.Cmd {
		return twoThreads(exec.Command(b.path("peers", "csvdiff"), v1, v2, "--format", "json"))
	}}
	if !b.slow {
		return []contestant{csvdiff}
	}
	return []contestant{
		csvdiff,
		{name: "reladiff (DuckDB file)", prepare: func(ctx context.Context, _ int) error {
			_, err := b.do(ctx, b.python("database.py", folder))
			return err
		}, command: func(int) *exec.Cmd {
			return exec.Command(b.path("peers", "python", "bin", "reladiff"), "duckdb://main:@/"+filepath.Join(folder, "both.duckdb"), "v1", "v2", "-k", "id", "-c", "%", "--stats")
		}},
		{name: "dbt snapshot (DuckDB file)", prepare: func(ctx context.Context, _ int) error {
			_, err := b.do(ctx, exec.Command(filepath.Join("bench", "peers", "dbt.sh"), "prepare", b.path("peers", "dbt"), folder, filepath.Join(state, "dbt")))
			return err
		}, command: func(int) *exec.Cmd {
			return exec.Command(filepath.Join("bench", "peers", "dbt.sh"), "snapshot", b.path("peers", "dbt"), folder, filepath.Join(state, "dbt"))
		}},
	}
}

func twoThreads(cmd *exec.Cmd) *exec.Cmd {
	cmd.Env = append(cmd.Environ(), "GOMAXPROCS=2")
	return cmd
}
