// Package sandbox runs in-process stand-ins for the servers that rewind works
// with: a Kafka broker (kfake) and an Impala daemon (our own HiveServer2 server
// over SQLite). The demo, `rewind sandbox` and the tests talk to them over TCP
// with the same clients as to real servers; there is no second path.
//
// # What the Impala stand-in is
//
//	internal/hs2     the wire: sessions, operations, fetches, SASL PLAIN
//	internal/sql     Impala's lexer and parser
//	internal/engine  catalog, typed analysis into SQLite's SQL, functions, rows
//	internal/avro    the scanner of staged container files
//
// It keeps the types, literals, casts, statements and messages of Impala that
// rewind emits or a person types in a demo, and refuses everything else with
// an error. Values are stored so that SQLite cannot alter them: floating
// point, decimals and timestamps as bytes in their order, text as bytes.
//
// Rows belong to a location, as files do: tables that share a location share
// its rows, and dropping a table that owns its location removes them. Each
// INSERT leaves a small marker file there, so that a test sees which folders a
// statement touched. An Avro table is read from its files, at query time, and
// never written, as in Impala.
//
// # What it is not
//
// It has one node, no memory limits, no admission, no statistics beyond a row
// count and no grants. Iceberg tables keep no history; Kudu's range partitions
// reject no row; NaN equals itself in GROUP BY, DISTINCT and EXCEPT. Columns of
// complex types can be declared and described, and not read.
// File formats other than Avro are names only: every other table's rows live in
// the SQLite file. What it accepts is no proof that Impala accepts it.
package sandbox
