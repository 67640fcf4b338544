package change

import "rewind/table"

// Encoder appends Changes of one row schema. It does not look into the images: they are the schema's, or the message is wrong.
type Encoder struct{ header []byte }

// NewEncoder makes an encoder for a table's Changes.
func NewEncoder(s *table.Schema) (*Encoder, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	fingerprint, err := Fingerprint(Schema(s))
	if err != nil {
		return nil, err
	}
	return &Encoder{appendHeader(nil, fingerprint)}, nil
}

// The branches of a union [null, T] as Avro writes their indexes 0 and 1.
const (
	branchNull  = 0
	branchValue = 2
)

// AppendChange appends a Change as a message: its images are copied as they are. It allocates nothing if dst has room.
func (e *Encoder) AppendChange(dst []byte, m *Change) []byte {
	dst = append(dst, e.header...)
	dst = table.AppendLong(dst, m.Epoch)
	dst = append(dst, m.Writer[:]...)
	dst = table.AppendLong(dst, m.Snapshot)
	dst = table.AppendLong(dst, m.Seq)
	dst = table.AppendLong(dst, int64(m.Op)-1)
	dst = table.AppendLong(dst, int64(len(m.Key)))
	dst = append(dst, m.Key...)
	dst = appendImage(dst, m.Before)
	return appendImage(dst, m.After)
}

func appendImage(dst, image []byte) []byte {
	if len(image) == 0 {
		return append(dst, branchNull)
	}
	return append(append(dst, branchValue), image...)
}
