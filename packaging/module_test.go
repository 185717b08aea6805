package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/zip"
)

// TestModuleCanBeInstalled checks what "go install …@latest" demands of a module, short of publishing it: that its files, as
// committed, can be in a module's archive (names that every system takes, bounds on sizes), and that go.mod replaces nothing.
func TestModuleCanBeInstalled(t *testing.T) {
	t.Parallel()
	need(t, "git", "tar")
	root := t.TempDir()
	output(t, exec.Command("sh", "-c", `git -C .. archive HEAD | tar -x -C "$1"`, "-", root))
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(mod.Replace)+len(mod.Exclude) > 0 {
		t.Error("go.mod replaces or excludes, and go install refuses that")
	}
	files, err := zip.CheckDir(root)
	if err == nil {
		err = files.Err()
	}
	if err != nil || len(files.Valid) < 500 {
		t.Errorf("%d files can be in the archive, and these can't: %v, %v", len(files.Valid), files.Invalid, err)
	}
}
