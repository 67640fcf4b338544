package impala

// DB is placeholder
type DB struct{ address string }
