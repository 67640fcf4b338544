package topic

import (
	"errors"
	"fmt"
	"strings"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// NewSASL makes what Options.SASL takes: mechanism is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
func NewSASL(mechanism, user, password string) (sasl.Mechanism, error) {
	switch mechanism {
	case "PLAIN":
		return plain.Mechanism{Username: user, Password: password}, nil
	case "SCRAM-SHA-256":
		return scram.Mechanism(scram.SHA256, user, password)
	case "SCRAM-SHA-512":
		return scram.Mechanism(scram.SHA512, user, password)
	}
	return nil, fmt.Errorf("unknown SASL mechanism %q: want PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", mechanism)
}

// AuthError: Kafka refused the credentials, or wants some and has got none.
type AuthError struct {
	Brokers []string
	Err     error
}

func (e *AuthError) Error() string {
	if errors.Is(e.Err, errNoCredentials) {
		return fmt.Sprintf("Kafka at %s wants credentials: %v", strings.Join(e.Brokers, ", "), e.Err)
	}
	return fmt.Sprintf("Kafka at %s refused the credentials: %v", strings.Join(e.Brokers, ", "), e.Err)
}

func (e *AuthError) Unwrap() error { return e.Err }

// ExitCode is "configuration": trying again changes nothing.
func (e *AuthError) ExitCode() int { return 2 }

// Hint says what to check.
func (e *AuthError) Hint() string {
	switch {
	case errors.Is(e.Err, errNoCredentials):
		return "add sasl: {mechanism, user, password} to kafka: in the configuration"
	case errors.Is(e.Err, kafka.UnsupportedSASLMechanism):
		return "the broker does not offer this mechanism: take another one in kafka.sasl, or have it enabled (sasl.enabled.mechanisms)"
	case errors.Is(e.Err, kafka.IllegalSASLState):
		return "take sasl out of kafka: in the configuration, or name a port of the broker that wants it: this one does not"
	}
	return "check mechanism, user and password under kafka.sasl"
}

// isAuthentication tells an answer about credentials from all others.
func isAuthentication(err error) bool {
	for _, code := range []kafka.Error{kafka.SASLAuthenticationFailed, kafka.UnsupportedSASLMechanism, kafka.IllegalSASLState} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

// classify gives an error about credentials its type.
func (c *Client) classify(err error) error {
	var known *AuthError
	if isAuthentication(err) && !errors.As(err, &known) {
		return &AuthError{Brokers: c.options.Brokers, Err: err}
	}
	return err
}
