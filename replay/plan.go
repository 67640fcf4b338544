package replay

import (
	"time"

	"rewind/table"
)

// ReplaceNames are names as a Replace would draw them now: for who only wants to show what one does.
func ReplaceNames(name table.Name) (restoreID string, fresh, kept table.Name, err error) {
	restoreID = newRestoreID(time.Now())
	fresh, kept, err = swapNames(name, restoreID)
	return restoreID, fresh, kept, err
}

// Pending says whether a restore of the table was cut off, so that the next command on the table finishes it first. It touches
// nothing.
func Pending(name table.Name, o Options) (bool, error) {
	pending, _, err := somethingPending(name, o.applyDefaults(""))
	return pending, err
}
