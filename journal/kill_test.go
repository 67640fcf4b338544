package journal

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const killFolder = "JOURNAL_TEST_FOLDER" // makes the test binary the writer that is killed

func killOptions() Options {
	o := testOptions(nil)
	o.SegmentBytes = 10_000
	return o
}

// appendForever is the writer: it says what was acknowledged, until it is killed.
func appendForever(dir string) error {
	j, err := Open(dir, killOptions())
	if err != nil {
		return err
	}
	for {
		from := j.NextOffset()
		to := from + 1 + from%50
		if err := j.Append(batchOf(from, to)); err != nil {
			return err
		}
		fmt.Println(to)
	}
}

// TestKilled kills the writer after a random number of acknowledged batches, again and again: the journal goes on.
func TestKilled(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	dir := filepath.Join(t.TempDir(), "journal")
	recovered := 0
	for range 12 {
		acked := killAfter(t, dir, 1+random.IntN(30))
		r, err := OpenReader(dir, killOptions())
		if err != nil {
			t.Fatal(err)
		}
		got, err := collect(r, 0)
		if err := errors.Join(err, sameEntries(got, batchOf(0, int64(len(got))))); err != nil {
			t.Fatal(err)
		}
		if int64(len(got)) < acked {
			t.Fatalf("%d entries, %d were acknowledged", len(got), acked)
		}
		j := mustOpen(t, dir, killOptions())
		recovered += len(j.Recovered())
		if j.NextOffset() != int64(len(got)) {
			t.Errorf("read %d entries, the next one is %d", len(got), j.NextOffset())
		}
		if err := r.VerifyChain(); err != nil {
			t.Error(err)
		}
		mustClose(t, j)
	}
	t.Logf("%d torn tails", recovered)
}

// killAfter runs a writer, kills it when it has said so many times that a batch was acknowledged, and returns how many
// entries it had said.
func killAfter(t *testing.T, dir string, batches int) (acked int64) {
	t.Helper()
	writer := exec.Command(os.Args[0])
	writer.Env = append(os.Environ(), killFolder+"="+dir)
	writer.Stderr = os.Stderr
	stdout, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	lines := bufio.NewScanner(stdout)
	for n := 1; lines.Scan(); n++ {
		if acked, err = strconv.ParseInt(strings.TrimSpace(lines.Text()), 10, 64); err != nil {
			t.Fatal(err)
		}
		if n == batches { // what it said in the meantime is read to the end
			if err := writer.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			killed = true
		}
	}
	if err := writer.Wait(); !killed {
		t.Fatalf("the writer ended with %v after %d entries", err, acked)
	}
	return acked
}
