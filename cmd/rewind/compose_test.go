package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// loadCompose reads docker-compose.yml as docker compose does, with the environment of a fresh machine.
func loadCompose(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"../../docker-compose.yml"}, cli.WithInterpolation(true), cli.WithResolvedPaths(true))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// TestComposeServices holds what makes the composition start in order and stay on this machine.
func TestComposeServices(t *testing.T) {
	project := loadCompose(t)
	want := []string{"catalogd", "consume", "impalad", "kafka", "metastore", "produce", "statestored"}
	if got := slices.Sorted(slices.Values(project.ServiceNames())); !slices.Equal(got, want) {
		t.Errorf("services %q, want %q", got, want)
	}
	tagged := regexp.MustCompile(`^[a-z0-9./_-]+:[A-Za-z0-9._-]+$`)
	for name, service := range project.Services {
		if check := service.HealthCheck; check == nil || check.Disable || len(check.Test) < 2 || check.Interval == nil || check.Timeout == nil {
			t.Errorf("%s has no health check", name)
		}
		if !tagged.MatchString(service.Image) || strings.HasSuffix(service.Image, ":latest") {
			t.Errorf("%s: image %q has no tag", name, service.Image)
		}
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is open on %q", name, port.Published, port.HostIP)
			}
		}
		for dependency, how := range service.DependsOn {
			if how.Condition != types.ServiceConditionHealthy || !how.Required {
				t.Errorf("%s does not wait until %s is healthy", name, dependency)
			}
		}
		for _, mount := range service.Volumes {
			if _, named := project.Volumes[mount.Source]; mount.Type != types.VolumeTypeVolume || !named {
				t.Errorf("%s: %s is no named volume", name, mount.Target)
			}
		}
	}
	for service, dependencies := range map[string][]string{
		"catalogd": {"metastore", "statestored"}, "impalad": {"catalogd"},
		"produce": {"impalad", "kafka"}, "consume": {"impalad", "kafka"},
	} {
		if got := slices.Sorted(slices.Values(project.Services[service].GetDependencies())); !slices.Equal(got, dependencies) {
			t.Errorf("%s waits for %q, want %q", service, got, dependencies)
		}
	}
}

// TestComposeRewind holds that rewind's services have a configuration that loads, keep what they write, and share the
// folder of staging with every server that reads it.
func TestComposeRewind(t *testing.T) {
	project := loadCompose(t)
	c, err := parseConfig("rewind.yaml", []byte(project.Configs["rewind"].Content))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Tables) == 0 || len(c.Kafka.Brokers) == 0 || c.Impala.DSN == "" {
		t.Errorf("the configuration lacks something: %+v", c)
	}
	staging, ok := strings.CutPrefix(c.Impala.Staging.URI, "file://")
	if !ok {
		t.Fatalf("staging is %q", c.Impala.Staging.URI)
	}
	for _, name := range []string{"produce", "consume", "impalad", "catalogd", "metastore"} {
		if source := mountOf(project.Services[name], staging); source != "warehouse" {
			t.Errorf("%s: %s lies on %q, not on the shared volume", name, staging, source)
		}
	}
	for _, name := range []string{"produce", "consume"} {
		service := project.Services[name]
		if source := mountOf(service, c.Data); source != "rewind-data" {
			t.Errorf("%s: %s lies on %q", name, c.Data, source)
		}
		if service.Build == nil || service.User != "1000:1000" {
			t.Errorf("%s is not built here, or is user %q: Impala's images are 1000", name, service.User)
		}
		target := *service.Environment["REWIND_CONFIG"]
		if !slices.ContainsFunc(service.Configs, func(f types.ServiceConfigObjConfig) bool { return f.Source == "rewind" && f.Target == target }) {
			t.Errorf("%s: nothing is mounted at %s", name, target)
		}
		if code, _, stderr := runCommand(t.Context(), append(service.Command, "--help")...); code != exitOK {
			t.Errorf("%s: %q: %s", name, service.Command, stderr)
		}
	}
}

// mountOf is the volume that a path of a service lies on.
func mountOf(service types.ServiceConfig, path string) string {
	source := ""
	for _, mount := range service.Volumes {
		if strings.HasPrefix(path+"/", mount.Target+"/") {
			source = mount.Source
		}
	}
	return source
}

// TestComposeMetastore holds the database's place: the image's start script makes the schema unless that folder is there,
// so that anywhere else the second start would fail.
func TestComposeMetastore(t *testing.T) {
	project := loadCompose(t)
	site := project.Configs["hive-site"].Content
	for _, want := range []string{"databaseName=/var/lib/hive/metastore/metastore_db;", "thrift://metastore:9083", "<value>/user/hive/warehouse/managed</value>"} {
		if !strings.Contains(site, want) {
			t.Errorf("hive-site.xml does not say %q", want)
		}
	}
	if source := mountOf(project.Services["metastore"], "/var/lib/hive/metastore"); source != "warehouse" {
		t.Errorf("the metastore's database lies on %q", source)
	}
}

// TestDockerfile holds that no image floats, and that the program is what compose calls it.
func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if from, ok := strings.CutPrefix(line, "FROM "); ok && !strings.Contains(strings.Fields(from)[0], ":") {
			t.Errorf("untagged: %s", line)
		}
	}
	if !strings.Contains(string(text), `ENTRYPOINT ["/usr/local/bin/rewind"]`) {
		t.Error("the entry point is not where the health checks look")
	}
}
