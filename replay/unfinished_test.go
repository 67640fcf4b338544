package replay

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"rewind/disk"
	"rewind/table"
)

// TestUnfinished has no restore, one that runs and one that was cut off; looking changes nothing.
func TestUnfinished(t *testing.T) {
	name := table.Name{Database: "shop", Table: "orders"}
	o := Options{Data: t.TempDir()}
	want := func(state string) {
		t.Helper()
		if got, err := Unfinished(name, o); got != state || err != nil {
			t.Errorf("%q, %v, want %q", got, err, state)
		}
	}
	want("")
	load, err := beginLoad(o.applyDefaults(""), loadRecord{Version: recordVersion, ID: "1", Table: name.String(), Into: "shop.x"})
	if err != nil {
		t.Fatal(err)
	}
	want(RestoreRunning)
	load.release()
	want(RestoreCutOff)
	if err := load.done(); err != nil {
		t.Fatal(err)
	}
	want("")
	intent := swapPath(o, name)
	if err := os.WriteFile(intent, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	want(RestoreCutOff) // there never was a lock
	if _, err := os.Stat(lockOf(intent)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("looking made %s: %v", filepath.Base(lockOf(intent)), err)
	}
	lock, err := disk.OS.Lock(lockOf(intent))
	if err != nil {
		t.Fatal(err)
	}
	want(RestoreRunning)
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	want(RestoreCutOff)
	if got, err := Unfinished(table.Name{Database: "shop", Table: "other"}, o); got != "" || err != nil {
		t.Errorf("of another table: %q, %v", got, err)
	}
}
