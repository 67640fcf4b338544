package crypt

import (
	"bytes"
	"errors"
	"os"
	"testing"
)

// TestGoldenFile reads a file that an earlier version wrote.
func TestGoldenFile(t *testing.T) {
	k, err := New(goldenKey, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("testdata/small.age")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decrypt(k, file); err != nil || string(got) != "a small file\n" {
		t.Errorf("%q, %v", got, err)
	}
}

// FuzzOpen takes any bytes for an encrypted file: an error is a typed one, and what opens is what the key's holder wrote.
func FuzzOpen(f *testing.F) {
	k, err := New(goldenKey, nil, true)
	if err != nil {
		f.Fatal(err)
	}
	file, err := os.ReadFile("testdata/small.age")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Add(file[:len(file)-1])
	f.Add(file[:60])
	f.Add([]byte(intro))
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := decrypt(k, content)
		var damage *DamageError
		var wrong *KeyError
		switch {
		case err == nil && !bytes.Equal(content, file) && len(got) > len(content):
			t.Fatalf("%d bytes out of %d", len(got), len(content))
		case err != nil && !errors.As(err, &damage) && !errors.As(err, &wrong):
			t.Fatal(err)
		}
	})
}
