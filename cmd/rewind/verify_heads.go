package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"rewind/journal"
)

const headsLimit = 256 << 20

// readHeads reads heads that were kept elsewhere: head.json files, one behind the other, or what verify --json printed.
func readHeads(path string) ([]journal.Head, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var heads []journal.Head
	for d := json.NewDecoder(io.LimitReader(f, headsLimit)); ; {
		var value json.RawMessage
		err := d.Decode(&value)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		found, err := headsIn(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		heads = append(heads, found...)
	}
	if len(heads) == 0 {
		return nil, fmt.Errorf("%s holds no signed head", path)
	}
	return heads, nil
}

// headsIn gives the heads of one JSON value: a head, or a verdict with the heads that it held.
func headsIn(value json.RawMessage) ([]journal.Head, error) {
	var verdict struct {
		Heads []json.RawMessage `json:"heads"`
	}
	if err := json.Unmarshal(value, &verdict); err != nil {
		return nil, err
	}
	if !bytes.Contains(value, []byte(`"heads"`)) {
		head, err := journal.ParseHead(value)
		return []journal.Head{head}, err
	}
	var heads []journal.Head
	for _, text := range verdict.Heads {
		var held struct{ Held, Kept bool }
		if err := json.Unmarshal(text, &held); err != nil {
			return nil, err
		}
		if !held.Held || held.Kept {
			continue
		}
		head, err := journal.ParseHead(text)
		if err != nil {
			return nil, err
		}
		heads = append(heads, head)
	}
	return heads, nil
}
