package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// names gives what differs from run to run the names that the transcripts use: the first snapshot is read on
// 2026-11-23 at nine, each further one five minutes later, and how long anything took is not told.
type names struct {
	folder string              // that the terminal opened in
	ids    []int64             // of the snapshots, in order
	random map[string][]string // other names of a kind, in order of appearance
}

const (
	firstID   = 1795424400000000 // 2026-11-23T09:00:00Z in microseconds
	betweenID = 5 * 60 * 1_000_000
)

var (
	idPattern      = regexp.MustCompile(`\b17\d{14}\b`)
	timePattern    = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	tookPattern    = regexp.MustCompile(`\b\d+(\.\d+)? ?(ns|µs|ms|s)\b( \([\d,]+ rows/s\))?`)
	secondsPattern = regexp.MustCompile(`"seconds":[0-9.e-]+`)
	restorePattern = regexp.MustCompile(`\d{8}_\d{6}_[0-9a-f]{8}`)
	secretPattern  = regexp.MustCompile(`[0-9a-f]{32}`)
	// Compressed, the random ids in a journal are not always of one length.
	segmentsPattern = regexp.MustCompile(`(segments?), [\d,]+ bytes`)
	signedPattern   = regexp.MustCompile(`\d+ (of its bytes were signed at .*, it has) \d+`)
	keyPattern      = regexp.MustCompile(`the key [0-9a-f]{16}`)
	portPattern     = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	fakeTimeLayout  = "2006-01-02T15:04:05.000000Z"
	portsInGreeting = []string{"127.0.0.1:19092", "127.0.0.1:21050"}
)

// learn asks for the snapshots' ids, so that they are numbered by their time and not by when they are first shown.
func (n *names) learn(t *testing.T) {
	t.Helper()
	_, stdout, _ := runCommand(context.WithoutCancel(t.Context()), "points", "--json")
	for line := range strings.Lines(stdout) {
		var point struct{ ID int64 }
		if err := json.Unmarshal([]byte(line), &point); err == nil && point.ID != 0 {
			n.fakeID(point.ID)
		}
	}
}

// real puts the snapshots' ids into a command.
func (n *names) real(command string) string {
	return idPattern.ReplaceAllStringFunc(command, func(text string) string {
		fake, err := strconv.ParseInt(text, 10, 64)
		if i := (fake - firstID) / betweenID; err == nil && i >= 0 && int(i) < len(n.ids) {
			return strconv.FormatInt(n.ids[i], 10)
		}
		return text
	})
}

// normal puts the transcripts' names into an answer.
func (n *names) normal(answer string) string {
	answer = strings.ReplaceAll(answer, n.folder, "/home/you")
	answer = idPattern.ReplaceAllStringFunc(answer, func(text string) string {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return text
		}
		return strconv.FormatInt(n.fakeID(id), 10)
	})
	answer = timePattern.ReplaceAllStringFunc(answer, n.fakeTime)
	answer = restorePattern.ReplaceAllStringFunc(answer, func(text string) string {
		return fmt.Sprintf("20261123_1000%02d_%08x", n.nth("restore", text), n.nth("restore", text)+1)
	})
	answer = secretPattern.ReplaceAllStringFunc(answer, func(text string) string {
		return fmt.Sprintf("%032x", n.nth("secret", text)+1)
	})
	answer = signedPattern.ReplaceAllString(answer, "… $1 …")
	answer = keyPattern.ReplaceAllString(answer, "the key 00112233445566ff")
	answer = portPattern.ReplaceAllStringFunc(answer, func(text string) string {
		return portsInGreeting[n.nth("port", text)%len(portsInGreeting)]
	})
	answer = segmentsPattern.ReplaceAllString(answer, "$1, … bytes")
	answer = secondsPattern.ReplaceAllString(answer, `"seconds":…`)
	return tookPattern.ReplaceAllString(answer, "…")
}

// fakeID is the id that the transcripts use for a snapshot.
func (n *names) fakeID(id int64) int64 {
	i := slices.Index(n.ids, id)
	if i < 0 {
		i = len(n.ids)
		n.ids = append(n.ids, id)
	}
	return firstID + int64(i)*betweenID
}

// fakeTime is a time as far behind its snapshot's as it is the how-manieth said of it, in milliseconds.
func (n *names) fakeTime(text string) string {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || len(n.ids) == 0 || at.UnixMicro() < n.ids[0] {
		return text // typed, not measured
	}
	i := len(n.ids) - 1
	for n.ids[i] > at.UnixMicro() {
		i--
	}
	fake := time.UnixMicro(firstID + int64(i)*betweenID).UTC()
	if n.ids[i] != at.UnixMicro() {
		fake = fake.Add(time.Duration(1+n.nth(strconv.Itoa(i), text)) * time.Millisecond)
	}
	return fake.Format(fakeTimeLayout)
}

// nth counts the different texts of a kind, in order of appearance.
func (n *names) nth(kind, text string) int {
	if n.random == nil {
		n.random = map[string][]string{}
	}
	i := slices.Index(n.random[kind], text)
	if i < 0 {
		i = len(n.random[kind])
		n.random[kind] = append(n.random[kind], text)
	}
	return i
}
