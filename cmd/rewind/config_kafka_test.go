package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"rewind/sandbox"
)

// TestKafkaByTLS configures both sides' certificates by paths relative to the configuration, and meets a Kafka that
// wants rewind's.
func TestKafkaByTLS(t *testing.T) {
	dir := t.TempDir()
	own, pool := writeCertificate(t, dir)
	kafka, err := sandbox.StartKafka(sandbox.KafkaOptions{Extra: []kfake.Opt{kfake.TLS(&tls.Config{
		Certificates: []tls.Certificate{own}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12,
	})}})
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	open := func(settings string) error {
		text := fmt.Sprintf("kafka: {brokers: [%q], timeout: 2s, tls: {%s}}\n", kafka.Broker(), settings)
		c, err := parseConfig(filepath.Join(dir, configName), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		client, err := newTestApp().openKafka(c, tableConfig{})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		_, err = client.Open(t.Context(), myTable, true)
		return err
	}
	if err := open("ca: cert.pem, cert: cert.pem, key: key.pem"); err != nil {
		t.Error(err)
	}
	for _, settings := range []string{"", "ca: cert.pem"} {
		if err := open(settings); exitCode(t.Context(), err) != exitUsage || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("tls: {%s}: %v", settings, err)
		}
	}
}

// writeCertificate makes a certificate that is its own authority, for both sides, and writes cert.pem and key.pem.
func writeCertificate(t *testing.T, dir string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})
	for name, content := range map[string][]byte{"cert.pem": certPEM, "key.pem": keyPEM} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return pair, pool
}
