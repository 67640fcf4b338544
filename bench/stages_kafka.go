package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"rewind/bench/workload"
)

const (
	kafkaPort   = "29392"
	bareProduce = "kafka-go Client.Produce"
	franz       = "franz-go, idempotent"
	javaProduce = "kafka-producer-perf-test"
	bareRead    = "kafka-go Conn.ReadBatch"
	javaConsume = "kafka-consumer-perf-test"
	plainFile   = "sequential write with fsync"
	recordBytes = "150" // about one of our messages
)

// realKafka gives a real broker: the one that was named, or one that the scripts of integration start. stop ends the latter.
func (b *workbench) realKafka(ctx context.Context) (broker string, stop func(), err error) {
	if b.kafka != "" {
		return b.kafka, func() {}, nil
	}
	work, err := b.fresh("kafka")
	if err != nil {
		return "", nil, err
	}
	script := func(ctx context.Context, name string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, filepath.Join("integration", "engines", name))
		cmd.Env = append(os.Environ(), "KAFKA_PORT="+kafkaPort, "KAFKA_WORK="+work)
		cmd.Stderr = b.progress
		return cmd
	}
	var out bytes.Buffer
	up := script(ctx, "kafka-up.sh")
	up.Stdout = &out
	stop = func() {
		if err := script(context.WithoutCancel(ctx), "kafka-down.sh").Run(); err != nil {
			b.say("kafka-down: %v", err)
		}
	}
	if err := up.Run(); err != nil {
		stop()
		return "", nil, fmt.Errorf("start Kafka: %w", err)
	}
	return strings.TrimSpace(out.String()), stop, nil
}

// toolJars is where Kafka's own tools are.
func (b *workbench) toolJars() string {
	if b.jars != "" {
		return b.jars
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "kafka-jars", "4.3.1", "lib")
}

func (b *workbench) perf(what, broker, topic, rows string) *exec.Cmd {
	args := []string{what, b.toolJars(), broker, topic, rows}
	if what == "produce" {
		args = append(args, recordBytes)
	}
	return exec.Command(filepath.Join("bench", "peers", "perf.sh"), args...)
}

func publishStage(ctx context.Context, b *workbench) (o outcome, err error) {
	const besideBare, besideFranz = "messages/s, against kafka-go's bare loop", "messages/s, against franz-go's idempotent producer"
	broker, stop, err := b.realKafka(ctx)
	if err != nil {
		o.Targets = []target{notYet(besideBare, "≥ 0.75×", err.Error()), notYet(besideFranz, "≥ 1.5×", err.Error())}
		return o, ctx.Err()
	}
	defer stop()
	s := b.usual(b.atMost(1_000_000))
	folder, err := b.table(ctx, s, asRows)
	if err != nil {
		return o, err
	}
	rows := filepath.Join(folder, "v1.rows")
	child := func(name string, round int) *exec.Cmd {
		return self("child", name, shapeText(s), rows, fmt.Sprintf("bench-%s-%d", name, round), broker)
	}
	all, err := compete(ctx, b.rounds,
		contestant{name: ours, command: func(round int) *exec.Cmd {
			return self("child", "publish", shapeText(s), rows, b.path("states", fmt.Sprintf("publish-%d", round)), broker)
		}, prepare: func(_ context.Context, round int) error {
			_, err := b.fresh("states", fmt.Sprintf("publish-%d", round))
			return err
		}},
		contestant{name: bareProduce, command: func(round int) *exec.Cmd { return child("publish-kafka", round) }},
		contestant{name: franz, command: func(round int) *exec.Cmd { return child("publish-franz", round) }},
		contestant{name: javaProduce, prepare: func(ctx context.Context, round int) error {
			_, err := b.do(ctx, self("child", "topic", fmt.Sprintf("bench-perf-%d", round), broker))
			return err
		}, command: func(round int) *exec.Cmd {
			return b.perf("produce", broker, fmt.Sprintf("bench-perf-%d", round), itoa(s.Rows))
		}})
	if err != nil {
		return o, err
	}
	for i := range all { // of ours the stage publish alone
		for k, m := range all[i].Rounds {
			all[i].Rounds[k].WallSeconds = m.More["publish_s"]
		}
	}
	o.Groups = []group{{Title: workload.FormatRows(s.Rows) + " messages (of ours the CPU is that of the whole capture)", Unit: "messages", Series: all}}
	mine := find(all, ours).rate()
	o.Targets = []target{
		atLeast(besideBare, "≥ 0.75×", mine/find(all, bareProduce).rate(), .75),
		atLeast(besideFranz, "≥ 1.5×", mine/find(all, franz).rate(), 1.5),
	}
	return o, nil
}

func consumeStage(ctx context.Context, b *workbench) (o outcome, err error) {
	const besideBare, besideTool = "messages/s, against kafka-go's bare loop", "messages/s, against Kafka's perf tool"
	broker, stop, err := b.realKafka(ctx)
	if err != nil {
		o.Targets = []target{notYet(besideBare, "≥ 0.7×", err.Error()), notYet(besideTool, "≥ 1.5×", err.Error())}
		return o, ctx.Err()
	}
	defer stop()
	s := b.usual(b.atMost(1_000_000))
	folder, err := b.table(ctx, s, asRows)
	if err != nil {
		return o, err
	}
	state, err := b.fresh("states", "consumed")
	if err != nil {
		return o, err
	}
	published, err := b.do(ctx, self("child", "publish", shapeText(s), filepath.Join(folder, "v1.rows"), state, broker))
	if err != nil {
		return o, err
	}
	prefix := prefixOf(state)
	name := prefix + "." + s.Name().String()
	all, err := compete(ctx, b.rounds,
		contestant{name: ours, command: func(int) *exec.Cmd { return self("child", "consume", b.path("consumed"), prefix, broker) }},
		contestant{name: bareRead, command: func(int) *exec.Cmd { return self("child", "consume-kafka", name, broker) }},
		contestant{name: javaConsume, command: func(int) *exec.Cmd { return b.perf("consume", broker, name, itoa(s.Rows)) }},
		contestant{name: plainFile, command: func(int) *exec.Cmd {
			return self("child", "disk", b.path("plain"), fmt.Sprintf("%.0f", published.More["published_bytes"]), itoa(s.Rows))
		}})
	if err != nil {
		return o, err
	}
	mine := find(all, ours)
	o.Groups = []group{{Title: workload.FormatRows(s.Rows) + " messages", Unit: "messages", Series: all}}
	o.Targets = []target{
		atLeast(besideBare, "≥ 0.7×", mine.rate()/find(all, bareRead).rate(), .7),
		atLeast(besideTool, "≥ 1.5×", mine.rate()/find(all, javaConsume).rate(), 1.5),
		atLeast("bytes/s, against a sequential write with fsync of the same bytes", "no target", find(all, plainFile).median(wall)/mine.median(wall), 0),
	}
	return o, nil
}

// plainly writes as many bytes as there are in these folders, and nothing else.
func (b *workbench) plainly(ctx context.Context, rows int64, folders ...string) (measure, error) {
	total := int64(0)
	for _, f := range folders {
		n, err := folderBytes(f)
		if err != nil {
			return measure{}, err
		}
		total += n
	}
	return b.do(ctx, self("child", "disk", b.path("plain"), itoa(total), itoa(rows)))
}

// chainStage goes once through everything, in turn with nobody.
func chainStage(ctx context.Context, b *workbench) (o outcome, err error) {
	s := b.usual(b.atMost(1_000_000))
	folder, err := b.table(ctx, s, asRows)
	if err != nil {
		return o, err
	}
	broker, stop, err := b.serve(ctx, "kafka")
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	data, staging := b.path("chain"), b.path("staging-chain")
	var first, second, journaled, restored, plain series
	for round := range b.rounds + 1 {
		state, err := b.fresh("states", fmt.Sprintf("chain-%d", round))
		if err != nil {
			return o, err
		}
		for _, step := range []struct {
			into *series
			name string
			cmd  *exec.Cmd
		}{
			{&first, "capture of a baseline", self("child", "capture", shapeText(s), filepath.Join(folder, "v1.rows"), state, broker)},
			{&second, "capture, 1.2 % changed", self("child", "capture", shapeText(s), filepath.Join(folder, "v2.rows"), state, broker)},
			{&journaled, "consume both into the journal", self("child", "consume", data, prefixOf(state), broker)},
			{&restored, "restore to staged files", self("child", "restore", data, staging)},
		} {
			m, err := b.do(ctx, step.cmd)
			if err != nil {
				return o, fmt.Errorf("%s: %w", step.name, err)
			}
			if step.into.Name = step.name; round > 0 {
				step.into.Rounds = append(step.into.Rounds, m)
			}
		}
		m, err := b.plainly(ctx, s.Rows, state, data, staging)
		if err != nil {
			return o, err
		}
		if plain.Name = plainFile; round > 0 {
			plain.Rounds = append(plain.Rounds, m)
		}
	}
	all := []series{first, second, journaled, restored}
	o.Groups = []group{{Title: workload.FormatRows(s.Rows) + " rows; the last line writes the bytes that are then in the snapshot file, the journal and the staged files", Unit: "rows", Series: append(all, plain)}}
	slowest, whole := first, 0.
	for _, one := range all {
		whole += one.median(wall)
		if one.rate() < slowest.rate() {
			slowest = one
		}
	}
	far := whole / plain.median(wall)
	o.Targets = []target{made("all of it, against a plain write with fsync of what it leaves on the disk", "reported", far, fmt.Sprintf("%.1f× as long", far), true),
		made("the stage that bounds it: "+slowest.Name, "reported", slowest.rate(), fmt.Sprintf("%.2fM rows/s", slowest.rate()/1e6), true)}
	return o, nil
}
