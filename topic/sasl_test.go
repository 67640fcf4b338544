package topic_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"rewind/sandbox"
	"rewind/table"
	"rewind/topic"

	"github.com/twmb/franz-go/pkg/kfake"
)

// TestCredentials logs in by each mechanism, and is refused with a wrong password, at once and saying so.
func TestCredentials(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			o := sandbox.KafkaOptions{User: "me", Password: "swordfish"}
			if mechanism != "PLAIN" {
				o = sandbox.KafkaOptions{Extra: []kfake.Opt{kfake.EnableSASL(), kfake.Superuser(mechanism, "me", "swordfish")}}
			}
			kafka, err := sandbox.StartKafka(o)
			if err != nil {
				t.Fatal(err)
			}
			defer kafka.Close()
			open := func(password string) error {
				o := topic.Options{Brokers: []string{kafka.Broker()}, Timeout: 3 * time.Second}
				if password != "" {
					if o.SASL, err = topic.NewSASL(mechanism, "me", password); err != nil {
						t.Fatal(err)
					}
				}
				client, err := topic.NewClient(o)
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				_, err = client.Open(t.Context(), table.Name{Database: "shop", Table: "orders"}, true)
				return err
			}
			if err := open("swordfish"); err != nil {
				t.Error(err)
			}
			var refused *topic.AuthError
			var away *topic.UnreachableError // the stand-in hangs up on a wrong SCRAM proof, where Kafka says what is wrong
			if err := open("guess"); !errors.As(err, &refused) && (mechanism == "PLAIN" || !errors.As(err, &away)) {
				t.Errorf("a wrong password: %v", err)
			}
		})
	}
	if _, err := topic.NewSASL("GSSAPI", "me", "x"); err == nil {
		t.Error("GSSAPI passes")
	}
}

// TestNoCredentials asks a broker that wants credentials without any: it hangs up, which is understood.
func TestNoCredentials(t *testing.T) {
	kafka, err := sandbox.StartKafka(sandbox.KafkaOptions{User: "me", Password: "swordfish"})
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	client, err := topic.NewClient(topic.Options{Brokers: []string{kafka.Broker()}, Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, err = client.Open(t.Context(), table.Name{Database: "shop", Table: "orders"}, false)
	var refused *topic.AuthError
	if !errors.As(err, &refused) || refused.ExitCode() != 2 || !strings.Contains(refused.Hint(), "sasl") {
		t.Fatal(err)
	}
}
