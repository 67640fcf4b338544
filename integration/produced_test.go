//go:build integration

package integration

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kmsg"

	"rewind/change"
)

// produced is what a producer asks Kafka to append to one partition.
type produced struct {
	topic     string
	partition int
	kinds     []string // of the messages
}

// holds says whether one of the messages is of a kind.
func (p produced) holds(kind string) bool {
	for _, k := range p.kinds {
		if k == kind {
			return true
		}
	}
	return false
}

const (
	produceKey          = 0
	flexibleFrom        = 9 // the version of a produce request from which its header carries tags
	batchHead           = 61
	batchAttributesAt   = 21
	batchCompressionBit = 7
)

// readProduced reads a frame that may be a produce request; nil: it is another one.
func readProduced(frame []byte) []produced {
	if len(frame) < 14 || binary.BigEndian.Uint16(frame[4:]) != produceKey {
		return nil
	}
	version := int16(binary.BigEndian.Uint16(frame[6:]))
	rest := frame[12:]
	if n := int16(binary.BigEndian.Uint16(rest)); n < 0 {
		rest = rest[2:]
	} else {
		rest = rest[2+n:]
	}
	if version >= flexibleFrom {
		rest = rest[1:] // no tags
	}
	request := kmsg.NewPtrProduceRequest()
	request.SetVersion(version)
	if request.ReadFrom(rest) != nil {
		return nil
	}
	var all []produced
	for _, t := range request.Topics {
		for _, p := range t.Partitions {
			all = append(all, produced{t.Topic, int(p.Partition), kindsOf(p.Records)})
		}
	}
	return all
}

// kindsOf reads the records of a batch.
func kindsOf(batch []byte) (kinds []string) {
	if len(batch) < batchHead {
		return nil
	}
	if binary.BigEndian.Uint16(batch[batchAttributesAt:])&batchCompressionBit != 0 {
		return []string{"Change"} // all else is too small to be compressed
	}
	rest := batch[batchHead:]
	for len(rest) > 0 {
		size, n := binary.Varint(rest)
		if n <= 0 || size < 0 || int(size) > len(rest)-n {
			return kinds
		}
		record := kmsg.NewRecord()
		if record.ReadFrom(rest[:n+int(size)]) != nil {
			return kinds
		}
		kinds = append(kinds, kindOf(record.Value))
		rest = rest[n+int(size):]
	}
	return kinds
}

// kindOf is a message's kind: those that need no row schema, and Change for what does.
func kindOf(message []byte) string {
	m, err := change.NewDecoder().Decode(message)
	if err != nil {
		return "Change"
	}
	return m.Kind()
}
