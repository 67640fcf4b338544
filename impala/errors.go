package impala

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"unicode/utf8"

	driverpkg "github.com/sclgo/impala-go"

	"rewind/handshake"
	"rewind/table"
)

// Exit codes, as the command line documents them.
const (
	exitUsage       = 2
	exitNothing     = 4
	exitProof       = 5
	exitGuard       = 6
	exitUnreachable = 7
)

// NameError is an identifier that cannot be quoted.
type NameError struct{ Name string }

// Error shows the name.
func (e *NameError) Error() string { return fmt.Sprintf("the name %q cannot be quoted in SQL", e.Name) }

// Hint says what to do about it.
func (e *NameError) Hint() string {
	return "exclude the column, or rename it; `, \\, ? and control characters cannot be sent to Impala in a name"
}

// ExitCode is that of configuration.
func (e *NameError) ExitCode() int { return exitUsage }

// ConfigError is a setting that cannot be used.
type ConfigError struct{ Setting, Reason string }

// Error names the setting.
func (e *ConfigError) Error() string { return e.Setting + ": " + e.Reason }

// ExitCode is that of configuration.
func (e *ConfigError) ExitCode() int { return exitUsage }

// KeyError is a table whose key is neither configured nor known to the engine.
type KeyError struct{ Table table.Name }

// Error names the table.
func (e *KeyError) Error() string { return e.Table.String() + ": no key configured and none known" }

// Hint names the setting.
func (e *KeyError) Hint() string {
	return fmt.Sprintf("name the columns that identify a row: tables: [{name: %s, key: [...]}]; where none do, take the whole row: key: ['*']", e.Table)
}

// ExitCode is that of configuration.
func (e *KeyError) ExitCode() int { return exitUsage }

// CannotCarry marks it for whoever captures the table.
func (e *KeyError) CannotCarry() {}

// ColumnTypeError is columns of types that cannot be carried.
type ColumnTypeError struct {
	Table   table.Name
	Columns []string // "name TYPE"
	Names   []string
}

// Error names the columns and their types.
func (e *ColumnTypeError) Error() string {
	return fmt.Sprintf("%s: columns of types that cannot be carried: %s", e.Table, strings.Join(e.Columns, ", "))
}

// Hint names the setting that leaves them out.
func (e *ColumnTypeError) Hint() string {
	return fmt.Sprintf("leave them out: tables: [{name: %s, exclude: [%s]}]", e.Table, strings.Join(e.Names, ", "))
}

// ExitCode is that of configuration.
func (e *ColumnTypeError) ExitCode() int { return exitUsage }

// CannotCarry marks it for whoever captures the table.
func (e *ColumnTypeError) CannotCarry() {}

// UnsupportedTableError is a table of a kind that cannot be protected or restored.
type UnsupportedTableError struct {
	Table          table.Name
	Reason, Advice string
}

// Error says what the table is.
func (e *UnsupportedTableError) Error() string { return e.Table.String() + ": " + e.Reason }

// Hint says what to do instead.
func (e *UnsupportedTableError) Hint() string { return e.Advice }

// ExitCode is that of a guard.
func (e *UnsupportedTableError) ExitCode() int { return exitGuard }

// CannotCarry marks it for whoever captures the table.
func (e *UnsupportedTableError) CannotCarry() {}

// NoTableError is a table that does not exist.
type NoTableError struct{ Table table.Name }

// Error names the table.
func (e *NoTableError) Error() string { return "no such table: " + e.Table.String() }

// Hint says what could be meant.
func (e *NoTableError) Hint() string {
	return "check the name (database.table) and the user's rights; a table made outside Impala may need INVALIDATE METADATA"
}

// ExitCode is that of nothing there.
func (e *NoTableError) ExitCode() int { return exitNothing }

// UnreachableError is a connection that cannot be made or was lost.
type UnreachableError struct {
	Address string
	Err     error
}

// Error names the address and the cause.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("Impala at %s cannot be reached: %v", e.Address, e.Err)
}

// Unwrap is the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// Hint says what to check.
func (e *UnreachableError) Hint() string {
	if strings.Contains(e.Err.Error(), "i/o timeout") {
		return "the server did not answer in time: if it is at work, raise socket-timeout in impala.dsn (120s unless set)"
	}
	if e.hungUp() {
		return "the server hung up at the first word: if it wants a user, put auth=ldap, user and password into impala.dsn; if it speaks TLS, tls=true"
	}
	return "check impala.dsn, that an impalad listens there (HiveServer2 protocol, usually port 21050), and tls= and auth= in it"
}

// hungUp says that a server closed the connection instead of opening a session: it expects another way to begin.
func (e *UnreachableError) hungUp() bool {
	text := e.Err.Error()
	return strings.Contains(text, "failed to open session: ") &&
		(strings.HasSuffix(text, "EOF") || strings.HasSuffix(text, "connection reset by peer") || strings.HasSuffix(text, "broken pipe"))
}

// ExitCode is that of unreachable.
func (e *UnreachableError) ExitCode() int { return exitUnreachable }

// AuthError is credentials that were refused.
type AuthError struct {
	Address string
	Err     error
}

// Error names the address and the cause.
func (e *AuthError) Error() string {
	return fmt.Sprintf("Impala at %s refused the credentials: %v", e.Address, e.Err)
}

// Unwrap is the cause.
func (e *AuthError) Unwrap() error { return e.Err }

// Hint says what to check.
func (e *AuthError) Hint() string {
	return "check user and password in impala.dsn and that auth=ldap is meant"
}

// ExitCode is that of configuration: trying again changes nothing.
func (e *AuthError) ExitCode() int { return exitUsage }

// StatementError is a statement that Impala refused or could not finish.
type StatementError struct {
	SQL string // shortened
	Err error
}

// Error shows the beginning of the statement.
func (e *StatementError) Error() string { return fmt.Sprintf("%v in %s", e.Err, e.SQL) }

// Unwrap is the cause.
func (e *StatementError) Unwrap() error { return e.Err }

// isSyntax says that the engine does not know the statement at all.
func (e *StatementError) isSyntax() bool {
	return e.says("ParseException") || e.says("Syntax error") || e.says("syntax error")
}

func (e *StatementError) says(phrase string) bool { return strings.Contains(e.Err.Error(), phrase) }

// ExitCode is that of nothing there where a database is missing, else that of a failure.
func (e *StatementError) ExitCode() int {
	if e.says(noDatabase) {
		return exitNothing
	}
	return 1
}

// Hint says what to do where that is known.
func (e *StatementError) Hint() string {
	switch {
	case e.says(noDatabase):
		return "create the database first (CREATE DATABASE), or name another one"
	case e.says("AuthorizationException"):
		return "the user in impala.dsn lacks a right: grant it, or log in as another user"
	}
	return ""
}

// noDatabase is how Impala says so.
const noDatabase = "Database does not exist"

// shownSQL is how much of a statement a message shows; of INSERT VALUES nothing that is a row's.
const shownSQL = 160

func shorten(sql string) string {
	if head, _, found := strings.Cut(sql, " VALUES ("); found && strings.HasPrefix(sql, "INSERT") {
		return head + " VALUES …"
	}
	if len(sql) <= shownSQL {
		return sql
	}
	cut := shownSQL
	for !utf8.RuneStart(sql[cut]) {
		cut--
	}
	return sql[:cut] + "…"
}

// classify gives an error of the driver its type.
func (db *DB) classify(ctx context.Context, sql string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var auth *driverpkg.AuthError
	var answer *AnswerError
	fault := handshake.Explain(err)
	switch {
	case errors.As(err, &answer):
		return err
	case fault != nil:
		return &TLSError{db.address, fault}
	case errors.As(err, &auth) || strings.Contains(err.Error(), saslRefused):
		return &AuthError{db.address, err}
	case errors.Is(err, driverpkg.ErrBadDSN):
		return &ConfigError{"impala.dsn", err.Error()}
	case isConnection(err):
		return &UnreachableError{db.address, err}
	}
	return &StatementError{shorten(sql), err}
}

// saslRefused is how the driver reports a server that answers no instead of hanging up, as Hive does.
const saslRefused = "sasl: negotiation failed. bad status"

// isConnection tells a lost or impossible connection from an answer of the server.
func isConnection(err error) bool {
	var network net.Error
	if errors.Is(err, driverpkg.ErrOpenFailed) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.As(err, &network) {
		return true
	}
	for _, phrase := range []string{"Client session expired", "Invalid session id", "Invalid SessionHandle"} {
		if strings.Contains(err.Error(), phrase) {
			return true
		}
	}
	for _, phrase := range []string{"i/o timeout", "connection reset", "broken pipe", "use of closed network connection", "EOF"} {
		if strings.Contains(err.Error(), phrase) {
			return !strings.Contains(err.Error(), "remote server error")
		}
	}
	return false
}

// isMissing recognises an answer that says that a table does not exist: Impala's, and the metastore's.
func isMissing(err error) bool {
	var statement *StatementError
	if !errors.As(err, &statement) {
		return false
	}
	text := strings.ToLower(statement.Err.Error())
	for _, phrase := range []string{"table does not exist", "could not resolve path", "could not resolve table reference",
		"database does not exist", "table not found", "nosuchobjectexception", "no such table"} {
		if strings.Contains(text, phrase) {
			return true
		}
	}
	return false
}
