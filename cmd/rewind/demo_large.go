package main

import (
	"context"
	"fmt"
	"strings"

	"rewind/table"
)

// insertBatch is how many generated rows one INSERT carries.
const insertBatch = 1000

// large takes a generated table through three snapshots and brings each of them back.
func (s *story) large(ctx context.Context, rows int) error {
	s.say("Now with %s rows of nine columns and a key of two.", thousands(int64(rows)))
	if err := s.fillOrders(ctx, rows); err != nil {
		return err
	}
	if err := s.capture(ctx, demoTable); err != nil {
		return err
	}
	s.say("A day of trade: some rows change, some go, some come.")
	for _, statement := range []string{
		"UPDATE shop.orders SET status = 'shipped', paid = true WHERE order_id % 100 = 7",
		"DELETE FROM shop.orders WHERE order_id % 1000 = 3",
	} {
		if err := s.exec(ctx, statement); err != nil {
			return err
		}
	}
	if err := s.insertOrders(ctx, rows, rows/100); err != nil {
		return err
	}
	if err := s.capture(ctx, demoTable); err != nil {
		return err
	}
	s.say("And the accident: an UPDATE without the WHERE that was meant.")
	for _, statement := range []string{
		"UPDATE shop.orders SET note = NULL, status = 'cancelled' WHERE order_id > 0",
		"DELETE FROM shop.orders WHERE line = 3",
	} {
		if err := s.exec(ctx, statement); err != nil {
			return err
		}
	}
	if err := s.capture(ctx, demoTable); err != nil {
		return err
	}
	if err := s.ordersBack(ctx); err != nil {
		return err
	}
	s.say("What one line of an order has been:")
	return s.history(ctx, demoTable, "order_id=7,line=1")
}

// ordersBack restores each snapshot into a table of its own.
func (s *story) ordersBack(ctx context.Context) error {
	s.say("Bring each of the three back, each into a table of its own, and prove it.")
	j, err := s.app.openJournal(s.config, demoTable, nil)
	if err != nil {
		return err
	}
	for i, p := range j.Points() {
		into := table.Name{Database: "shop", Table: fmt.Sprintf("orders_%d", i+1)}
		if err := s.restore(ctx, demoTable, p.ID, into); err != nil {
			return err
		}
	}
	return nil
}

func (s *story) fillOrders(ctx context.Context, rows int) error {
	for _, statement := range []string{
		"CREATE DATABASE shop",
		"CREATE TABLE shop.orders (order_id BIGINT, line INT, customer STRING, amount DECIMAL(12,2), weight DOUBLE, " +
			"paid BOOLEAN, status STRING, ordered_at TIMESTAMP, note STRING, PRIMARY KEY (order_id, line)) STORED AS KUDU",
	} {
		if err := s.exec(ctx, statement); err != nil {
			return err
		}
	}
	return s.insertOrders(ctx, 0, rows)
}

// insertOrders inserts n generated rows from the first-th on.
func (s *story) insertOrders(ctx context.Context, first, n int) error {
	s.show("impala> INSERT INTO shop.orders VALUES …;   -- %s generated rows", thousands(int64(n)))
	m := s.app.newMeter()
	defer m.stop()
	for from := first; from < first+n; from += insertBatch {
		var statement strings.Builder
		statement.WriteString("INSERT INTO shop.orders VALUES ")
		for i := from; i < min(from+insertBatch, first+n); i++ {
			if i > from {
				statement.WriteString(", ")
			}
			statement.WriteString(orderRow(i))
		}
		if err := s.quietly(ctx, statement.String()); err != nil {
			return err
		}
		m.report("insert into shop.orders", int64(min(from+insertBatch-first, n)), int64(n))
	}
	return nil
}

// orderRow is the i-th generated row: the same in every run. Four lines make an order.
func orderRow(i int) string {
	order, line := i/4+1, i%4+1
	random := mix(uint64(i))
	note := "NULL"
	switch random % 5 {
	case 0:
		note = "'It\\'s a gift'"
	case 1:
		note = "'grüße ☕'"
	}
	return fmt.Sprintf("(%d, %d, 'customer-%05d', CAST('%d.%02d' AS DECIMAL(12,2)), CAST(%d.%d AS DOUBLE), %t, 'open', "+
		"CAST('2026-%02d-%02d %02d:%02d:%02d.%09d' AS TIMESTAMP), %s)",
		order, line, mix(uint64(order))%20000, random%5000, random>>16%100, random>>24%90, random>>32%10, random>>40%2 == 0,
		random>>8%12+1, random>>12%28+1, random>>20%24, random>>28%60, random>>36%60, random>>3%1_000_000_000, note)
}

// mix is the finalizer of SplitMix64: numbers that look random and are the same everywhere.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
