// Package compose loads the compose files as Docker does. It is a module of its own, so that mailrig's doesn't need Compose's
// library.
package compose

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// TestCompose loads the compose files as Docker does, which checks them by their schema and more.
func TestCompose(t *testing.T) {
	t.Parallel()
	for file, services := range map[string]int{"../../compose.yml": 2, "../../../docker-compose.yml": 1, "../../../deploy/compose-shared.yml": 4} {
		options, err := cli.NewProjectOptions([]string{file}, cli.WithName("recipe"))
		if err != nil {
			t.Fatal(err)
		}
		project, err := options.LoadProject(t.Context())
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if len(project.Services) != services {
			t.Errorf("%s has %d services", file, len(project.Services))
		}
		for name, service := range project.Services {
			checkFiles(t, file, name, service)
		}
	}
}

// checkFiles checks that what a service builds from and mounts exists.
func checkFiles(t *testing.T, file, name string, service types.ServiceConfig) {
	t.Helper()
	if service.Build != nil {
		if _, err := os.Stat(filepath.Join(service.Build.Context, "Dockerfile")); err != nil {
			t.Errorf("%s: service %s: %v", file, name, err)
		}
	}
	for _, v := range service.Volumes {
		if _, err := os.Stat(v.Source); v.Type == types.VolumeTypeBind && err != nil {
			t.Errorf("%s: service %s: %v", file, name, err)
		}
	}
}
