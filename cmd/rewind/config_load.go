package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

const (
	configName = "rewind.yaml"
	configEnv  = "REWIND_CONFIG"

	// configLimit is far beyond any real configuration: a wrong path must not fill the memory.
	configLimit = 4 << 20
)

// loadConfig finds, reads and checks the configuration. Every failure is a usage error: nothing was begun.
func (a *app) loadConfig() (*config, error) {
	path, err := a.findConfig()
	if err != nil {
		return nil, err
	}
	text, err := readConfig(path)
	if err != nil {
		return nil, usageErrorf("the configuration is searched as --config, $%s, ./%s", configEnv, configName).because(err)
	}
	c, err := parseConfig(path, text)
	if err != nil {
		return nil, usageErrorf("the README describes every key of %s", configName).because(err)
	}
	a.concealed = c.concealed
	if err := c.loadKeys(); err != nil {
		return nil, err
	}
	return c, nil
}

func (a *app) findConfig() (string, error) {
	if a.configPath != "" {
		return a.configPath, nil
	}
	if path := os.Getenv(configEnv); path != "" {
		return path, nil
	}
	if _, err := os.Stat(configName); err != nil {
		return "", usageErrorf("\"rewind init\" writes one; --config or $%s names one elsewhere; \"rewind sandbox --dir ./play\" makes one to play with", configEnv).
			because(fmt.Errorf("no configuration: there is no %s in this folder", configName))
	}
	return configName, nil
}

func readConfig(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, configLimit+1))
	if err != nil {
		return nil, err
	}
	if len(text) > configLimit {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, configLimit)
	}
	return text, nil
}

// parseConfig reads a configuration strictly and resolves what is relative in it.
func parseConfig(path string, text []byte) (*config, error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		if line := bareStar(text); line > 0 {
			return nil, fmt.Errorf("%s:%d: YAML takes a bare * for something else: key: ['*']", path, line)
		}
		return nil, placed(path, err)
	}
	if len(file.Docs) > 1 {
		return nil, fmt.Errorf("%s holds more than one document", path)
	}
	c := &config{path: path, dir: filepath.Dir(path)}
	var raw config // as it is written
	if len(file.Docs) == 1 && file.Docs[0].Body != nil {
		body := file.Docs[0].Body
		_ = yaml.NodeToValue(body, &raw) // said when it is read strictly
		c.literals, c.spoken = literals(&raw), spoken(&raw)
		expand := &expander{path: path}
		ast.Walk(expand, body)
		if expand.err != nil {
			return nil, expand.err
		}
		if err := yaml.NodeToValue(body, c, yaml.Strict()); err != nil {
			return nil, placed(path, err)
		}
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c.conceal(&raw)
	if err := c.resolve(); err != nil {
		return nil, err
	}
	c.conceal(&raw)
	return c, nil
}

// resolve makes the paths independent of the working directory: they are relative to the configuration's folder.
func (c *config) resolve() error {
	dir, err := filepath.Abs(c.dir)
	if err != nil {
		return err
	}
	c.dir = dir
	for _, path := range slices.Concat(c.Kafka.SASL.paths(), c.Kafka.TLS.paths(), c.Journal.paths(), c.Encryption.paths(),
		[]*string{&c.Impala.PasswordFile, &c.Data, &c.Impala.Staging.Path}) {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
	}
	return nil
}

// placed says where in the file the error is. The text around it is not shown: it may hold a password.
func placed(path string, err error) error {
	var placed yaml.Error
	if !errors.As(err, &placed) || placed.GetToken() == nil || placed.GetToken().Position == nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	at, message := placed.GetToken().Position, placed.GetMessage()
	var wrongType *yaml.TypeError
	if errors.As(err, &wrongType) {
		message = kindName(wrongType.DstType) + " is wanted here, not " + kindName(wrongType.SrcType)
	}
	var wrongNode *yaml.UnexpectedNodeTypeError
	if errors.As(err, &wrongNode) {
		message = nodeName(wrongNode.Expected) + " is wanted here, not " + nodeName(wrongNode.Actual)
	}
	return fmt.Errorf("%s:%d:%d: %s", path, at.Line, at.Column, message)
}

// kindName calls a Go type what it is in a YAML file.
func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	case reflect.Slice:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "a mapping"
	}
	return "a number"
}

// nodeName calls a node of the parser what it is in a YAML file.
func nodeName(t ast.NodeType) string {
	switch t {
	case ast.BoolType:
		return "true or false"
	case ast.StringType, ast.LiteralType:
		return "text"
	case ast.SequenceType:
		return "a list"
	case ast.MappingType, ast.MappingValueType:
		return "a mapping"
	case ast.NullType:
		return "nothing"
	case ast.IntegerType, ast.FloatType, ast.InfinityType, ast.NanType:
		return "a number"
	}
	return "a " + t.YAMLName()
}

// variable matches ${NAME}, and $${ which stands for a literal ${.
var variable = regexp.MustCompile(`\$\$\{|\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

// expander puts the environment's values into the strings of a parsed configuration: after parsing, so that no
// character of a secret is taken for YAML.
type expander struct {
	path string
	err  error
}

// Visit expands one string.
func (e *expander) Visit(node ast.Node) ast.Visitor {
	text, ok := node.(*ast.StringNode)
	if !ok {
		return e
	}
	text.Value = variable.ReplaceAllStringFunc(text.Value, func(match string) string {
		if match == "$${" {
			return "${"
		}
		name := match[2 : len(match)-1]
		value, ok := os.LookupEnv(name)
		if !ok && e.err == nil {
			e.err = fmt.Errorf("%s:%d: the environment has no %s", e.path, text.Token.Position.Line, name)
		}
		return value
	})
	return e
}
