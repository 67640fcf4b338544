// Package impala is the engine, through impala-go: it describes and scans tables for a capture, loads and renames them for a
// restore, and proves what it loaded. Every statement that reaches Impala is built here: identifiers backquoted, literals escaped
// our own way, never the driver's parameters. testdata/*.sql holds one example of each.
package impala
