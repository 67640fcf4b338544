package table

import "fmt"

// Digest of a set of rows, independent of their order: their number and the sums of their fingerprints modulo 2^64, as Impala's
// sum(BIGINT) wraps. It is not cryptographic: against tampering stands the journal's chain of SHA-256.
type Digest struct {
	Rows int64
	M, F uint64
}

// Add takes a row in.
func (d *Digest) Add(f Fingerprint) { d.Rows++; d.M += f.M; d.F += f.F }

// Remove takes a row out.
func (d *Digest) Remove(f Fingerprint) { d.Rows--; d.M -= f.M; d.F -= f.F }

// Merge takes in the rows of a set that shares none with this one.
func (d *Digest) Merge(e Digest) { d.Rows += e.Rows; d.M += e.M; d.F += e.F }

// String is rows:M:F with the sums in hex: 100000:0123456789abcdef:0123456789abcdef.
func (d Digest) String() string { return fmt.Sprintf("%d:%016x:%016x", d.Rows, d.M, d.F) }

// ParseDigest reads what String writes.
func ParseDigest(text string) (Digest, error) {
	var d Digest
	if _, err := fmt.Sscanf(text, "%d:%x:%x", &d.Rows, &d.M, &d.F); err != nil || d.String() != text {
		return Digest{}, fmt.Errorf("%.80q is no digest: rows:m:f with two times 16 hex digits", text)
	}
	return d, nil
}
