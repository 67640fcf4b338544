package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"rewind/sandbox"
)

// TestInterruptedWhileTheEngineHangs interrupts commands while Impala does not answer a call, and would not for an hour: they end, and
// say that they were interrupted. That each call can be interrupted is held where they are made, in impala.
func TestInterruptedWhileTheEngineHangs(t *testing.T) {
	noLeaks(t)
	for name, args := range map[string][]string{
		"produce": {"produce"}, "restore": {"restore", "shop.t", "--at", "-0s", "--into", "shop.past"}, "check": {"config", "check", "--connect"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, keyID, "&socket-timeout=1h")
			r.sql(t, iceberg, "INSERT INTO shop.t VALUES "+three)
			r.capture(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			calls, code, stderr := 0, 0, ""
			r.while(func() {
				r.call = func(sandbox.Call) sandbox.CallFault {
					if calls++; calls != 3 {
						return 0
					}
					cancel()
					return sandbox.CallStalled
				}
			}, func() { code, _, stderr = runCommand(ctx, append(args, "--config", r.config)...) })
			if code != exitInterrupted || !strings.HasPrefix(stderr, "rewind: interrupted; ") {
				t.Errorf("exit code %d: %s", code, stderr)
			}
			r.capture(t)
			r.nothingLeft(t, "afterwards", "t")
		})
	}
}

// TestInterruptedWhileKafkaHangs: likewise for a broker that takes connections and says nothing.
func TestInterruptedWhileKafkaHangs(t *testing.T) {
	noLeaks(t)
	r := newRig(t, keyID, "")
	r.sql(t, iceberg, "INSERT INTO shop.t VALUES "+three)
	point := fmt.Sprint(r.capture(t).Snapshot)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mutex sync.Mutex
	var cancel context.CancelFunc
	var accepted []net.Conn
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			conn, err := silent.Accept()
			if err != nil {
				return
			}
			mutex.Lock()
			accepted = append(accepted, conn)
			cancel()
			mutex.Unlock()
		}
	})
	defer func() {
		_ = silent.Close()
		wait.Wait()
		for _, c := range accepted {
			_ = c.Close()
		}
	}()
	r.broker = silent.Addr().String()
	r.configure(t, keyID, "")
	text, err := os.ReadFile(r.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.config, []byte(strings.Replace(string(text), "kafka:  {", "kafka:  {timeout: 1h, ", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for command, want := range map[string]int{
		"produce": exitInterrupted, "consume --until-caught-up": exitInterrupted, "consume": exitOK, "config check --connect": exitInterrupted,
		"produce --every 1h": exitOK, "status": exitInterrupted, "restore shop.t --at " + point + " --replace --yes": exitInterrupted,
	} {
		ctx, stop := context.WithCancel(t.Context())
		mutex.Lock()
		cancel = stop
		mutex.Unlock()
		code, stdout, stderr := runCommand(ctx, append(strings.Fields(command), "--config", r.config)...)
		stop()
		if code != want {
			t.Errorf("rewind %s while Kafka hangs: exit code %d, want %d: %s%s", command, code, want, stdout, stderr)
		}
	}
}
