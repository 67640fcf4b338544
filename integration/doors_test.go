//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// door is a way into Kafka: an address, and what the configuration says about TLS and credentials.
type door struct {
	name, broker, settings string
}

// as are credentials; the password comes from the environment.
func as(mechanism, user, variable string) string {
	return fmt.Sprintf("sasl: {mechanism: %s, user: %s, password: \"${%s}\"}", mechanism, user, variable)
}

// certificate is the path of one that the broker's script made.
func certificate(t *testing.T, name string) string {
	t.Helper()
	return filepath.Join(setting(t, "REWIND_DOORS"), name)
}

// newDoorProject makes a project that enters Kafka by a door.
func newDoorProject(t *testing.T, name, table string, d door) *project {
	t.Helper()
	p := newProject(t, name)
	yaml := fmt.Sprintf("kafka:  {brokers: [%q], partitions: 2, timeout: 5s, prefix: %s, %s}\nimpala: {dsn: %q, staging: %q}\ndata: ./data\ntables:\n  - {name: %s, key: [id]}\n",
		d.broker, filepath.Base(p.dir), d.settings, setting(t, "REWIND_DSN"), "file://"+workFolder(t, name+"/staging"), table)
	if err := os.WriteFile(filepath.Join(p.dir, "rewind.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestDoors goes through the whole pipeline by each way that a real Kafka lets one in: captures, keeps, restores, and has the engine
// compare.
func TestDoors(t *testing.T) {
	database := unique("doors")
	e := newEngine(t, database)
	e.exec("CREATE TABLE " + database + ".t (id INT, name STRING) STORED AS PARQUET")
	e.exec("INSERT INTO " + database + ".t VALUES (1, 'Alice'), (2, 'Berta')")
	secret := setting(t, "REWIND_DOORS_PASSWORD")
	t.Setenv("DOORS_PASSWORD", secret)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ca := fmt.Sprintf("ca: %q", certificate(t, "ca.crt"))
	tls := "tls: {" + ca + "}"
	var doors []door
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		doors = append(doors,
			door{"SASL over TLS " + mechanism, setting(t, "REWIND_KAFKA_SASL_TLS"), tls + ", " + as(mechanism, "rewind", "DOORS_PASSWORD")},
			door{"SASL in the clear " + mechanism, setting(t, "REWIND_KAFKA_SASL_CLEAR"), as(mechanism, "rewind", "DOORS_PASSWORD")})
	}
	doors = append(doors,
		door{"a password in a file", setting(t, "REWIND_KAFKA_SASL_TLS"), tls + fmt.Sprintf(", sasl: {mechanism: SCRAM-SHA-512, user: rewind, password_file: %q}", file)},
		door{"mutual TLS", setting(t, "REWIND_KAFKA_MUTUAL"),
			fmt.Sprintf("tls: {%s, cert: %q, key: %q}", ca, certificate(t, "client.crt"), certificate(t, "client.key"))})
	for i, d := range doors {
		t.Run(d.name, func(t *testing.T) {
			p := newDoorProject(t, fmt.Sprintf("%s_%d", database, i), database+".t", d)
			p.run("config", "check", "--connect")
			p.run("produce")
			p.run("consume", "--until-caught-up")
			if points := p.points(database + ".t"); len(points) != 1 || points[0].Rows != 2 {
				t.Fatalf("restore points: %+v", points)
			}
			into := fmt.Sprintf("%s.t_%d", database, i)
			p.run("restore", database+".t", "--at", "-0s", "--into", into, "--yes")
			e.mustEqual(into, database+".t")
			p.mustNotHold(secret)
		})
	}
	t.Logf("counted: %d doors of a real Kafka, the whole pipeline through each", len(doors))
}

// mustNotHold searches what was printed, logged and kept for a secret.
func (p *project) mustNotHold(secret string) {
	p.t.Helper()
	err := filepath.WalkDir(p.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), secret) {
			p.t.Errorf("%s holds the secret", path)
		}
		return err
	})
	if err != nil {
		p.t.Error(err)
	}
}

// TestDoorsThatStayShut tries each wrong way in: it ends in time, with the exit code of a configuration where trying again changes
// nothing, and says which part is wrong and what to do.
func TestDoorsThatStayShut(t *testing.T) {
	database := unique("shut")
	e := newEngine(t, database)
	e.exec("CREATE TABLE " + database + ".t (id INT, name STRING) STORED AS PARQUET")
	t.Setenv("DOORS_PASSWORD", setting(t, "REWIND_DOORS_PASSWORD"))
	t.Setenv("WRONG_PASSWORD", "wrong-d00r-secret")
	t.Setenv("GUEST_PASSWORD", "guest")
	sasl, clear, mutual := setting(t, "REWIND_KAFKA_SASL_TLS"), setting(t, "REWIND_KAFKA_SASL_CLEAR"), setting(t, "REWIND_KAFKA_MUTUAL")
	open := setting(t, "REWIND_KAFKA")
	ca := fmt.Sprintf("ca: %q", certificate(t, "ca.crt"))
	stranger := fmt.Sprintf("ca: %q", certificate(t, "stranger-ca.crt"))
	foreign := fmt.Sprintf("tls: {%s, cert: %q, key: %q}", ca, certificate(t, "stranger-ca.crt"), certificate(t, "stranger-ca.key"))
	own := fmt.Sprintf("cert: %q, key: %q", certificate(t, "client.crt"), certificate(t, "client.key"))
	tls, rewind := "tls: {"+ca+"}", as("SCRAM-SHA-512", "rewind", "DOORS_PASSWORD")
	shut := []struct {
		door
		code       int
		says, hint string
	}{
		{door{"wrong password, PLAIN", sasl, tls + ", " + as("PLAIN", "rewind", "WRONG_PASSWORD")}, 2, "refused the credentials", "kafka.sasl"},
		{door{"wrong password, SCRAM-SHA-256", sasl, tls + ", " + as("SCRAM-SHA-256", "rewind", "WRONG_PASSWORD")}, 2, "refused the credentials", "kafka.sasl"},
		{door{"wrong password, SCRAM-SHA-512", clear, as("SCRAM-SHA-512", "rewind", "WRONG_PASSWORD")}, 2, "refused the credentials", "kafka.sasl"},
		{door{"unknown user", clear, as("SCRAM-SHA-512", "nobody", "DOORS_PASSWORD")}, 2, "refused the credentials", "kafka.sasl"},
		{door{"no credentials", clear, "compression: lz4"}, 2, "wants credentials", "add sasl"},
		{door{"no credentials over TLS", sasl, tls}, 2, "wants credentials", "add sasl"},
		{door{"credentials that nobody asked for", open, rewind}, 2, "refused the credentials", "take sasl out"},
		{door{"another authority", sasl, "tls: {" + stranger + "}, " + rewind}, 2, "signed by nobody who is trusted", "tls: {ca: FILE}"},
		{door{"this machine's authorities", sasl, "tls: {}, " + rewind}, 2, "signed by nobody who is trusted", "tls: {ca: FILE}"},
		{door{"certificate of another host", setting(t, "REWIND_KAFKA_OTHER"), tls}, 2, "its certificate is for other.example, not for 127.0.0.1", "advertised.listeners"},
		{door{"expired certificate", setting(t, "REWIND_KAFKA_EXPIRED"), tls}, 2, "expired", "renew"},
		{door{"no client certificate", mutual, tls}, 2, "wants one", "cert: FILE"},
		{door{"client certificate of a stranger", mutual, foreign}, 2, "does not accept the client's certificate", "cert: FILE"},
		{door{"client certificate and another authority", mutual, "tls: {" + stranger + ", " + own + "}"}, 2, "signed by nobody who is trusted", "ca: FILE"},
		{door{"TLS where there is none", open, tls}, 7, "TLS handshake", "take tls out"},
		{door{"plain text where TLS is", mutual, "compression: lz4"}, 2, "speaks TLS", "add tls"},
		{door{"SASL in plain text where TLS is", sasl, rewind}, 2, "speaks TLS", "add tls"},
		{door{"nobody there", "127.0.0.1:1", tls}, 7, "refused", "kafka.brokers"},
		{door{"a user without rights", sasl, tls + ", " + as("SCRAM-SHA-512", "guest", "GUEST_PASSWORD")}, 1, "Authorization Failed", "rewind needs to describe"},
	}
	for i, s := range shut {
		t.Run(s.name, func(t *testing.T) {
			p := newDoorProject(t, fmt.Sprintf("%s_%d", database, i), database+".t", s.door)
			commands := [][]string{{"consume", "--until-caught-up"}}
			if i == 0 || i == len(shut)-1 { // these ask the engine too, which takes its time
				commands = append(commands, []string{"produce"}, []string{"config", "check", "--connect", "--json"})
			}
			for _, args := range commands {
				began := time.Now()
				r := p.start(nil, args...)
				code := r.wait()
				text := r.stdout.String() + r.stderr.String()
				want := s.code
				if args[0] == "config" && code == 3 { // one table of all has a problem
					want = 3
				}
				if s.name == "a user without rights" && args[0] == "consume" { // Kafka does not tell him that the topic is missing
					want = code
				}
				if code != want || !strings.Contains(text, s.says) || !strings.Contains(text, s.hint) {
					t.Errorf("rewind %s ended with %d, not %d, after %v, or does not say %q and %q:\n%s\n%s",
						strings.Join(args, " "), code, want, time.Since(began), s.says, s.hint, r.stdout.String(), lastLines(r.stderr.String()))
				}
			}
			p.mustNotHold("wrong-d00r-secret")
			p.mustNotHold(os.Getenv("DOORS_PASSWORD"))
		})
	}
	t.Logf("counted: %d doors of a real Kafka that stay shut, each by its reason", len(shut))
}

// lastLines is the end of a log.
func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(len(lines)-4, 0):], "\n")
}
