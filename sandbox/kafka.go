package sandbox

import (
	"fmt"
	"net"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// freeAddr listens at a free port for this machine only.
const freeAddr = "127.0.0.1:0"

// KafkaOptions of a Kafka broker. The zero value keeps everything in memory
// and listens at a free port of 127.0.0.1.
type KafkaOptions struct {
	Addr     string // to listen at; "": 127.0.0.1 and a free port
	Dir      string // where topics survive the process, even when it is killed; "": memory
	User     string // SASL PLAIN, with Password; "": none
	Password string
	Extra    []kfake.Opt // anything else that kfake offers
}

// Kafka is a running broker.
type Kafka struct {
	cluster *kfake.Cluster
}

// StartKafka starts a broker; Close ends it.
func StartKafka(o KafkaOptions) (*Kafka, error) {
	if o.Addr == "" {
		o.Addr = freeAddr
	}
	opts := []kfake.Opt{kfake.NumBrokers(1), kfake.ListenFn(func(network, _ string) (net.Listener, error) { return net.Listen(network, o.Addr) })}
	if o.Dir != "" {
		opts = append(opts, kfake.DataDir(o.Dir))
	}
	if o.User != "" {
		opts = append(opts, kfake.EnableSASL(), kfake.Superuser("PLAIN", o.User, o.Password))
	}
	c, err := kfake.NewCluster(append(opts, o.Extra...)...)
	if err != nil {
		return nil, fmt.Errorf("start the Kafka stand-in: %w", err)
	}
	if o.User != "" {
		refusePasswords(c, o.User, o.Password)
	}
	return &Kafka{c}, nil
}

// refusePasswords answers a wrong SASL PLAIN password as Kafka does; kfake would close the connection.
func refusePasswords(c *kfake.Cluster, user, password string) {
	c.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		asked := req.(*kmsg.SASLAuthenticateRequest)
		if string(asked.SASLAuthBytes) == "\x00"+user+"\x00"+password {
			return nil, nil, false
		}
		answer := asked.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		answer.ErrorCode = kerr.SaslAuthenticationFailed.Code
		answer.ErrorMessage = kmsg.StringPtr("Authentication failed: Invalid username or password")
		return answer, nil, true
	})
}

// Broker is the bootstrap address, host:port.
func (k *Kafka) Broker() string { return k.cluster.ListenAddrs()[0] }

// Cluster is kfake's, for tests that inject faults.
func (k *Kafka) Cluster() *kfake.Cluster { return k.cluster }

// Close ends the broker.
func (k *Kafka) Close() error {
	k.cluster.Close()
	return nil
}
