package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"time"
)

// stage is one row of what must be reached, and how it is measured.
type stage struct {
	key, title, about string
	run               func(ctx context.Context, b *workbench) (outcome, error)
}

// outcome of a stage.
type outcome struct {
	Key     string   `json:"key"`
	Title   string   `json:"title"`
	About   string   `json:"about"`
	Groups  []group  `json:"groups"`
	Targets []target `json:"targets"`
	Took    float64  `json:"took_s"`
	Under   string   `json:"under"` // what it was measured under: the commit, and what else the machine did
}

// group is contestants that did the same work, in turn.
type group struct {
	Title  string   `json:"title"`
	Unit   string   `json:"unit"`             // of its rates: rows, events, messages, bytes
	Rows   int64    `json:"rows,omitempty"`   // of the table, for the plots
	Length int      `json:"length,omitempty"` // of the history, for the plots
	Series []series `json:"series"`
}

// target is a figure that is to be reached, or why it cannot be measured yet.
type target struct {
	What    string  `json:"what"`
	Want    string  `json:"want"`
	Got     float64 `json:"got"`
	Text    string  `json:"text"` // Got for people
	Reached bool    `json:"reached"`
	Missing string  `json:"missing,omitempty"`
}

func atLeast(what, want string, got, limit float64) target {
	return made(what, want, got, fmt.Sprintf("%.2f×", got), got >= limit)
}

func atMost(what, want string, got, limit float64, unit string) target {
	return made(what, want, got, fmt.Sprintf("%.3g%s", got, unit), got <= limit)
}

func made(what, want string, got float64, text string, reached bool) target {
	if math.IsNaN(got) || math.IsInf(got, 0) {
		return notYet(what, want, "a contestant could not be measured")
	}
	return target{What: what, Want: want, Got: got, Text: text, Reached: reached}
}

func notYet(what, want, why string) target { return target{What: what, Want: want, Missing: why} }

// stages in the order of the document.
func stages() []stage {
	return []stage{
		{"codec", "Row codec", "One update of 8 columns with both images: values to a message, and a message to values. The libraries get their maps and structs ready-made.", codecStage},
		{"scan", "Scan", "The table out of the stand-in for Impala, in a process of its own, which sends the bytes of answers that it has given before: nobody waits for it to execute or to encode anything, but it sends on the same cores. The driver alone is set as we set it.", scanStage},
		{"diff", "Diff and new snapshot file", "A whole capture of rows that are encoded already: scan, new snapshot file, diff, publishing of what differs to an in-process Kafka in another process. The peers write what differs, with both images, as CSV, out of Parquet files.", diffStage},
		{"shapes", "Other tables", "The same for other changes and other tables.", shapesStage},
		{"order", "Who sorts the rows", "The same capture of 1.2 % changed, of rows that come by key as from an engine that was asked for that (what its sort costs the cluster is not in here), and of rows that come in any order and are sorted here.", orderStage},
		{"publish", "Publish to Kafka", "A baseline into a topic of one partition of a real Kafka, acks=all, lz4. Ours reads the snapshot file and encodes; the others have their messages ready in memory.", publishStage},
		{"consume", "Consume into a durable journal", "That topic into a journal, one fsync a batch. The others do nothing with what they read.", consumeStage},
		{"fold", "Fold", "A journal of one partition folded to its newest restore point and proved.", foldStage},
		{"restore", "Restore to staged files", "A baseline and one change set out of the journal to files that an engine reads, proved, from the opening of the journal on. The peers write the table as Parquet and prove nothing.", restoreStage},
		{"history", "History of one key", "The versions of one row in a journal.", historyStage},
		{"points", "Cold start of points", "The program itself, from its start to its end: `rewind points` on 1,000 restore points.", pointsStage},
		{"size", "Journal size", "A change set with both images as the journal keeps it, and as DuckDB's Parquet (zstd).", sizeStage},
		{"chain", "The whole chain", "Stage by stage, without the engine: rows that are encoded already, real stages, an in-process Kafka in another process.", chainStage},
	}
}

func stageKeys() (keys []string) {
	for _, s := range stages() {
		keys = append(keys, s.key)
	}
	return keys
}

// runStages measures what was chosen and writes it down, after every stage: a long run that is cut off leaves something.
func runStages(ctx context.Context, s settings) error {
	b := &workbench{settings: s, progress: os.Stderr}
	if err := b.installPeers(ctx); err != nil {
		return fmt.Errorf("install the peers: %w", err)
	}
	r := newResults(ctx, b)
	if s.only != nil {
		r.goOn()
	}
	for _, stage := range stages() {
		if s.only != nil && !s.only[stage.key] {
			continue
		}
		b.say("stage %s", stage.key)
		began, under := time.Now(), circumstances()
		o, err := stage.run(ctx, b)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("stage %s: %w", stage.key, err)
		}
		o.Key, o.Title, o.About, o.Took = stage.key, stage.title, stage.about, time.Since(began).Seconds()
		o.Under = under
		r.put(o)
		for _, t := range o.Targets {
			b.say("  %s: %s (%s) %s", t.What, t.Text, t.Want, t.Missing)
		}
		if err := r.write(); err != nil {
			return err
		}
	}
	return r.draw(ctx, b)
}
