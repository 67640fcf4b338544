package topic

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"

	"rewind/handshake"
)

// dial opens a connection to a broker and, with TLS, shakes hands: here, not inside kafka-go, so that an error says which
// part failed.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: c.options.Timeout}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if c.options.TLS == nil {
		return &door{Conn: conn, address: address, plain: true}, nil
	}
	config := c.options.TLS
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		config = config.Clone()
		config.ServerName = host
	}
	secure := tls.Client(conn, config)
	limited, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	if err := secure.HandshakeContext(limited); err != nil {
		_ = conn.Close()
		return nil, handshakeError(address, err)
	}
	return &door{Conn: secure, address: address}, nil
}

// door is a connection whose first answers are looked at: with TLS 1.3 a broker refuses a certificate only behind the
// handshake, and a broker that speaks TLS answers plain text with a TLS alert.
type door struct {
	net.Conn
	address string
	plain   bool
	passed  bool
}

// The first bytes of a TLS record that holds an alert. As a Kafka answer it would be one of 350 MB.
const (
	tlsAlert        = 21
	tlsMajorVersion = 3
)

// Read reads, and gives the errors of a door their type.
func (d *door) Read(p []byte) (int, error) {
	n, err := d.Conn.Read(p)
	if !d.passed && n > 0 {
		d.passed = true
		if d.plain && n > 1 && p[0] == tlsAlert && p[1] == tlsMajorVersion {
			return 0, &TLSError{Address: d.address, What: "it speaks TLS there, and was addressed in plain text", part: needsTLS}
		}
	}
	if err != nil && !d.plain {
		if fault := handshake.Explain(err); fault != nil {
			return n, &TLSError{Address: d.address, What: fault.What, part: fault.Part, Err: err}
		}
	}
	return n, err
}

// needsTLS is a broker that was addressed without.
const needsTLS handshake.Part = 255

// handshakeError gives a failed handshake its type; one that was merely cut short may succeed the next time.
func handshakeError(address string, err error) error {
	if fault := handshake.Explain(err); fault != nil {
		return &TLSError{Address: address, What: fault.What, part: fault.Part, Err: err}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s closed the connection during the TLS handshake (does it speak TLS there?): %w", address, err)
	}
	return fmt.Errorf("TLS handshake with %s: %w", address, err)
}

// TLSError: Kafka and rewind do not come together over TLS.
type TLSError struct {
	Address string // of the broker
	What    string // about the broker: "its certificate is for …"
	Err     error  // nil where there was no handshake at all

	part handshake.Part
}

func (e *TLSError) Error() string {
	return fmt.Sprintf("no TLS with Kafka at %s: %s", e.Address, e.What)
}

func (e *TLSError) Unwrap() error { return e.Err }

// ExitCode is "configuration": trying again changes nothing.
func (e *TLSError) ExitCode() int { return 2 }

// Hint says what to check.
func (e *TLSError) Hint() string {
	switch e.part {
	case handshake.Name:
		return "name the broker in kafka.brokers, and the broker itself in advertised.listeners, as its certificate does"
	case handshake.Authority:
		return "name the file with its authority's certificate: kafka: {tls: {ca: FILE}}"
	case handshake.Validity:
		return "renew the broker's certificate, or set this machine's clock"
	case handshake.Protocol:
		return "take tls out of kafka: in the configuration, or name the broker's TLS port in kafka.brokers"
	case handshake.Identity:
		return "give rewind a certificate that the broker trusts: kafka: {tls: {cert: FILE, key: FILE}}"
	case needsTLS:
		return "add tls to kafka: in the configuration, {} for this machine's authorities, or name a port without TLS"
	}
	return "compare kafka.tls with the broker's listener"
}
