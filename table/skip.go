package table

// step is what it takes to pass over a column's value: so many bytes, or what the value itself says.
type step uint8

const (
	stepLong  step = 0xff // a long
	stepBytes step = 0xfe // bytes behind their length
)

// stepOf is a column's.
func stepOf(o op) step {
	switch o {
	case opBoolean:
		return 1
	case opFloat:
		return 4
	case opDouble:
		return 8
	case opInteger, opDate:
		return stepLong
	}
	return stepBytes
}

// ImageLen is the length of the image at the start of b. It looks at lengths only: what Decode would refuse may pass.
func (c *Codec) ImageLen(b []byte) (int, error) {
	at := 0
	for i, s := range c.steps {
		if at >= len(b) || b[at] != branchNull && b[at] != branchValue {
			return 0, c.cutColumn(i)
		}
		branch := b[at]
		if at++; branch == branchNull {
			continue
		}
		switch s {
		case stepLong:
			n := longSize(b[at:])
			if n <= 0 {
				return 0, c.cutColumn(i)
			}
			at += n
		case stepBytes:
			var length int64
			n := 1
			if at < len(b) && b[at] < 0x80 && b[at]&1 == 0 { // up to 63 bytes: most are
				length = int64(b[at] >> 1)
			} else if length, n = ReadLong(b[at:]); n <= 0 || length < 0 || length > int64(len(b)) {
				return 0, c.cutColumn(i)
			}
			at += n + int(length)
		default:
			at += int(s)
		}
		if at > len(b) {
			return 0, c.cutColumn(i)
		}
	}
	return at, nil
}

// longSize is how many bytes a long takes, as ReadLong has it.
func longSize(b []byte) int {
	if len(b) > 1 {
		if b[0] < 0x80 {
			return 1
		}
		if b[1] < 0x80 && b[1] != 0 {
			return 2
		}
	}
	_, n := ReadLong(b)
	return n
}

func (c *Codec) cutColumn(i int) error {
	return &ImageError{c.fields[i].column.Name, "it is cut short or damaged"}
}
