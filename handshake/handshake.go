// Package handshake says, in an operator's words, which part of a TLS handshake failed and what to check: Go's errors name
// the rule that was broken, not the file or setting to look at.
package handshake

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
)

// Part of a handshake that can fail.
type Part uint8

// The parts.
const (
	Name      Part = iota + 1 // the certificate is for another host
	Authority                 // nobody who is trusted signed the certificate
	Validity                  // the certificate is expired or not valid yet
	Proof                     // anything else that is wrong with the certificate
	Protocol                  // the other side does not speak TLS
	Identity                  // the other side wants another certificate of ours, or one at all
	Terms                     // no common version or cipher
)

// Fault is what went wrong.
type Fault struct {
	Part Part
	What string // about the other side: "its certificate is for …"
	Err  error
}

// Explain finds the fault in an error; nil where the handshake is not to blame.
func Explain(err error) *Fault {
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var verification *tls.CertificateVerificationError
	switch {
	case errors.As(err, &name):
		return &Fault{Name, fmt.Sprintf("its certificate is for %s, not for %s", names(name.Certificate), name.Host), err}
	case errors.As(err, &authority):
		return &Fault{Authority, "its certificate is signed by nobody who is trusted here" + issuer(authority.Cert), err}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return &Fault{Validity, "its certificate is expired or not valid yet: " + invalid.Detail, err}
	case errors.As(err, &record):
		return &Fault{Protocol, "it does not speak TLS there", err}
	case errors.As(err, &verification):
		return &Fault{Proof, "its certificate does not pass: " + verification.Err.Error(), err}
	}
	return alert(err)
}

// remote is how Go begins the error of an alert that the other side sent; the alerts themselves have no exported type.
const remote = "remote error: tls: "

func alert(err error) *Fault {
	if err == nil {
		return nil
	}
	_, text, found := strings.Cut(err.Error(), remote) // Thrift hands on the text alone
	if !found {
		return nil
	}
	switch {
	case strings.Contains(text, "certificate") || strings.Contains(text, "access denied"):
		return &Fault{Identity, "it does not accept the client's certificate, or wants one: " + text, err}
	case strings.Contains(text, "protocol version") || strings.Contains(text, "handshake failure") || strings.Contains(text, "security"):
		return &Fault{Terms, "it offers no version of TLS, cipher or certificate that both sides take: " + text, err}
	}
	return &Fault{Terms, "it ended the handshake: " + text, err}
}

// names of a certificate: those that a host is compared with.
func names(c *x509.Certificate) string {
	var all []string
	all = append(all, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	const most = 5
	switch {
	case len(all) == 0:
		return "no host"
	case len(all) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
	}
	return strings.Join(all, ", ")
}

func issuer(c *x509.Certificate) string {
	if c == nil || c.Issuer.String() == "" {
		return ""
	}
	return " (it names " + c.Issuer.String() + ")"
}
