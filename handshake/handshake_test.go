package handshake_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"rewind/handshake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// issue makes a certificate for a host, signed by parent, or by itself.
func issue(t *testing.T, host string, until time.Time, parent *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test " + host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: until, IsCA: parent == nil, BasicConstraintsValid: true,
	}
	signer, by := any(key), template
	if parent != nil {
		signer, by = parent.PrivateKey, parent.Leaf
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// meet has a client and a server shake hands and exchange a byte; the error is the client's.
func meet(t *testing.T, client, server *tls.Config) error {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if server == nil {
			_, _ = conn.Write([]byte("HTTP/1.0 400 Bad Request\r\n"))
			_, _ = conn.Read(make([]byte, 1024))
			return
		}
		_, _ = tls.Server(conn, server).Write([]byte("x"))
	}()
	defer func() { _ = l.Close(); <-done }()
	conn, err := tls.Dial("tcp", l.Addr().String(), client)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Read(make([]byte, 1))
	return err
}

func TestExplain(t *testing.T) {
	far := time.Now().Add(time.Hour)
	ca := issue(t, "ca", far, nil)
	pool := x509.NewCertPool()
	pool.AddCert(ca.Leaf)
	good, expired := issue(t, "kafka.example", far, &ca), issue(t, "kafka.example", time.Now().Add(-time.Hour), &ca)
	serving := func(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} }
	asking := &tls.Config{RootCAs: pool, ServerName: "kafka.example"}
	strict := serving(good)
	strict.ClientAuth = tls.RequireAnyClientCert
	old := asking.Clone()
	old.MaxVersion = tls.VersionTLS12
	modern := serving(good)
	modern.MinVersion = tls.VersionTLS13
	for name, c := range map[string]struct {
		client, server *tls.Config
		part           handshake.Part
		says           string
	}{
		"good":         {asking, serving(good), 0, ""},
		"name":         {&tls.Config{RootCAs: pool, ServerName: "other"}, serving(good), handshake.Name, "for kafka.example, not for other"},
		"authority":    {&tls.Config{ServerName: "kafka.example"}, serving(good), handshake.Authority, "CN=test ca"},
		"expired":      {asking, serving(expired), handshake.Validity, "expired"},
		"plain text":   {asking, nil, handshake.Protocol, "does not speak TLS"},
		"client's own": {asking, strict, handshake.Identity, "certificate required"},
		"version":      {old, modern, handshake.Terms, "protocol version"},
	} {
		t.Run(name, func(t *testing.T) {
			err := meet(t, c.client, c.server)
			fault := handshake.Explain(err)
			switch {
			case c.part == 0:
				if err != nil {
					t.Fatal(err)
				}
			case fault == nil:
				t.Fatalf("%v is not explained", err)
			case fault.Part != c.part || !strings.Contains(fault.What, c.says) || !errors.Is(fault.Err, err):
				t.Errorf("%v is explained as %d: %s", err, fault.Part, fault.What)
			}
		})
	}
	if handshake.Explain(errors.New("something else")) != nil || handshake.Explain(nil) != nil {
		t.Error("what is no handshake is explained")
	}
}
