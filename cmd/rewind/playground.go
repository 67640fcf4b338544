package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"rewind/disk"
	"rewind/sandbox"
)

// playground is the two servers of a sandbox folder.
type playground struct {
	app    *app
	dir    string // absolute
	lock   interface{ Close() error }
	kafka  *sandbox.Kafka
	impala *sandbox.Impala
}

// openPlayground starts both servers on what the folder holds. A folder is served once at a time.
func (a *app) openPlayground(_ context.Context, dir, kafka, impala string) (*playground, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	p := &playground{app: a, dir: abs}
	for _, sub := range []string{"kafka", "impala", "staging"} {
		if err := os.MkdirAll(filepath.Join(abs, sub), 0o700); err != nil {
			return nil, err
		}
	}
	if p.lock, err = disk.OS.Lock(filepath.Join(abs, "lock")); err != nil {
		return nil, err
	}
	if p.kafka, err = sandbox.StartKafka(sandbox.KafkaOptions{Addr: kafka, Dir: filepath.Join(abs, "kafka")}); err != nil {
		p.close()
		return nil, portError("kafka", kafka, err)
	}
	if p.impala, err = sandbox.StartImpala(sandbox.ImpalaOptions{Addr: impala, Dir: filepath.Join(abs, "impala"), Logger: a.log}); err != nil {
		p.close()
		return nil, portError("impala", impala, err)
	}
	return p, nil
}

func portError(flag, address string, err error) error {
	return &codedError{code: exitFailed, message: fmt.Sprintf("cannot serve on %s", address), cause: err,
		hint: fmt.Sprintf("--%s names another address, such as 127.0.0.1:0 for any free port", flag)}
}

// close ends the servers; what they hold stays in the folder.
func (p *playground) close() {
	var errs []error
	if p.impala != nil {
		errs = append(errs, p.impala.Close())
	}
	if p.kafka != nil {
		errs = append(errs, p.kafka.Close())
	}
	if p.lock != nil {
		errs = append(errs, p.lock.Close())
	}
	if err := errors.Join(errs...); err != nil {
		p.app.log.Warn("closing the sandbox", "error", err)
	}
}

// writeConfig writes a configuration that names these servers, unless there is one.
func (p *playground) writeConfig(path, mark, tables string) error {
	if _, err := os.Stat(path); err == nil || !os.IsNotExist(err) {
		return err
	}
	text := playConfig(mark, p.kafka.Broker(), p.impala.DSN(), filepath.Join(p.dir, "staging"), tables)
	return os.WriteFile(path, []byte(text), 0o600)
}
