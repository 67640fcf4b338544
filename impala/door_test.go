package impala

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rewind/sandbox"
)

// selfSigned makes a server's certificate that is its own authority, and the file that names it.
func selfSigned(t *testing.T, host net.IP, until time.Time) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{host}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// TestDoors enters a stand-in by TLS and LDAP, and knocks at doors that stay shut: each error says which part is wrong.
func TestDoors(t *testing.T) {
	here, far := net.IPv4(127, 0, 0, 1), time.Now().Add(time.Hour)
	good, ca := selfSigned(t, here, far)
	_, stranger := selfSigned(t, here, far)
	elsewhere, elsewhereCA := selfSigned(t, net.IPv4(192, 0, 2, 1), far)
	expired, expiredCA := selfSigned(t, here, time.Now().Add(-time.Hour))
	serving := func(c tls.Certificate) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS12}
	}
	demanding := serving(good)
	demanding.ClientAuth = tls.RequireAnyClientCert
	const password = "p@ss:/?#%w"
	tried := 0
	for name, c := range map[string]struct {
		tls        *tls.Config
		ca         string // of the client; "" none, "-" no TLS at all
		password   string // of the client; "" asks for no authentication on both sides, "-" only the server does
		code       int
		says, hint string
	}{
		"TLS":                        {serving(good), ca, "", 0, "", ""},
		"TLS and LDAP":               {serving(good), ca, password, 0, "", ""},
		"LDAP":                       {nil, "-", password, 0, "", ""},
		"wrong password":             {serving(good), ca, "wr0ng", 2, "refused the credentials", "user and password"},
		"wrong password, plain text": {nil, "-", "wr0ng", 2, "refused the credentials", "user and password"},
		"another authority":          {serving(good), stranger, "", 2, "signed by nobody who is trusted", "ca-cert"},
		"no authority":               {serving(good), "", "", 2, "signed by nobody who is trusted", "ca-cert"},
		"another host":               {serving(elsewhere), elsewhereCA, "", 2, "for 192.0.2.1, not for 127.0.0.1", "as its certificate does"},
		"expired":                    {serving(expired), expiredCA, "", 2, "expired", "renew"},
		"client's certificate":       {demanding, ca, "", 2, "wants one", "cannot show"},
		"no LDAP where it is wanted": {nil, "-", "-", 7, "cannot be reached", "auth=ldap"},
		"plain text where TLS is":    {serving(good), "-", "", 7, "cannot be reached", "tls="},
	} {
		t.Run(name, func(t *testing.T) {
			o := sandbox.ImpalaOptions{TLS: c.tls}
			if c.password != "" {
				o.User, o.Password = "me", password
			}
			server, err := sandbox.StartImpala(o)
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close() //nolint:errcheck // a test's
			u := url.URL{Scheme: "impala", Host: server.Addr(), RawQuery: "auth=noauth&socket-timeout=2s&connect-timeout=2s"}
			if c.password != "" && c.password != "-" {
				u.User, u.RawQuery = url.UserPassword("me", c.password), strings.Replace(u.RawQuery, "noauth", "ldap", 1)
			}
			if c.ca != "-" {
				u.RawQuery += "&tls=true"
			}
			if c.ca != "" && c.ca != "-" {
				u.RawQuery += "&ca-cert=" + url.QueryEscape(c.ca)
			}
			db, err := Open(context.Background(), Options{DSN: u.String()})
			tried++
			if err == nil {
				defer db.Close() //nolint:errcheck // a test's
				_, err = db.Databases(context.Background())
			}
			if c.code == 0 {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var told interface {
				error
				ExitCode() int
				Hint() string
			}
			if !errors.As(err, &told) || told.ExitCode() != c.code || !strings.Contains(err.Error(), c.says) || !strings.Contains(told.Hint(), c.hint) {
				t.Errorf("%v", err)
			}
			if strings.Contains(err.Error(), c.password) && len(c.password) > 1 || strings.Contains(err.Error(), url.QueryEscape(password)) {
				t.Errorf("the password is shown: %v", err)
			}
		})
	}
	t.Logf("counted: %d doors of Impala's stand-in", tried)
}
