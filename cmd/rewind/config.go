package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"rewind/table"
)

// config is rewind.yaml.
type config struct {
	Kafka      kafkaConfig      `yaml:"kafka"`
	Impala     impalaConfig     `yaml:"impala"`
	Journal    journalConfig    `yaml:"journal"`
	Encryption encryptionConfig `yaml:"encryption"`
	Guard      guardConfig      `yaml:"guard"`
	Data       string           `yaml:"data"`
	Tables     []tableConfig    `yaml:"tables"`

	path     string   // of the file: for messages
	literals []string // keys whose passwords stand in the file itself
	spoken   []string // keys of commands that get a value of the environment as an argument
	dir      string   // of the file: what relative paths are relative to

	concealed []concealed // what no error and no log shows
}

// kafkaConfig says where the topics are and how they are made.
type kafkaConfig struct {
	Brokers     brokerList `yaml:"brokers"`
	Prefix      string     `yaml:"prefix"`
	Partitions  int        `yaml:"partitions"`
	Replication int        `yaml:"replication"`
	Compression string     `yaml:"compression"`
	Timeout     span       `yaml:"timeout"`

	SASL *saslConfig `yaml:"sasl"`
	TLS  *tlsConfig  `yaml:"tls"`
}

// span is a duration that says where in the file it is wrong.
type span time.Duration

// UnmarshalYAML reads 5s, 1m30s.
func (s *span) UnmarshalYAML(node ast.Node) error {
	var text string
	if err := yaml.NodeToValue(node, &text); err != nil {
		return err
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return &yaml.SyntaxError{Message: "a duration is written 500ms, 5s, 1m30s", Token: node.GetToken()}
	}
	*s = span(d)
	return nil
}

// brokerList is a list of host:port.
type brokerList []string

// UnmarshalYAML reads the list. Inside {brokers: [host:9092]} the parser takes an unquoted host:port for a mapping,
// which YAML does not: such a pair is put together again.
func (l *brokerList) UnmarshalYAML(node ast.Node) error {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		return yaml.NodeToValue(node, (*[]string)(l), yaml.Strict())
	}
	for _, element := range list.Values {
		text, ok := brokerText(element)
		if !ok {
			return &yaml.SyntaxError{Message: "a broker is written host:port", Token: element.GetToken()}
		}
		*l = append(*l, text)
	}
	return nil
}

func brokerText(node ast.Node) (string, bool) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.MappingNode:
		if len(node.Values) == 1 && !node.IsFlowStyle {
			return brokerText(node.Values[0])
		}
	case *ast.MappingValueNode:
		host, ok := node.Key.(*ast.StringNode)
		port, isNumber := node.Value.(*ast.IntegerNode)
		if ok && isNumber {
			return host.Value + ":" + port.Token.Value, true
		}
	}
	return "", false
}

// impalaConfig says where the engine is and how to hand it files.
type impalaConfig struct {
	DSN         string            `yaml:"dsn"`
	Password    secret            `yaml:"password"` // of the user in DSN, as it is: nothing in it is escaped
	Staging     stagingConfig     `yaml:"staging"`
	Timezone    string            `yaml:"timezone"`
	Options     map[string]string `yaml:"options"`
	ValuesLimit int64             `yaml:"values_limit"`

	PasswordFile string `yaml:"password_file"` // instead of Password
}

// stagingConfig is a folder that both rewind and Impala see: one URI where they see it alike, or a local path, the
// URI that Impala calls it by, and the site's commands that carry files from one to the other.
type stagingConfig struct {
	Path   string   `yaml:"path"`
	URI    string   `yaml:"uri"`
	Put    []string `yaml:"put"`
	Remove []string `yaml:"remove"`
}

// UnmarshalYAML takes a string for a folder that is the same on both sides, or the mapping.
func (s *stagingConfig) UnmarshalYAML(node ast.Node) error {
	if _, ok := node.(ast.MapNode); ok {
		type plain stagingConfig
		return yaml.NodeToValue(node, (*plain)(s), yaml.Strict())
	}
	return yaml.NodeToValue(node, &s.URI, yaml.Strict())
}

// tableConfig is one protected table.
type tableConfig struct {
	Name       string            `yaml:"name"`
	Key        []string          `yaml:"key"`
	Order      orderConfig       `yaml:"order"`
	Exclude    []string          `yaml:"exclude"`
	Bytes      []string          `yaml:"bytes"`
	Options    map[string]string `yaml:"options"`
	Refresh    bool              `yaml:"refresh"`
	Partitions int               `yaml:"partitions"`
	Streams    streamCount       `yaml:"scan_streams"`
	Guard      guardConfig       `yaml:"guard"`

	name table.Name
}

// check says what the parser cannot: which values make no sense.
func (c *config) check() error {
	if c.Data == "" {
		c.Data = "rewind-data"
	}
	seen := map[table.Name]bool{}
	for i := range c.Tables {
		t := &c.Tables[i]
		name, err := table.ParseName(t.Name)
		if err != nil {
			return fmt.Errorf("tables[%d]: %w", i, err)
		}
		if seen[name] {
			return fmt.Errorf("tables[%d]: %s is there twice", i, name)
		}
		seen[name] = true
		t.name = name
		if err := checkKey(name, t.Key); err != nil {
			return fmt.Errorf("tables[%d]: %w", i, err)
		}
		if t.Partitions < 0 {
			return fmt.Errorf("tables[%d]: partitions is %d", i, t.Partitions)
		}
		if err := t.checkStreams(); err != nil {
			return fmt.Errorf("tables[%d]: %w", i, err)
		}
	}
	if c.Kafka.Partitions < 0 || c.Kafka.Replication < 0 || c.Impala.ValuesLimit < 0 {
		return fmt.Errorf("kafka.partitions, kafka.replication and impala.values_limit are not negative")
	}
	return nil
}

// table finds a table's settings; a table that is not configured has none but its name.
func (c *config) table(name table.Name) (tableConfig, bool) {
	for _, t := range c.Tables {
		if t.name == name {
			return t, true
		}
	}
	return tableConfig{Name: name.String(), name: name}, false
}

// known names the configured tables, for someone who mistyped one of them.
func (c *config) known() string {
	const most = 8
	var names []string
	for _, t := range c.Tables {
		names = append(names, t.name.String())
	}
	switch {
	case len(names) == 0:
		return ""
	case len(names) > most:
		return fmt.Sprintf("configured are %s and %d more; ", strings.Join(names[:most], ", "), len(names)-most)
	}
	return "configured: " + strings.Join(names, ", ") + "; "
}

// selectTables is the configured tables that args name, or all of them.
func (c *config) selectTables(args []string) ([]tableConfig, error) {
	if len(args) == 0 {
		if len(c.Tables) == 0 {
			return nil, usageErrorf("list them under tables: in %s", c.path).because(fmt.Errorf("no table is configured"))
		}
		return c.Tables, nil
	}
	var selected []tableConfig
	for _, arg := range args {
		name, err := parseTable(arg)
		if err != nil {
			return nil, err
		}
		t, ok := c.table(name)
		if !ok {
			return nil, usageErrorf("%sadd {name: %s} under tables: in %s", c.known(), name, c.path).because(fmt.Errorf("table %s is not configured", name))
		}
		selected = append(selected, t)
	}
	return selected, nil
}

// parseTable reads a table's name as typed by the user.
func parseTable(arg string) (table.Name, error) {
	name, err := table.ParseName(arg)
	if err != nil {
		return table.Name{}, usageErrorf("a table is named database.table").because(err)
	}
	return name, nil
}

// missing is a configuration without a value that the command needs.
func missing(c *config, key, example string) error {
	return usageErrorf("write it into %s, for example %s", c.path, example).because(fmt.Errorf("%s is not configured", key))
}
