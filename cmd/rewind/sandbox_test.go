package main

import "testing"

func TestEnterPlay(t *testing.T) {
	for _, test := range []struct{ dir, program, enter, called string }{
		{"./play", "rewind", "cd ./play", "rewind"},
		{"./play", "./rewind", "cd ./play", "../rewind"},
		{"play/deep", "bin/rewind", "cd play/deep", "../../bin/rewind"},
		{".", "./rewind", "cd .", "./rewind"},
		{"./play", "/usr/local/bin/rewind", "cd ./play", "/usr/local/bin/rewind"},
		{"./play", "go run ./cmd/rewind", "export REWIND_CONFIG=play/rewind.yaml", "go run ./cmd/rewind"},
	} {
		enter, called := enterPlay(test.dir, "play/rewind.yaml", test.program)
		if enter != test.enter || called != test.called {
			t.Errorf("%s in %s: %q and %q, want %q and %q", test.program, test.dir, enter, called, test.enter, test.called)
		}
	}
}
