// Command rewind protects Apache Impala tables: it captures them into Kafka, keeps every change in a journal of
// its own, and brings any restore point back.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}
