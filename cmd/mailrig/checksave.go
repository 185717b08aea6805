package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/mailrig/mailrig/internal/check"
	"github.com/mailrig/mailrig/scenarios"
)

// scenarioName returns the name of the scenario in a file that is about to be written. flag is the flag that names the file.
func scenarioName(flag, file string) (string, error) {
	name, yaml := strings.CutSuffix(filepath.Base(file), ".yaml")
	if !yaml || !scenarios.GoodName(name) {
		return "", usage("%s is %q; give a file such as my-server.yaml, with lower case letters, digits and single hyphens in its name", flag, file)
	}
	return name, nil
}

// saveServer writes what the check saw of a server as a scenario.
func (a *app) saveServer(report *check.Report, o *check.Options, file string) error {
	name, err := scenarioName("--save", file)
	if err != nil {
		return err
	}
	text, err := report.Recorded(o).Scenario(name)
	if err != nil {
		return notStarted("can't write %s: %w", file, err)
	}
	if err := os.WriteFile(file, text, 0o666); err != nil {
		return notStarted("can't write %s: %w; give the name of a file in a directory that is there", file, reason(err))
	}
	return nil
}
