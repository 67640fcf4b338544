package change

import "encoding/binary"

// emptyCRC is the polynomial of CRC-64-AVRO and the checksum of nothing.
const emptyCRC = 0xc15d213aa4d7a795

// crc64 is the CRC-64-AVRO of the specification. It is computed once a schema, so bit by bit is fast enough.
func crc64(b []byte) uint64 {
	crc := uint64(emptyCRC)
	for _, c := range b {
		step := (crc ^ uint64(c)) & 0xff
		for range 8 {
			step = step>>1 ^ emptyCRC&-(step&1)
		}
		crc = crc>>8 ^ step
	}
	return crc
}

// Fingerprint is the CRC-64-AVRO of a schema's Parsing Canonical Form, little-endian as in the single-object header.
func Fingerprint(schema string) (fingerprint [8]byte, err error) {
	form, err := CanonicalForm(schema)
	if err != nil {
		return fingerprint, err
	}
	binary.LittleEndian.PutUint64(fingerprint[:], crc64([]byte(form)))
	return fingerprint, nil
}
