package hs2

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/apache/thrift/lib/go/thrift"
)

// statuses of Thrift's SASL negotiation.
const (
	saslStart    = 1
	saslOK       = 2
	saslComplete = 5
)

const maxNegotiation = 4096

// authenticate takes a user's name and password by SASL PLAIN; on a wrong one
// the connection is closed without a word, as Impala does.
func authenticate(c net.Conn, user, password string) (string, error) {
	status, mechanism, err := negotiation(c)
	if err != nil {
		return "", err
	}
	if status != saslStart || string(mechanism) != "PLAIN" {
		return "", fmt.Errorf("sasl: mechanism %q is not offered", mechanism)
	}
	status, body, err := negotiation(c)
	if err != nil {
		return "", err
	}
	parts := bytes.Split(body, []byte{0})
	if status != saslOK || len(parts) != 3 {
		return "", errors.New("sasl: malformed PLAIN response")
	}
	right := subtle.ConstantTimeCompare(parts[1], []byte(user)) & subtle.ConstantTimeCompare(parts[2], []byte(password))
	if right != 1 {
		return "", fmt.Errorf("sasl: wrong password for %q", parts[1])
	}
	_, err = c.Write([]byte{saslComplete, 0, 0, 0, 0})
	return user, err
}

func negotiation(c net.Conn) (status byte, body []byte, err error) {
	var header [5]byte
	if _, err := io.ReadFull(c, header[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(header[1:])
	if n > maxNegotiation {
		return 0, nil, fmt.Errorf("sasl: a negotiation message of %d bytes", n)
	}
	body = make([]byte, n)
	_, err = io.ReadFull(c, body)
	return header[0], body, err
}

// saslTransport frames messages with their length, as SASL's "auth" does.
type saslTransport struct {
	thrift.TTransport
	conn net.Conn
	in   bytes.Reader
	out  bytes.Buffer
}

func newSASLTransport(c net.Conn, cfg *thrift.TConfiguration) *saslTransport {
	return &saslTransport{TTransport: thrift.NewTSocketFromConnConf(c, cfg), conn: c}
}

// Read gives bytes of the current frame, or reads the next one.
func (t *saslTransport) Read(p []byte) (int, error) {
	for t.in.Len() == 0 {
		var header [4]byte
		if _, err := io.ReadFull(t.conn, header[:]); err != nil {
			return 0, thrift.NewTTransportExceptionFromError(err)
		}
		n := binary.BigEndian.Uint32(header[:])
		if n > maxMessage {
			return 0, fmt.Errorf("sasl: a frame of %d bytes", n)
		}
		frame := make([]byte, n)
		if _, err := io.ReadFull(t.conn, frame); err != nil {
			return 0, thrift.NewTTransportExceptionFromError(err)
		}
		t.in.Reset(frame)
	}
	return t.in.Read(p)
}

// Write collects a frame.
func (t *saslTransport) Write(p []byte) (int, error) { return t.out.Write(p) }

// Flush sends the frame.
func (t *saslTransport) Flush(context.Context) error {
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+t.out.Len()), uint32(t.out.Len()))
	_, err := t.conn.Write(append(frame, t.out.Bytes()...))
	t.out.Reset()
	return err
}

// RemainingBytes is unknown.
func (t *saslTransport) RemainingBytes() uint64 { return ^uint64(0) }
