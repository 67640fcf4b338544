package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"rewind/topic"
)

// saslConfig is who rewind is to Kafka.
type saslConfig struct {
	Mechanism string `yaml:"mechanism"`
	User      string `yaml:"user"`
	Password  secret `yaml:"password"`

	PasswordFile string `yaml:"password_file"` // instead of Password
}

// paths are the files that it names.
func (s *saslConfig) paths() []*string {
	if s == nil {
		return nil
	}
	return []*string{&s.PasswordFile}
}

// tlsConfig says how Kafka proves itself to rewind, and rewind to Kafka. An empty one is TLS with the machine's
// certificate authorities.
type tlsConfig struct {
	CA   string `yaml:"ca"`   // file of the authorities that count; "": the machine's
	Cert string `yaml:"cert"` // file of rewind's own certificate, with Key
	Key  string `yaml:"key"`
}

// paths are the files that it names.
func (t *tlsConfig) paths() []*string {
	if t == nil {
		return nil
	}
	return []*string{&t.CA, &t.Cert, &t.Key}
}

// load reads the files.
func (t *tlsConfig) load() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		text, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("kafka.tls.ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("kafka.tls.ca: %s holds no certificate in PEM", t.CA)
		}
	}
	if (t.Cert == "") != (t.Key == "") {
		return nil, errors.New("kafka.tls: cert and key go together")
	}
	if t.Cert != "" {
		own, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("kafka.tls.cert, kafka.tls.key: %w", err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}

// options of the connection, for topics of so many partitions.
func (k kafkaConfig) options(partitions int) (topic.Options, error) {
	o := topic.Options{
		Brokers: k.Brokers, Prefix: k.Prefix, Partitions: partitions, Replication: k.Replication,
		Compression: k.Compression, Timeout: time.Duration(k.Timeout),
	}
	var err error
	if k.TLS != nil {
		if o.TLS, err = k.TLS.load(); err != nil {
			return o, err
		}
	}
	if k.SASL != nil {
		password, err := secretOf("kafka.sasl.password", k.SASL.Password, k.SASL.PasswordFile)
		if err != nil {
			return o, err
		}
		if k.SASL.User == "" || password == "" {
			return o, errors.New("kafka.sasl: user or password is missing")
		}
		if o.SASL, err = topic.NewSASL(k.SASL.Mechanism, k.SASL.User, string(password)); err != nil {
			return o, fmt.Errorf("kafka.sasl: %w", err)
		}
	}
	return o, nil
}
