// hs2proxy makes HiveServer2 look like Impala to impala-go, so that the pipeline can be tested against a real engine: one client
// connection in, one engine connection out. The program under test speaks Impala's SQL and Impala's wire only; whatever Hive says
// differently is adapted here.
//
//	hs2proxy -listen 127.0.0.1:29050 -engine 127.0.0.1:29051 [-trace]
package main

import (
	"flag"
	"log"
	"net"
	"os"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:29050", "address that impala-go connects to")
	engine := flag.String("engine", "127.0.0.1:29051", "HiveServer2's binary port; it runs with hive.server2.authentication=NOSASL")
	trace := flag.Bool("trace", false, "write every statement to stderr, as it came and as Hive got it")
	flag.Parse()
	log.Print(run(*listen, *engine, *trace))
	os.Exit(1)
}

// run serves until it fails.
func run(listen, engine string, trace bool) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	for {
		client, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			if err := serve(client, engine, trace); err != nil {
				log.Print(err)
			}
		}()
	}
}
