package main

import (
	"context"
	"fmt"
	"math/big"
	"runtime"

	"github.com/hamba/avro/v2"
	"github.com/linkedin/goavro/v2"

	"rewind/bench/workload"
	"rewind/change"
	"rewind/table"
)

const (
	codecEvents   = 200_000 // of a measure; a slow library does a tenth of it
	messageHeader = 10      // of Avro's single-object encoding
)

// event is one update of the usual table: its rows' values, and as a message.
type event struct {
	schema        *table.Schema
	codec         *table.Codec
	encoder       *change.Encoder
	before, after []table.Value
	change        change.Change
	message       []byte
}

func newEvent() (*event, error) {
	shape := workload.Usual(1000, 1)
	e := &event{schema: shape.Schema()}
	var err error
	if e.codec, err = table.NewCodec(e.schema); err != nil {
		return nil, err
	}
	if e.encoder, err = change.NewEncoder(e.schema); err != nil {
		return nil, err
	}
	const key = 901
	e.before, e.after = shape.Maker().Row(key, 0), shape.Maker().Row(key, 1)
	e.change = change.Change{Stamp: change.Stamp{Epoch: 7, Writer: [16]byte{1, 2, 3}}, Snapshot: 1_700_000_000_000_000, Seq: 123456, Op: change.Update}
	if e.change.Key, err = e.codec.AppendKey(nil, e.after); err != nil {
		return nil, err
	}
	if err := e.images(); err != nil {
		return nil, err
	}
	e.message = e.encoder.AppendChange(nil, &e.change)
	return e, nil
}

func (e *event) images() (err error) {
	if e.change.Before, err = e.codec.AppendImage(e.change.Before[:0], e.before); err != nil {
		return err
	}
	e.change.After, err = e.codec.AppendImage(e.change.After[:0], e.after)
	return err
}

// measureCodec encodes and decodes events with both images, out of and into values.
func measureCodec(_ context.Context, args []string) error {
	if err := expect(args, "WHOSE"); err != nil {
		return err
	}
	e, err := newEvent()
	if err != nil {
		return err
	}
	var encode, decode func() error
	events := codecEvents / 10
	switch args[0] {
	case "ours":
		events = codecEvents
		encode, decode, err = e.ours()
	case "goavro":
		encode, decode, err = e.goavro()
	case "hamba":
		encode, decode, err = e.hamba()
	default:
		err = fmt.Errorf("whose codec is %q?", args[0])
	}
	if err != nil {
		return err
	}
	watch, more := start(), map[string]float64{}
	for name, do := range map[string]func() error{"encode": encode, "decode": decode} {
		if more[name+"_ns"], more[name+"_allocs"], err = each(events, do); err != nil {
			return err
		}
	}
	return watch.say(int64(events), more)
}

// each does something n times and says how much CPU one time takes, the collector's included, and how often it allocates.
func each(n int, do func() error) (nanoseconds, allocations float64, err error) {
	var before, after runtime.MemStats
	if err := do(); err != nil {
		return 0, 0, err
	}
	runtime.ReadMemStats(&before)
	began := cpuOfSelf()
	for range n {
		if err := do(); err != nil {
			return 0, 0, err
		}
	}
	took := cpuOfSelf() - began
	runtime.ReadMemStats(&after)
	return took * 1e9 / float64(n), float64((after.Mallocs - before.Mallocs) / uint64(n)), nil
}

func (e *event) ours() (encode, decode func() error, err error) {
	decoder := change.NewDecoder()
	if err := decoder.Learn(e.schema); err != nil {
		return nil, nil, err
	}
	var buffer []byte
	row := make([]table.Value, len(e.schema.Columns))
	encode = func() error {
		if err := e.images(); err != nil {
			return err
		}
		buffer = e.encoder.AppendChange(buffer[:0], &e.change)
		return nil
	}
	return encode, func() error {
		m, err := decoder.Decode(e.message)
		if err == nil {
			err = e.codec.Decode(m.Change.Before, row)
		}
		if err == nil {
			err = e.codec.Decode(m.Change.After, row)
		}
		return err
	}, nil
}

// goavro: maps, built before the clock runs.
func (e *event) goavro() (encode, decode func() error, err error) {
	codec, err := goavro.NewCodecWithOptions(change.Schema(e.schema), &goavro.CodecOption{EnableDecimalBinarySpecCompliantEncoding: true})
	if err != nil {
		return nil, nil, err
	}
	native, _, err := codec.NativeFromBinary(e.message[messageHeader:])
	if err != nil {
		return nil, nil, err
	}
	var buffer []byte
	encode = func() error {
		buffer, err = codec.BinaryFromNative(buffer[:0], native)
		return err
	}
	return encode, func() error {
		_, _, err := codec.NativeFromBinary(e.message[messageHeader:])
		return err
	}, nil
}

// hambaRow and hambaChange are the records as hamba's structs.
type hambaRow struct {
	ID     *int64   `avro:"id"`
	Name   *string  `avro:"name"`
	Note   *string  `avro:"note"`
	Qty    *int     `avro:"qty"`
	Price  *float64 `avro:"price"`
	Amount *big.Rat `avro:"amount"`
	TS     *string  `avro:"ts"`
	Active *bool    `avro:"active"`
}

type hambaChange struct {
	Epoch    int64     `avro:"epoch"`
	Writer   [16]byte  `avro:"writer"`
	Snapshot int64     `avro:"snapshot"`
	Seq      int64     `avro:"seq"`
	Op       string    `avro:"op"`
	Key      []byte    `avro:"key"`
	Before   *hambaRow `avro:"before"`
	After    *hambaRow `avro:"after"`
}

func (e *event) hamba() (encode, decode func() error, err error) {
	schema, err := avro.Parse(change.Schema(e.schema))
	if err != nil {
		return nil, nil, err
	}
	var m hambaChange
	decode = func() error {
		m = hambaChange{}
		return avro.Unmarshal(schema, e.message[messageHeader:], &m)
	}
	if err := decode(); err != nil {
		return nil, nil, err
	}
	written := m
	return func() error {
		_, err := avro.Marshal(schema, &written)
		return err
	}, decode, nil
}
