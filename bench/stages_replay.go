package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"rewind/bench/workload"
	"rewind/change"
	"rewind/ocf"
)

// journal gives the data folder of a history, made where it is missing.
func (b *workbench) journal(ctx context.Context, h history) (data string, err error) {
	data = b.path("journals", fmt.Sprintf("%s-%d-%s", workload.FormatRows(h.Rows), h.Snapshots, workload.FormatRows(max(h.Updates, 1))))
	if h.Checkpoint > 0 {
		data += fmt.Sprintf("-checkpoint-%d", h.Checkpoint)
	}
	mark := filepath.Join(data, "made")
	if exists(mark) {
		return data, nil
	}
	b.say("making %s", data)
	_, err = b.do(ctx, self("child", "journal", filepath.Join(data, "journal"), itoa(h.Rows), itoa(int64(h.Snapshots)), itoa(h.Updates)))
	if err == nil && h.Checkpoint > 0 {
		_, err = b.do(ctx, self("child", "checkpoint", data, itoa(int64(h.Checkpoint))))
	}
	if err != nil {
		return "", err
	}
	return data, os.WriteFile(mark, nil, 0o600)
}

func foldStage(ctx context.Context, b *workbench) (o outcome, err error) {
	keys := max(b.rows/10, 1000)
	const snapshots = 90
	all, err := b.foldOf(ctx, history{Rows: keys, Snapshots: snapshots, Updates: keys / 10})
	if err != nil {
		return o, err
	}
	o.Groups = append(o.Groups, group{Title: fmt.Sprintf("%s events over %s keys", workload.FormatRows(10*keys), workload.FormatRows(keys)), Unit: "events", Series: all})
	times, highest := map[int]float64{}, find(all, ours).median(peak)
	for _, length := range []int{1, 10, 100, 1000} {
		h := history{Rows: b.atMost(100_000), Snapshots: length, Updates: b.atMost(100_000) / 100}
		long, err := b.foldOf(ctx, h)
		if err != nil {
			return o, err
		}
		times[length] = find(long, ours).median(wall)
		highest = max(highest, find(long, ours).median(peak))
		o.Groups = append(o.Groups, group{Title: fmt.Sprintf("%s rows, 1 %% updated in each of %d snapshots", workload.FormatRows(h.Rows), length), Unit: "events", Length: length, Series: long})
	}
	short, err := b.checkpointedFolds(ctx)
	if err != nil {
		return o, err
	}
	o.Groups = append(o.Groups, short)
	checkpointed := short.Series[1].median(wall) / short.Series[0].median(wall)
	mine := find(all, ours)
	perCore := mine.median(units) / mine.median(cpu) / 1e6
	o.Targets = []target{
		made("events/s of a core", "≥ 4M", perCore, fmt.Sprintf("%.2fM", perCore), perCore >= 4),
		atMost("peak memory, of all of these", "≤ 64 MiB", highest, 64, " MiB"),
		made("time of 1,000 snapshots, against 10, with checkpoints", "≤ 1.3×", checkpointed, fmt.Sprintf("%.2f×", checkpointed), checkpointed <= 1.3),
		made("the same without", "no target", times[1000]/times[10], fmt.Sprintf("%.1f×", times[1000]/times[10]), true),
	}
	return o, nil
}

// checkpointedFolds folds a short and a long history in turn, each with a checkpoint near its end.
func (b *workbench) checkpointedFolds(ctx context.Context) (g group, err error) {
	h := history{Rows: b.atMost(100_000), Updates: b.atMost(100_000) / 100, Checkpoint: nearTheEnd}
	g = group{Title: fmt.Sprintf("the same, with a checkpoint %d snapshots before the last (the events of all snapshots are counted)", nearTheEnd), Unit: "events"}
	var contestants []contestant
	for _, h.Snapshots = range []int{10, 1000} {
		data, err := b.journal(ctx, h)
		if err != nil {
			return g, err
		}
		contestants = append(contestants, contestant{name: fmt.Sprintf("%d snapshots", h.Snapshots), command: func(int) *exec.Cmd { return self("child", "fold", data) }})
	}
	g.Series, err = compete(ctx, b.rounds, contestants...)
	return g, err
}

// nearTheEnd is how many snapshots lie behind a checkpoint.
const nearTheEnd = 5

func (b *workbench) foldOf(ctx context.Context, h history) ([]series, error) {
	data, err := b.journal(ctx, h)
	if err != nil {
		return nil, err
	}
	return compete(ctx, b.rounds, contestant{name: ours, command: func(int) *exec.Cmd { return self("child", "fold", data) }})
}

func restoreStage(ctx context.Context, b *workbench) (o outcome, err error) {
	largest := b.atMost(1_000_000)
	for _, rows := range b.sizes() {
		if rows > largest {
			break
		}
		s := b.usual(rows)
		folder, err := b.table(ctx, s, asRows, asParquet)
		if err != nil {
			return o, err
		}
		if _, err := b.do(ctx, b.python("changes.py", folder)); err != nil {
			return o, err
		}
		data, err := b.captured(ctx, s, folder)
		if err != nil {
			return o, err
		}
		out := b.path("replayed.parquet")
		all, err := compete(ctx, b.rounds,
			contestant{name: ours, command: func(int) *exec.Cmd { return self("child", "restore", data, b.path("staging-restore")) }},
			contestant{name: duckDB, command: func(int) *exec.Cmd { return b.python("replay_duckdb.py", folder, out) }},
			contestant{name: polars, command: func(int) *exec.Cmd { return b.python("replay_polars.py", folder, out) }})
		if err != nil {
			return o, err
		}
		o.Groups = append(o.Groups, group{Title: workload.FormatRows(rows) + " rows, one change set of 1.2 %", Unit: "rows", Rows: rows, Series: all})
		ratio := find(all, ours).median(cpu) / find(all, duckDB).median(cpu)
		o.Targets = []target{made(workload.FormatRows(rows)+" rows: CPU, against DuckDB's replay", "≤ 1.0×", ratio, fmt.Sprintf("%.2f×", ratio), ratio <= 1)}
	}
	return o, nil
}

// captured brings both versions of a table through Kafka into a journal, and gives its data folder.
func (b *workbench) captured(ctx context.Context, s workload.Shape, folder string) (data string, err error) {
	data = filepath.Join(folder, "data")
	mark := filepath.Join(data, "made")
	if exists(mark) {
		return data, nil
	}
	broker, stop, err := b.serve(ctx, "kafka")
	if err != nil {
		return "", err
	}
	defer func() { _ = stop() }()
	state, err := b.fresh("states", "captured-"+filepath.Base(folder))
	if err != nil {
		return "", err
	}
	for _, version := range []string{"v1.rows", "v2.rows"} {
		if _, err := b.do(ctx, self("child", "capture", shapeText(s), filepath.Join(folder, version), state, broker)); err != nil {
			return "", err
		}
	}
	if _, err := b.do(ctx, self("child", "consume", data, prefixOf(state), broker)); err != nil {
		return "", err
	}
	return data, os.WriteFile(mark, nil, 0o600)
}

func historyStage(ctx context.Context, b *workbench) (o outcome, err error) {
	keys := max(b.rows/10, 1000)
	data, err := b.journal(ctx, history{Rows: keys, Snapshots: 90, Updates: keys / 10})
	if err != nil {
		return o, err
	}
	all, err := compete(ctx, b.rounds, contestant{name: ours, command: func(round int) *exec.Cmd {
		return self("child", "history", data, itoa(2*(keys/7*int64(round+1)%keys)+1))
	}})
	if err != nil {
		return o, err
	}
	bytes, err := folderBytes(filepath.Join(data, "journal"))
	if err != nil {
		return o, err
	}
	mine := find(all, ours)
	o.Groups = []group{{Title: workload.FormatRows(10*keys) + " events", Unit: "versions", Series: all}}
	share := mine.median(more("bytes")) / float64(bytes) * 100
	o.Targets = []target{
		atMost("time, the journal being open", "≤ 50 ms", mine.median(wall)*1000, 50, " ms"),
		atMost("bytes read, of the journal's", "≤ 1 %", share, 1, " %"),
		atMost("bytes read before, to open the journal", "reported", mine.median(more("open_bytes"))/float64(bytes)*100, math.Inf(1), " %"),
	}
	return o, nil
}

// pointsStage starts the program itself.
func pointsStage(ctx context.Context, b *workbench) (o outcome, err error) {
	const snapshots = 999
	data, err := b.journal(ctx, history{Rows: 10_000, Snapshots: snapshots, Updates: 100})
	if err != nil {
		return o, err
	}
	program, config := b.path("rewind"), filepath.Join(data, "rewind.yaml")
	if _, err := b.do(ctx, exec.Command("go", "build", "-o", program, "./cmd/rewind")); err != nil {
		return o, err
	}
	text := fmt.Sprintf("kafka: {brokers: [127.0.0.1:1]}\nimpala: {dsn: \"impala://127.0.0.1:1?auth=noauth\"}\ndata: %s\ntables:\n  - {name: %s, key: [id]}\n", data, workload.Shape{}.Name())
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return o, err
	}
	all, err := compete(ctx, b.rounds, contestant{name: ours, command: func(int) *exec.Cmd {
		return twoThreads(exec.Command("sh", "-c", `exec "$0" --config "$1" points "$2" >/dev/null`, program, config, workload.Shape{}.Name().String()))
	}})
	if err != nil {
		return o, err
	}
	o.Groups = []group{{Title: "1,000 restore points of 10k rows, 1 % updated in each", Unit: "points", Series: all}}
	o.Targets = []target{atMost("from start to end", "≤ 100 ms", find(all, ours).median(wall)*1000, 100, " ms")}
	return o, nil
}

// sizeStage compares bytes, not times.
func sizeStage(ctx context.Context, b *workbench) (o outcome, err error) {
	s := b.usual(b.atMost(1_000_000))
	s.Updated = .1 // so that headers do not count
	folder, err := b.table(ctx, s, asRows, asParquet)
	if err != nil {
		return o, err
	}
	parquet, err := b.do(ctx, b.python("changes.py", folder))
	if err != nil {
		return o, err
	}
	data, err := b.captured(ctx, s, folder)
	if err != nil {
		return o, err
	}
	mine, events, err := changeSetBytes(filepath.Join(data, "journal"))
	if err != nil {
		return o, err
	}
	o.Groups = []group{{Title: fmt.Sprintf("%d events with both images", events), Unit: "bytes", Series: []series{
		{Name: ours, Rounds: []measure{{Units: float64(mine)}}}, {Name: duckDB, Rounds: []measure{{Units: parquet.More["bytes"]}}}}}}
	ratio := float64(mine) / parquet.More["bytes"]
	o.Targets = []target{made("bytes, against DuckDB's Parquet (zstd)", "≤ 1.3×", ratio, fmt.Sprintf("%.2f×", ratio), ratio <= 1.3)}
	return o, nil
}

// changeSetBytes is how large the blocks of a journal are that hold changes with an image before: behind a baseline, its change sets.
func changeSetBytes(root string) (bytes, events int64, err error) {
	err = filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".avro") {
			return err
		}
		b, n, err := changeSetIn(path)
		bytes, events = bytes+b, events+n
		return err
	})
	return bytes, events, err
}

func changeSetIn(path string) (bytes, events int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	r, err := ocf.NewReader(f)
	if err != nil {
		return 0, 0, err
	}
	d, err := change.NewEntryDecoder(r.Header().Schema)
	if err != nil {
		return 0, 0, err
	}
	for {
		before := r.Offset()
		_, records, err := r.Next()
		if err != nil {
			return bytes, events, endOf(err)
		}
		n, all := int64(0), int64(0)
		for len(records) > 0 {
			size, err := d.RecordLen(records)
			if err != nil {
				return 0, 0, err
			}
			_, m, err := d.Decode(records[:size])
			if err != nil {
				return 0, 0, err
			}
			if m.Change != nil {
				all++
				if m.Change.Op != change.Read {
					n++
				}
			}
			records = records[size:]
		}
		if all > 0 { // a block that holds the end of a baseline counts by its share
			bytes, events = bytes+(r.Offset()-before)*n/all, events+n
		}
	}
}
