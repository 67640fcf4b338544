package impala

import (
	"errors"
	"fmt"

	"rewind/table"
)

// RowError is a row that cannot be carried.
type RowError struct {
	Table table.Name
	Key   string // the row's key, for people
	Err   error
}

// Error names the row.
func (e *RowError) Error() string { return fmt.Sprintf("%s: row %s: %v", e.Table, e.Key, e.Err) }

// Unwrap is the cause.
func (e *RowError) Unwrap() error { return e.Err }

// Hint names the setting that carries text as bytes, where that is what is needed.
func (e *RowError) Hint() string {
	var text *table.TextError
	if errors.As(e.Err, &text) {
		return fmt.Sprintf("rewind never alters text; carry the column as bytes: tables: [{name: %s, bytes: [%s]}]", e.Table, text.Column)
	}
	return "the row as Impala gives it does not fit the column's type; see the row's values"
}

// ExitCode is that of configuration for text that a setting can carry, else that of a guard.
func (e *RowError) ExitCode() int {
	var text *table.TextError
	if errors.As(e.Err, &text) {
		return exitUsage
	}
	return exitGuard
}

// ExistsError is a table that is there already where a new one was to be made.
type ExistsError struct{ Table table.Name }

// Error names the table.
func (e *ExistsError) Error() string { return e.Table.String() + " exists already" }

// Hint says what to do.
func (e *ExistsError) Hint() string { return "restore into another name, or drop that table first" }

// ExitCode is that of a guard.
func (e *ExistsError) ExitCode() int { return exitGuard }

// LocationError is a place that a new table, or its staging, must not have.
type LocationError struct{ Table, Place, Other string }

// Error shows both places.
func (e *LocationError) Error() string {
	return fmt.Sprintf("%s would lie in %s, which %s", e.Table, e.Place, e.Other)
}

// Hint says what to do.
func (e *LocationError) Hint() string {
	return "nothing was written there; restore into another name or database, or move what is in the way"
}

// ExitCode is that of a guard.
func (e *LocationError) ExitCode() int { return exitGuard }

// StagingError is a restore that needs staging where there is none.
type StagingError struct {
	Table  table.Name
	Reason string
}

// Error says why.
func (e *StagingError) Error() string { return e.Table.String() + ": " + e.Reason }

// Hint names the settings.
func (e *StagingError) Hint() string {
	return "configure impala.staging, a folder that Impala can read too (or raise impala.values_limit: one statement holds some thousand rows)"
}

// ExitCode is that of a guard.
func (e *StagingError) ExitCode() int { return exitGuard }

// ProofError is a loaded table that is not what was to be loaded.
type ProofError struct {
	Table     table.Name
	Want, Got table.Digest
	How       string
}

// Error shows both digests.
func (e *ProofError) Error() string {
	return fmt.Sprintf("%s: the loaded table's digest %s, computed %s, is not the restore point's %s", e.Table, e.Got, e.How, e.Want)
}

// Hint says what happened to the table.
func (e *ProofError) Hint() string {
	return "the new table was dropped; a file format or partitioning that cannot hold every value is the usual cause"
}

// ExitCode is that of a failed proof.
func (e *ProofError) ExitCode() int { return exitProof }

// DefinitionError is a recorded definition that no table can be rebuilt from.
type DefinitionError struct {
	Table table.Name
	Err   error
}

// Error says what is wrong with it.
func (e *DefinitionError) Error() string { return fmt.Sprintf("%s: %v", e.Table, e.Err) }

// Unwrap is the cause.
func (e *DefinitionError) Unwrap() error { return e.Err }

// CommandError is a site command that failed.
type CommandError struct {
	Command string
	Stderr  string
	Err     error
}

// Error shows the command and what it printed.
func (e *CommandError) Error() string {
	if e.Stderr == "" {
		return fmt.Sprintf("%s: %v", e.Command, e.Err)
	}
	return fmt.Sprintf("%s: %v: %s", e.Command, e.Err, e.Stderr)
}

// Unwrap is the cause.
func (e *CommandError) Unwrap() error { return e.Err }

// Hint names the setting.
func (e *CommandError) Hint() string {
	return "run the command by hand as this user; it stands under impala.staging"
}
