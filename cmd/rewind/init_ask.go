package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"rewind/impala"
)

// wizard asks a person on a terminal.
type wizard struct {
	in    io.Reader
	out   io.Writer
	lines *bufio.Reader
}

// ask gives the answer, or what an empty one stands for.
func (w *wizard) ask(question, otherwise string) (string, error) {
	if w.lines == nil {
		w.lines = bufio.NewReader(w.in)
	}
	if otherwise != "" {
		question += " [" + otherwise + "]"
	}
	fmt.Fprint(w.out, wrap(question+":", "", lineWidth)+" ")
	line, err := w.lines.ReadString('\n')
	if err != nil {
		fmt.Fprintln(w.out)
		return "", usageErrorf("nothing was written; rewind init --help lists the flags").because(errors.New("no answer"))
	}
	if line = strings.TrimSpace(line); line == "" {
		return otherwise, nil
	}
	return line, nil
}

// servers asks for what the flags do not say.
func (w *wizard) servers(f *initFlags) error {
	if len(f.brokers) == 0 {
		answer, err := w.ask("Kafka's brokers, host:port", "127.0.0.1:9092")
		if err != nil {
			return err
		}
		f.brokers = strings.FieldsFunc(answer, func(r rune) bool { return r == ',' || r == ' ' })
	}
	var err error
	if f.dsn == "" {
		fmt.Fprintln(w.out, "A password is best left in the environment:\n  impala://etl:${IMPALA_PASSWORD}@host:21050?auth=ldap")
		if f.dsn, err = w.ask("Impala", "impala://127.0.0.1:21050?auth=noauth"); err != nil {
			return err
		}
	}
	if f.staging == "" {
		fmt.Fprintln(w.out, "Restores stage their rows in a folder that rewind writes and Impala reads;\nwithout one only small tables are restored.")
		f.staging, err = w.ask("URI of that folder, such as file:///data/staging (empty: none)", "")
	}
	return err
}

// keys asks for the key of each table that lacks nothing else. An empty answer leaves it out: the file says where to add it.
func (w *wizard) keys(ctx context.Context, db *impala.DB, chosen []initTable) error {
	for i, t := range chosen {
		if t.Lacks != lacksKey {
			continue
		}
		answer, err := w.ask("Key of "+t.Table+": columns with commas, or * for the whole row (empty: later)", "")
		if err != nil {
			return err
		}
		if answer == "" {
			continue
		}
		names, key, err := expandTable(ctx, db, t.Table+":"+answer)
		if err != nil {
			return err
		}
		if chosen[i], _, err = lookAtTable(ctx, db, names[0], key, false); err != nil {
			return err
		}
	}
	return nil
}

// tablesShown bounds the list that a person is asked to choose from.
const tablesShown = 60

// tables shows what Impala has and asks which of them to protect.
func (w *wizard) tables(ctx context.Context, db *impala.DB) ([]string, error) {
	databases, err := db.Databases(ctx)
	if err != nil {
		return nil, err
	}
	shown := 0
	for _, database := range databases {
		if database == "_impala_builtins" || database == "information_schema" || database == "sys" {
			continue
		}
		tables, err := db.Tables(ctx, database)
		if err != nil {
			return nil, err
		}
		for _, t := range tables {
			if ownTable.MatchString(t) {
				continue
			}
			if shown++; shown <= tablesShown {
				fmt.Fprintf(w.out, "  %s.%s\n", database, t)
			}
		}
	}
	if shown > tablesShown {
		fmt.Fprintf(w.out, "  … and %s more\n", thousands(int64(shown-tablesShown)))
	}
	fmt.Fprintln(w.out, "Kudu tables know their key; name that of others behind a colon:\n  shop.orders:order_id,line, or shop.events:* where no columns identify a row")
	answer, err := w.ask("Tables to protect, with spaces between them (db.* is all of a database)", "")
	if err != nil {
		return nil, err
	}
	if answer == "" {
		return nil, usageErrorf("nothing was written").because(errors.New("no table was named"))
	}
	return strings.Fields(answer), nil
}
