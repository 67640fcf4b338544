package checkpoint

import (
	"errors"
	"strings"
	"testing"

	"rewind/crypt"
	"rewind/disk"
	"rewind/table"
)

// writeRows writes rows in whatever order where they may lie so.
func writeRows(fsys disk.FS, keys *crypt.Keys, h Header, rows []table.Row, disordered bool) (string, error) {
	w, err := Create(fsys, keys, dir, h)
	if err != nil {
		return "", err
	}
	for _, r := range rows {
		if disordered {
			w.last = nil
		}
		if err := w.Add(r); err != nil {
			return "", errors.Join(err, w.Abandon())
		}
	}
	return w.Finish()
}

// TestRowsOutOfOrder: a row that does not come behind the one before is refused, and no file is named.
func TestRowsOutOfOrder(t *testing.T) {
	m := newDisk(t)
	rows, digest := rowsOf(t, 3)
	for _, order := range [][]int{{0, 2, 1}, {0, 1, 1, 2}, {2, 1, 0}} {
		var all []table.Row
		for _, i := range order {
			all = append(all, rows[i])
		}
		if path, err := write(m, nil, headerOf(t, 77, digest), all); !errors.Is(err, ErrOrder) || path != "" {
			t.Errorf("rows %d: %q, %v", order, path, err)
		}
		if left, err := m.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("rows %d: %v is left behind, %v", order, left, err)
		}
	}
}

func TestKeyOrderIsHeld(t *testing.T) {
	m := newDisk(t)
	rows, digest := rowsOf(t, 3)
	rows[1], rows[2] = rows[2], rows[1]
	path, err := writeRows(m, nil, headerOf(t, 77, digest), rows, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := read(m, nil, path); err == nil || !strings.Contains(err.Error(), "order") {
		t.Errorf("rows out of order: %v", err)
	}
}
