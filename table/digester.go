package table

// Digester sums the digest of rows. It computes the fingerprints of several at once, in half the time. Not for concurrent use.
type Digester struct {
	codec  *Codec
	text   []byte // of the rows that wait
	ends   [fnvLanes]int
	count  int
	digest Digest
}

// NewDigester makes one for rows of a codec, which nobody else may use meanwhile.
func NewDigester(c *Codec) *Digester { return &Digester{codec: c} }

// Add takes a row's image in, which it checks as Decode does.
func (d *Digester) Add(image []byte) error {
	text, err := d.codec.FingerprintText(d.text, image)
	if err != nil {
		return err
	}
	d.text, d.ends[d.count] = text, len(text)
	if d.count++; d.count == fnvLanes {
		d.flush()
	}
	return nil
}

// Rows is how many rows were taken in.
func (d *Digester) Rows() int64 { return d.digest.Rows + int64(d.count) }

// Digest of the rows that were taken in.
func (d *Digester) Digest() Digest {
	start := 0
	for _, end := range d.ends[:d.count] {
		text := d.text[start:end]
		d.digest.Add(fingerprintOf(text, uint64(FNVHash(text))))
		start = end
	}
	d.text, d.count = d.text[:0], 0
	return d.digest
}

// flush takes the rows that wait in.
func (d *Digester) flush() {
	var texts [fnvLanes][]byte
	start := 0
	for i, end := range d.ends {
		texts[i], start = d.text[start:end:end], end
	}
	for i, fnv := range fnvHashes(&texts) {
		d.digest.Add(fingerprintOf(texts[i], fnv))
	}
	d.text, d.count = d.text[:0], 0
}
