package main

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/goreleaser/goreleaser/v2/pkg/config"
)

// TestGoreleaser reads .goreleaser.yaml with goreleaser's own reader, which refuses fields that it doesn't know. goreleaser itself
// takes minutes to build, so its check is run by hand (docs/install.md).
func TestGoreleaser(t *testing.T) {
	t.Parallel()
	project, err := config.Load("../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(project.Before.Hooks) != 1 || !strings.HasPrefix(project.Before.Hooks[0], "make dist ") {
		t.Errorf("it runs %q before, and not make dist", project.Before.Hooks)
	}
	for _, b := range project.Builds {
		if b.Skip != "true" {
			t.Errorf("it builds %q itself", b.ID)
		}
	}
	if path.Clean(project.Dist) == "dist" {
		t.Error("its own directory is that of make dist, and --clean would remove what is there")
	}
	r := &release{version: "v1.2.3"}
	want := []string{sumsName, formulaName}
	for _, t := range targets {
		want = append(want, r.name(t)+".tar.gz")
	}
	for _, name := range want {
		if !slices.ContainsFunc(project.Release.ExtraFiles, func(f config.ExtraFile) bool {
			fits, err := path.Match(f.Glob, "dist/"+name)
			return fits && err == nil
		}) {
			t.Errorf("it doesn't publish %s", name)
		}
	}
}
