// certificates makes what a broker with TLS needs, good and bad: an authority, and signed by it a server's certificate for
// this machine, one for another host, one that has expired, and a client's; and a second authority that signed nothing.
//
//	go run ./integration/certificates FOLDER
//
// Each NAME.pem holds a key and its certificate, NAME.crt and NAME.key each alone.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: certificates FOLDER")
		os.Exit(2)
	}
	if err := all(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "certificates:", err)
		os.Exit(1)
	}
}

// signed is a certificate with its key.
type signed struct {
	key  *ecdsa.PrivateKey
	leaf *x509.Certificate
}

func all(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	here := func(c *x509.Certificate) {
		c.DNSNames, c.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	}
	authority, err := issue(folder, "ca", nil, func(*x509.Certificate) {})
	if err != nil {
		return err
	}
	if _, err := issue(folder, "stranger-ca", nil, func(*x509.Certificate) {}); err != nil {
		return err
	}
	for name, change := range map[string]func(*x509.Certificate){
		"server": here,
		"client": func(*x509.Certificate) {},
		"other":  func(c *x509.Certificate) { c.DNSNames = []string{"other.example"} },
		"expired": func(c *x509.Certificate) {
			here(c)
			c.NotBefore, c.NotAfter = time.Now().AddDate(-2, 0, 0), time.Now().AddDate(-1, 0, 0)
		},
	} {
		if _, err := issue(folder, name, authority, change); err != nil {
			return err
		}
	}
	return nil
}

// issue makes a certificate and writes its files; without an authority it is one.
func issue(folder, name string, authority *signed, change func(*x509.Certificate)) (*signed, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "rewind-test-" + name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	change(template)
	signer := &signed{key, template}
	if authority == nil {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	} else {
		signer = authority
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer.leaf, &key.PublicKey, signer.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &signed{key, leaf}, write(folder, name, key, der)
}

func write(folder, name string, key *ecdsa.PrivateKey, der []byte) error {
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	secret := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for ending, content := range map[string][]byte{".key": secret, ".crt": public, ".pem": slices.Concat(secret, public)} {
		if err := os.WriteFile(filepath.Join(folder, name+ending), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
