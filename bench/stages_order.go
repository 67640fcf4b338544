package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"rewind/bench/workload"
)

// orderStage measures captures whose rows the engine has sorted beside those that sort them here.
func orderStage(ctx context.Context, b *workbench) (o outcome, err error) {
	broker, stop, err := b.serve(ctx, "kafka")
	if err != nil {
		return o, err
	}
	defer func() { _ = stop() }()
	for _, rows := range b.sizes() {
		if rows < b.rows/10 {
			continue
		}
		g, err := b.orderGroup(ctx, rows, broker)
		if err != nil {
			return o, err
		}
		o.Groups = append(o.Groups, g)
		byEngine, here := find(g.Series, engineOrder), find(g.Series, localOrder)
		ratio := here.median(cpu) / byEngine.median(cpu)
		o.Targets = append(o.Targets,
			made(workload.FormatRows(rows)+" rows: CPU of order: local, against order: engine", "no target", ratio, fmt.Sprintf("%.2f×", ratio), true),
			atMost(workload.FormatRows(rows)+" rows: peak memory of order: local", "no target", here.median(peak), here.median(peak), " MiB"))
	}
	return o, nil
}

const (
	engineOrder = "order: engine"
	localOrder  = "order: local"
)

func (b *workbench) orderGroup(ctx context.Context, rows int64, broker string) (g group, err error) {
	s := b.usual(rows)
	folder, err := b.table(ctx, s, asRows, asShuffled)
	if err != nil {
		return g, err
	}
	var contestants []contestant
	for _, way := range []struct{ name, kind string }{{engineOrder, asRows}, {localOrder, asShuffled}} {
		state, err := b.fresh("states", "order-"+way.kind+"-"+filepath.Base(folder))
		if err != nil {
			return g, err
		}
		capture := func(version int) *exec.Cmd {
			return self("child", "capture", shapeText(s), filepath.Join(folder, fmt.Sprintf("v%d.%s", version, way.kind)), state, broker)
		}
		if _, err := b.do(ctx, capture(1)); err != nil {
			return g, err
		}
		contestants = append(contestants, contestant{name: way.name, command: func(round int) *exec.Cmd { return capture(2 - round%2) }})
	}
	g = group{Title: workload.FormatRows(rows) + " rows, 1.2 % changed", Unit: "rows"}
	g.Series, err = compete(ctx, b.rounds, contestants...)
	return g, err
}
