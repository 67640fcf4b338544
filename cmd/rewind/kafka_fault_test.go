package main

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"

	"rewind/sandbox/kafkatest"
)

// kafkaFaults are what the network does to one request to Kafka, of either command.
var kafkaFaults = []struct {
	name, command string
	key           kmsg.Key // of the requests that are struck in turn; -1: all
	way           kafkatest.Way
	after, step   int
}{
	{"messages, answer lost", "produce", kmsg.Produce, kafkatest.LoseAnswer, 0, 1},
	{"messages, behind the next", "produce", kmsg.Produce, kafkatest.Delay, 1, 1},
	{"messages, behind the third", "produce", kmsg.Produce, kafkatest.Delay, 3, 1},
	{"messages, behind the capture", "produce", kmsg.Produce, kafkatest.Delay, 0, 1},
	{"any, answer lost", "produce", -1, kafkatest.LoseAnswer, 0, 5},
	{"any, lost", "produce", -1, kafkatest.LoseRequest, 0, 6},
	{"fetch, answer lost", "consume", kmsg.Fetch, kafkatest.LoseAnswer, 0, 1},
	{"any, answer lost", "consume", -1, kafkatest.LoseAnswer, 0, 6},
	{"any, lost", "consume", -1, kafkatest.LoseRequest, 0, 7},
}

// TestEveryRequestToKafkaFails makes each request of a capture, and of its consumption, go wrong in turn: its answer is lost, it is
// lost itself, or it arrives behind later ones, when it was long sent again. Every command succeeds, and every restore point is the
// table as it was.
func TestEveryRequestToKafkaFails(t *testing.T) {
	noLeaks(t)
	for _, f := range kafkaFaults {
		t.Run(f.command+" "+f.name, func(t *testing.T) {
			t.Parallel()
			cluster := kafkatest.New(t)
			r := newRig(t, keyID, "")
			r.broker = cluster.ListenAddrs()[0]
			r.configure(t, keyID, "")
			r.sql(t, iceberg, "INSERT INTO shop.t VALUES "+three)
			r.capture(t)
			want := map[int64][]string{}
			struck := -1
			for k, hit := 1, true; hit; k += f.step {
				r.sql(t, fmt.Sprintf("INSERT INTO shop.t VALUES (%d, 'k', %d)", 100+k, k))
				s := &kafkatest.Strike{Key: f.key, K: k, Way: f.way, After: f.after}
				var line captureLine
				for _, command := range [][]string{{"produce", "--json"}, {"consume", "--until-caught-up"}} {
					if command[0] == f.command {
						cluster.SetStrike(s)
					}
					text := must(t, append(command, "--config", r.config)...)
					cluster.SetStrike(nil)
					cluster.Deliver(t, s)
					if command[0] == "produce" {
						line = lines[captureLine](t, text)[0]
					}
				}
				want[line.Snapshot] = r.look(t, "shop.t").Rows
				hit = s.Hit()
				struck++
			}
			if len(r.points(t)) != len(want)+1 {
				t.Errorf("%d restore points of %d captures", len(r.points(t)), len(want)+1)
			}
			for id, rows := range want {
				if diff := cmp.Diff(rows, r.fold(t, shopT, id)); diff != "" {
					t.Errorf("as of %d: want (-), got (+)\n%s", id, diff)
				}
			}
			must(t, "verify", "--config", r.config)
			t.Logf("counted: %d requests of %s to Kafka: %s", struck, f.command, f.name)
		})
	}
}
