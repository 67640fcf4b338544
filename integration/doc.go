// Package integration holds the tests that run the real binary, as separate processes, against a real Kafka and a real HiveServer2.
//
// They stand behind the build tag "integration": run.sh starts the servers, builds the binary, and runs them. The folder engines/ has
// the servers' scripts; hs2proxy makes HiveServer2 look like Impala.
package integration
