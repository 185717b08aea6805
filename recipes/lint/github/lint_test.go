// Package github lints the workflows among the recipes. It is a module of its own, so that mailrig's doesn't need the linter.
package github

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/rhysd/actionlint"
)

// TestWorkflows lints the workflows for GitHub. They call the action by its name, which a linter can't look up; so it is
// called by its path here, and its inputs are checked too.
func TestWorkflows(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../github-*.yml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range lint(t, file, text) {
			t.Errorf("%s:%d: %s", file, m.Line, m.Message)
		}
	}
}

// TestLintFindsMistakes shows that the linter reads action.yml.
func TestLintFindsMistakes(t *testing.T) {
	t.Parallel()
	const workflow = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: mailrig/mailrig@main\n        with:\n          scenarios: greylisting\n"
	if mistakes := lint(t, "a.yml", []byte(workflow)); len(mistakes) != 1 {
		t.Errorf("an input that doesn't exist: %v", mistakes)
	}
}

func lint(t *testing.T, file string, workflow []byte) []*actionlint.Error {
	t.Helper()
	project, err := actionlint.NewProject("../../..")
	if err != nil {
		t.Fatal(err)
	}
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	mistakes, err := linter.Lint(file, bytes.ReplaceAll(workflow, []byte("mailrig/mailrig@main"), []byte("./")), project)
	if err != nil {
		t.Fatal(err)
	}
	return mistakes
}
