package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const fullConfig = `
kafka: {brokers: [a:1, b:2], prefix: pre, partitions: 8, replication: 3, compression: zstd, timeout: 5s}
impala:
  dsn: "impala://me:${SECRET}@host:21050?auth=ldap"
  staging: {path: stage, uri: "hdfs://ns/rewind", put: [hdfs, dfs, -put, "{path}", "{uri}"], remove: [hdfs, dfs, -rm, "{uri}"]}
  timezone: Europe/Berlin
  options: {REQUEST_POOL: etl, MEM_LIMIT: 4g}
  values_limit: 500
data: ./d
tables:
  - {name: Shop.Orders, key: [order_id, line], exclude: [tags], bytes: [raw], options: {MT_DOP: "4"}, refresh: true, partitions: 2}
  - {name: default.my_table}
`

func TestConfigIsReadWhole(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SECRET", `a"b: {#`)
	c, err := parseConfig(filepath.Join(dir, "rewind.yaml"), []byte(fullConfig))
	if err != nil {
		t.Fatal(err)
	}
	wantKafka := kafkaConfig{Brokers: brokerList{"a:1", "b:2"}, Prefix: "pre", Partitions: 8, Replication: 3, Compression: "zstd", Timeout: span(5 * time.Second)}
	if !reflect.DeepEqual(c.Kafka, wantKafka) {
		t.Errorf("kafka: %+v", c.Kafka)
	}
	wantImpala := impalaConfig{
		DSN: `impala://me:a"b: {#@host:21050?auth=ldap`,
		Staging: stagingConfig{Path: filepath.Join(dir, "stage"), URI: "hdfs://ns/rewind",
			Put: []string{"hdfs", "dfs", "-put", "{path}", "{uri}"}, Remove: []string{"hdfs", "dfs", "-rm", "{uri}"}},
		Timezone: "Europe/Berlin", Options: map[string]string{"REQUEST_POOL": "etl", "MEM_LIMIT": "4g"}, ValuesLimit: 500,
	}
	if !reflect.DeepEqual(c.Impala, wantImpala) {
		t.Errorf("impala: %+v", c.Impala)
	}
	if c.Data != filepath.Join(dir, "d") {
		t.Errorf("data: %s", c.Data)
	}
	orders, ok := c.table(c.Tables[0].name)
	if !ok || orders.name.String() != "shop.orders" || !orders.Refresh || orders.Partitions != 2 || orders.Options["MT_DOP"] != "4" ||
		!reflect.DeepEqual(orders.Key, []string{"order_id", "line"}) || !reflect.DeepEqual(orders.Exclude, []string{"tags"}) ||
		!reflect.DeepEqual(orders.Bytes, []string{"raw"}) {
		t.Errorf("tables[0]: %+v", orders)
	}
}

func TestConfigStagingAsString(t *testing.T) {
	c, err := parseConfig("rewind.yaml", []byte(`impala: {staging: "file:///data/staging"}`))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c.Impala.Staging, stagingConfig{URI: "file:///data/staging"}) {
		t.Errorf("%+v", c.Impala.Staging)
	}
}

func TestConfigBrokers(t *testing.T) {
	for text, want := range map[string]brokerList{
		"kafka: {brokers: [127.0.0.1:19092]}":              {"127.0.0.1:19092"},
		"kafka: {brokers: [a:1, 'b:2', c]}":                {"a:1", "b:2", "c"},
		"kafka: {brokers: [\"[::1]:9092\"]}":               {"[::1]:9092"},
		"kafka:\n  brokers: [kafka-1.x:9092, kafka-2.x:1]": {"kafka-1.x:9092", "kafka-2.x:1"},
		"kafka:\n  brokers:\n    - a:1\n    - b:2\n":       {"a:1", "b:2"},
		"kafka: {brokers: [a:1 , b:2,], prefix: p}":        {"a:1", "b:2"},
		"kafka: {brokers: [], prefix: p}":                  nil,
	} {
		c, err := parseConfig("rewind.yaml", []byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if !reflect.DeepEqual(c.Kafka.Brokers, want) {
			t.Errorf("%q: %q, want %q", text, c.Kafka.Brokers, want)
		}
	}
	for _, text := range []string{
		"kafka: {brokers: [{a: 1}]}", "kafka: {brokers: [[a]]}", "kafka: {brokers: [7]}", "kafka: {brokers: {a: 1}}",
		"kafka: {brokers: [a:b]}",
	} {
		if c, err := parseConfig("rewind.yaml", []byte(text)); err == nil {
			t.Errorf("%q passes as %q", text, c.Kafka.Brokers)
		}
	}
}

func TestConfigDefaults(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"", "# nothing\n", "{}\n"} {
		c, err := parseConfig(filepath.Join(dir, "rewind.yaml"), []byte(text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if c.Data != filepath.Join(dir, "rewind-data") {
			t.Errorf("%q: data is %s", text, c.Data)
		}
	}
}

// TestConfigErrorsKeepSecrets looks that no value of the environment and no line of the file comes out in an error.
func TestConfigErrorsKeepSecrets(t *testing.T) {
	t.Setenv("SECRET", "swordfish")
	for _, text := range []string{
		"impala: {dsn: \"${SECRET}\", unknown: 1}",
		"impala: {dsn: \"${SECRET}\", values_limit: \"${SECRET}\"}",
		"impala:\n  dsn: literal-swordfish\n  unknown: 1\n",
	} {
		_, err := parseConfig("rewind.yaml", []byte(text))
		if err == nil {
			t.Errorf("%q passes", text)
		} else if strings.Contains(err.Error(), "swordfish") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestReadmeConfigurationIsValid(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(readme), "or REWIND_CONFIG):\n\n")
	block, _, ended := strings.Cut(after, "\n\n")
	if !found || !ended {
		t.Fatal("the README shows no rewind.yaml")
	}
	c, err := parseConfig("rewind.yaml", []byte(strings.ReplaceAll(block, "\n    ", "\n")[4:]))
	if err != nil {
		t.Fatalf("%v in\n%s", err, block)
	}
	if len(c.Tables) != 1 || len(c.Kafka.Brokers) != 1 {
		t.Errorf("%+v", c)
	}
}

// FuzzParseConfig looks that no text panics; what parses has names.
func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(fullConfig))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("impala: {staging: [x]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseConfig("rewind.yaml", text)
		if err != nil {
			return
		}
		for _, table := range c.Tables {
			if table.name.Table == "" {
				t.Errorf("a table without a name in %q", text)
			}
		}
	})
}
