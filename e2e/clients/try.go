package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/mailrig/mailrig/internal/trial"
)

// bench is where clients are tried: a folder with what was built for it.
type bench struct {
	dir string
	env []string
}

func prepare(ctx context.Context) (b *bench, err error) {
	b = &bench{}
	if b.dir, err = os.MkdirTemp("", "mailrig-clients-"); err != nil {
		return nil, err
	}
	for name, pkg := range map[string]string{"mailrig": "./cmd/mailrig", "goclient": "./e2e/clients/goclient"} {
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(b.dir, name), pkg).CombinedOutput(); err != nil {
			b.remove()
			return nil, fmt.Errorf("build %s: %w\n%s", pkg, err, out)
		}
	}
	here, err := filepath.Abs(".")
	if err != nil {
		return nil, err
	}
	b.env = append(os.Environ(), "CLIENTS="+filepath.Join(here, folder), "MSG="+filepath.Join(here, "e2e/testdata/probes/message.eml"),
		"GOCLIENT="+filepath.Join(b.dir, "goclient"), "LANG=C.UTF-8")
	return b, nil
}

func (b *bench) remove() { os.RemoveAll(b.dir) }

// try runs a client under scenarios: all of them, or a list in the form that mailrig trial takes.
func (b *bench) try(ctx context.Context, c Client, scenarios string) (*trial.Report, error) {
	for _, program := range c.Needs {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("%s isn't installed; .ci/run installs every client, or leave this one out with -client", program)
		}
	}
	f, err := os.CreateTemp(b.dir, "*.json")
	if err != nil {
		return nil, err
	}
	f.Close()
	file := f.Name()
	defer os.Remove(file)
	args := []string{"trial", "--timeout", runLimit, "--report", file}
	if scenarios != "" {
		args = append(args, "--scenario", scenarios)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(b.dir, "mailrig"), append(args, "--", "sh", "-c", c.Run)...)
	cmd.Env = b.env
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) { // status 1: some failed
		return nil, fmt.Errorf("mailrig trial: %w\n%s", err, out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	var r trial.Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, err
	}
	if r.Control.Problem != "" {
		return nil, errors.New(r.Control.Problem + "\n" + r.Control.Output)
	}
	return &r, nil
}
