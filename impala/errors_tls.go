package impala

import "rewind/handshake"

// TLSError is a server with which no TLS comes about.
type TLSError struct {
	Address string
	Fault   *handshake.Fault
}

// Error says what is wrong with the other side.
func (e *TLSError) Error() string { return "no TLS with Impala at " + e.Address + ": " + e.Fault.What }

// Unwrap is the cause.
func (e *TLSError) Unwrap() error { return e.Fault.Err }

// ExitCode is that of configuration: trying again changes nothing.
func (e *TLSError) ExitCode() int { return exitUsage }

// Hint says what to check.
func (e *TLSError) Hint() string {
	switch e.Fault.Part {
	case handshake.Name:
		return "name the server in impala.dsn as its certificate does"
	case handshake.Authority:
		return "name the file with its authority's certificate in impala.dsn: ca-cert=/path/to/ca.pem"
	case handshake.Validity:
		return "renew the server's certificate, or set this machine's clock"
	case handshake.Protocol:
		return "take tls=true out of impala.dsn, or name the port that speaks TLS"
	case handshake.Identity:
		return "the server wants a client's certificate, which the driver cannot show: let it ask for LDAP instead"
	case handshake.Proof, handshake.Terms:
	}
	return "compare tls= and ca-cert= in impala.dsn with the server's configuration"
}
