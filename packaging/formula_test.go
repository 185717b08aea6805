package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestFormula does with the formula what Homebrew does: testdata/brew.rb reads it, takes the archive for this machine if its
// checksum is right, installs it and runs the formula's own test. Homebrew itself isn't here.
func TestFormula(t *testing.T) {
	t.Parallel()
	r := made(t)
	need(t, "ruby")
	formula := filepath.Join(r.out, formulaName)
	for _, system := range []string{"macos/arm", "macos/intel", "linux/arm", "linux/intel"} {
		args := []string{"testdata/brew.rb", formula, r.out, system}
		if system == map[string]string{"linux/amd64": "linux/intel", "linux/arm64": "linux/arm"}[runtime.GOOS+"/"+runtime.GOARCH] {
			args = append(args, t.TempDir()) // it is this machine's: install and try it as well
		}
		t.Log(output(t, exec.Command("ruby", args...)))
	}
	text, err := os.ReadFile(formula)
	if err != nil || !strings.Contains(string(text), `version "`+r.number()+`"`) {
		t.Errorf("the formula isn't for %s, %v", r.number(), err)
	}
}
