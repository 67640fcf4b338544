package main

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"

	"rewind/sorting"
	"rewind/table"
)

// isWholeRow says whether a key, as it is configured, is the whole row.
func isWholeRow(key []string) bool { return len(key) == 1 && key[0] == table.WholeRowName }

// bareStarKey is a * without quotes where a key is.
var bareStarKey = regexp.MustCompile(`key: *\[? *\*`)

// bareStar is the first line in which a key is a * without quotes, 0 where there is none.
func bareStar(text []byte) int {
	at := bareStarKey.FindIndex(text)
	if at == nil {
		return 0
	}
	return bytes.Count(text[:at[0]], []byte("\n")) + 1
}

// checkKey refuses a key that is the whole row and columns.
func checkKey(name table.Name, key []string) error {
	if slices.Contains(key, table.WholeRowName) && !isWholeRow(key) {
		return fmt.Errorf("%s: key: '*' is every column and stands alone: key: ['*']", name)
	}
	return nil
}

// sortText says what it costs that a table's rows are sorted here.
func sortText(bytes *int64) string {
	text := "here: " + byteText(sorting.DefaultMemoryBytes) + " of memory"
	switch {
	case bytes == nil:
		return text + ", and disk for the rows that do not fit into it"
	case *bytes == 0:
		return text + ", no disk"
	}
	return text + ", and about " + byteText(*bytes) + " of disk while it is captured"
}

// sortBytes is what the sort of a table of so many rows and bytes takes of the disk beside its snapshots.
func sortBytes(rows, bytes int64) int64 {
	if bytes += rows * sorting.RecordBytes; bytes <= sorting.DefaultMemoryBytes {
		return 0
	}
	return bytes
}
