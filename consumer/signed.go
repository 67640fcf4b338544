package consumer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"path/filepath"

	"rewind/change"
	"rewind/journal"
	"rewind/table"
	"rewind/topic"
)

// UnsignedError: an entry that stands behind the signed head is not the message that Kafka has.
type UnsignedError struct {
	Topic     string
	Partition int
	Journal   string // folder
	Offset    int64
}

func (e *UnsignedError) Error() string {
	return fmt.Sprintf("%s partition %d offset %d: the entry in %s stands behind the signed head and is not the message in the topic: it was changed",
		e.Topic, e.Partition, e.Offset, e.Journal)
}

// ExitCode is "a proof failed".
func (e *UnsignedError) ExitCode() int { return 5 }

// Hint says what to do.
func (e *UnsignedError) Hint() string {
	return "somebody wrote to the journal between two runs of rewind consume: bring the folder back from a copy, or move it aside, and `rewind consume TABLE --refetch` reads it again if the topic still has it"
}

// UncomparedError: entries that no head signs cannot be held against the topic, because their messages are damaged there.
type UncomparedError struct {
	Table     table.Name
	Partition int
	Journal   string
	Offset    int64 // of the first entry that could not be compared
	Batch     *topic.BatchError
}

func (e *UncomparedError) Error() string {
	return fmt.Sprintf("the entries in %s from offset %d on stand behind the signed head and cannot be compared with the topic: %v", e.Journal, e.Offset, e.Batch)
}

func (e *UncomparedError) Unwrap() error { return e.Batch }

// ExitCode is "corrupt".
func (e *UncomparedError) ExitCode() int { return 5 }

// Hint says what to do.
func (e *UncomparedError) Hint() string {
	return fmt.Sprintf("if nobody but rewind can have written to that folder, `rewind consume %s --sign-as-found` signs them as they are", e.Table)
}

// sign signs what the journal holds, after what no head signs yet was held against the topic: entries that a process appended
// just before it was killed. What Kafka no longer has is signed as it is found.
func (p *partition) sign(ctx context.Context, dir string, first int64) error {
	if p.table.options.SignKey == nil {
		return nil
	}
	from := p.journal.SignedNext()
	if p.table.options.SignAsFound {
		p.logger.Warn("consume: the journal is signed as it was found", "journal", dir, "next", p.journal.NextOffset())
	} else if err := p.holdUnsigned(ctx, dir, max(from, first)); err != nil {
		return err
	} else if missing := min(first, p.journal.NextOffset()); missing > from {
		p.logger.Warn("consume: entries behind the signed head are signed as they were found: Kafka no longer has their messages",
			"journal", dir, "from", from, "before", missing)
	}
	return p.journal.Sign()
}

// signCuts signs what retention wrote without the key, or with another one, where that was asked for: of every stream, because all are read.
func (c *tableConsumer) signCuts() error {
	if c.options.SignKey == nil || !c.options.SignAsFound {
		return nil
	}
	streams, err := c.journals()
	if err != nil {
		return err
	}
	p := &partition{table: c}
	for _, stream := range streams {
		dir := filepath.Join(c.dir(), stream)
		signed, err := journal.SignCut(dir, p.journalOptions(), c.options.SignKey)
		if err != nil {
			return err
		}
		if signed {
			c.logger.Warn("consume: the record of what retention dropped is signed as it was found", "journal", dir)
		}
	}
	return nil
}

// encryptBases encrypts what lies in clear of what the journals begin with since a retention. Consuming does not need it: what is wrong with one is told,
// and the next start tries again.
func (c *tableConsumer) encryptBases() error {
	if !c.options.Keys.Encrypts() {
		return nil
	}
	streams, err := c.journals()
	if err != nil {
		return err
	}
	p := &partition{table: c}
	for _, stream := range streams {
		dir := filepath.Join(c.dir(), stream)
		encrypted, err := journal.EncryptBase(dir, p.journalOptions())
		if err != nil {
			c.logger.Warn("consume: the base that the journal begins with stays in clear", "journal", dir, "error", err)
		} else if encrypted {
			c.logger.Debug("consume: the base is encrypted", "journal", dir)
		}
	}
	return nil
}

// holdUnsigned compares the entries from an offset on with the topic's messages.
func (p *partition) holdUnsigned(ctx context.Context, dir string, from int64) error {
	if from >= p.journal.NextOffset() {
		return nil
	}
	wanted := int64(math.MinInt64) // the offset of the message at hand
	var record []byte
	next, stop := iter.Pull2(p.table.topic.Read(ctx, p.number, from, p.journal.NextOffset()))
	defer stop()
	for e, err := range p.journal.Reader().Entries(from) {
		if err != nil {
			return err
		}
		if isOwnGap(e) {
			continue
		}
		for wanted < e.Offset {
			m, err, ok := next()
			var damaged *topic.BatchError
			if errors.As(err, &damaged) {
				return &UncomparedError{Table: p.table.name, Partition: p.number, Journal: dir, Offset: e.Offset, Batch: damaged}
			}
			if err != nil {
				return err
			}
			if !ok {
				wanted = math.MaxInt64
				break
			}
			wanted = m.Offset
			if record, err = change.AppendEntry(record[:0], m.Offset, m.Value); err != nil {
				record = record[:0]
			}
		}
		if wanted != e.Offset || !bytes.Equal(record, e.Record) {
			return &UnsignedError{Topic: p.table.topic.Name(), Partition: p.number, Journal: dir, Offset: e.Offset}
		}
	}
	return nil
}
