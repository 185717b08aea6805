package main

import (
	"bytes"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"go.yaml.in/yaml/v3"
)

// Docker isn't here, so no image is built. These tests read what Docker reads, with its own parsers. e2e's TestEmptyImage does
// what the Dockerfile does.

// dockerfile parses the Dockerfile as BuildKit does. Warnings of BuildKit's linter fail the test.
func dockerfile(t *testing.T) []instructions.Stage {
	t.Helper()
	text, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range parsed.Warnings {
		t.Errorf("Dockerfile: %s", w.Short)
	}
	stages, _, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{
		Warn: func(rule, _, _, message string, at []parser.Range) {
			t.Errorf("Dockerfile, %v: %s: %s", at, rule, message)
		},
	}))
	if err != nil {
		t.Fatal(err)
	}
	return stages
}

// only returns the instruction of this kind that a stage has once.
func only[C instructions.Command](t *testing.T, stage instructions.Stage) (found C) {
	t.Helper()
	n := 0
	for _, c := range stage.Commands {
		if c, ok := c.(C); ok {
			found = c
			n++
		}
	}
	if n != 1 {
		t.Fatalf("stage %s has %d instructions %T", stage.Name, n, found)
	}
	return found
}

func TestDockerfile(t *testing.T) {
	t.Parallel()
	stages := dockerfile(t)
	if len(stages) != 2 {
		t.Fatalf("%d stages", len(stages))
	}
	build, image := stages[0], stages[1]
	if build.Platform != "$BUILDPLATFORM" {
		t.Errorf("it builds on %q, in an emulator", build.Platform)
	}
	if image.BaseName != "scratch" {
		t.Errorf("the image is made from %s", image.BaseName)
	}
	if user := only[*instructions.UserCommand](t, image).User; user != "65532:65532" {
		t.Errorf("it runs as %s", user)
	}
	ports := only[*instructions.ExposeCommand](t, image).Ports // the parser sorts them as words
	if want := strings.Fields("110 143 25 2525 465 587 8025 993 995"); !slices.Equal(ports, want) {
		t.Errorf("it exposes %v, want %v", ports, want)
	}
	health := only[*instructions.HealthCheckCommand](t, image).Health
	if health.StartInterval <= 0 || health.StartInterval >= health.Interval || health.StartInterval > time.Second {
		t.Errorf("until it is ready it is asked every %v, and then every %v", health.StartInterval, health.Interval)
	}
}

// compose is what these tests read of docker-compose.yml.
type compose struct {
	Services map[string]struct {
		Environment map[string]string
		Ports       []string
		Healthcheck struct {
			Test          []string
			Interval      time.Duration
			Timeout       time.Duration
			Retries       int
			StartPeriod   time.Duration `yaml:"start_period"`
			StartInterval time.Duration `yaml:"start_interval"`
		}
	}
}

// TestComposeIsTheImage checks that docker-compose.yml repeats what the image says, and that a sibling finds its name in the certificate.
func TestComposeIsTheImage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file compose
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	service, ok := file.Services["mailrig"]
	if !ok {
		t.Fatal("docker-compose.yml has no service mailrig")
	}
	if name := service.Environment["MAILRIG_HOSTNAME"]; name != "mailrig" {
		t.Errorf("the certificate is for %q, and the service's name is mailrig", name)
	}
	stages := dockerfile(t)
	image := stages[len(stages)-1]
	health := only[*instructions.HealthCheckCommand](t, image).Health
	c := service.Healthcheck
	if !slices.Equal(c.Test, health.Test) || c.Retries != health.Retries ||
		!reflect.DeepEqual([]time.Duration{c.Interval, c.Timeout, c.StartPeriod, c.StartInterval}, []time.Duration{health.Interval, health.Timeout, health.StartPeriod, health.StartInterval}) {
		t.Errorf("its health check is %+v, and the image's %+v", c, health)
	}
	var inside []string
	for _, p := range service.Ports {
		inside = append(inside, p[strings.LastIndexByte(p, ':')+1:])
		if !strings.HasPrefix(p, "127.0.0.1:") {
			t.Errorf("port %s is open to others", p)
		}
	}
	slices.Sort(inside)
	exposed := slices.Sorted(slices.Values(only[*instructions.ExposeCommand](t, image).Ports))
	if !slices.Equal(inside, exposed) {
		t.Errorf("it maps %v, and the image exposes %v", inside, exposed)
	}
}

// bake is what docker-bake.hcl may say. Anything else is an error.
type bake struct {
	Variables []struct {
		Name    string `hcl:"name,label"`
		Default string `hcl:"default"`
	} `hcl:"variable,block"`
	Groups []struct {
		Name    string   `hcl:"name,label"`
		Targets []string `hcl:"targets"`
	} `hcl:"group,block"`
	Targets []struct {
		Name      string            `hcl:"name,label"`
		Context   string            `hcl:"context,optional"`
		Inherits  []string          `hcl:"inherits,optional"`
		Args      map[string]string `hcl:"args,optional"`
		Platforms []string          `hcl:"platforms,optional"`
		Tags      []string          `hcl:"tags"`
		Output    []string          `hcl:"output"`
		Attest    []string          `hcl:"attest,optional"`
	} `hcl:"target,block"`
}

func TestBake(t *testing.T) {
	t.Parallel()
	f, wrong := hclparse.NewParser().ParseHCLFile("../docker-bake.hcl")
	if wrong.HasErrors() {
		t.Fatal(wrong)
	}
	trimPrefix := function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String}, {Name: "prefix", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.StringVal(strings.TrimPrefix(args[0].AsString(), args[1].AsString())), nil
		},
	})
	var file bake
	wrong = gohcl.DecodeBody(f.Body, &hcl.EvalContext{
		Variables: map[string]cty.Value{"VERSION": cty.StringVal("v1.2.3"), "IMAGE": cty.StringVal("example.test/mailrig")},
		Functions: map[string]function.Function{"trimprefix": trimPrefix},
	}, &file)
	if wrong.HasErrors() {
		t.Fatal(wrong)
	}
	if len(file.Targets) != 2 || file.Targets[1].Name != "release" {
		t.Fatalf("targets %+v", file.Targets)
	}
	plain, release := file.Targets[0], file.Targets[1]
	if plain.Args["VERSION"] != "v1.2.3" || !slices.Equal(release.Inherits, []string{plain.Name}) {
		t.Errorf("the version doesn't reach the Dockerfile: %+v", file.Targets)
	}
	if want := []string{"example.test/mailrig:1.2.3", "example.test/mailrig:latest"}; !slices.Equal(release.Tags, want) {
		t.Errorf("tags %v, want %v", release.Tags, want)
	}
	var linux []string
	for _, t := range targets {
		if t.os == "linux" {
			linux = append(linux, t.String())
		}
	}
	if !slices.Equal(release.Platforms, linux) {
		t.Errorf("images for %v, and archives for %v", release.Platforms, linux)
	}
}
