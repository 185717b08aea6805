package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/testkit/pages"
)

var testName = regexp.MustCompile(`(?m)^func ((?:Test|Benchmark|Fuzz)\w+)`)

// TestDocsNameWhatExists checks the commands of the pages that are for this repository, and that nobody runs here: the targets of make, the
// packages of go, and the tests that their flags choose.
func TestDocsNameWhatExists(t *testing.T) {
	t.Parallel()
	all, err := pages.All("..")
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range all {
		for _, c := range page.Commands {
			calls, err := pages.Calls(c.Text)
			if err != nil {
				t.Errorf("%s, line %d: %s: %v", c.Page, c.Line, c.Text, err)
			}
			for _, call := range calls {
				switch {
				case call[0] == "make" && len(call) > 1 && !regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(call[1])+`:`).Match(makefile):
					t.Errorf("%s, line %d: %s: the Makefile has no target %s", c.Page, c.Line, c.Text, call[1])
				case call[0] == "go" && len(call) > 2 && strings.HasPrefix(call[2], "./") && !strings.HasSuffix(call[2], "..."):
					namesTests(t, c, call)
				}
			}
		}
	}
}

// namesTests checks a call of go with a package: the package, and the tests that it chooses, must exist.
func namesTests(t *testing.T, c pages.Command, call []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", call[2], "*.go"))
	if err != nil || len(files) == 0 {
		t.Errorf("%s, line %d: %s: there is no package %s", c.Page, c.Line, c.Text, call[2])
	}
	if call[1] != "test" {
		return
	}
	var names []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range testName.FindAllStringSubmatch(string(text), -1) {
			names = append(names, m[1])
		}
	}
	for i, word := range call[:len(call)-1] {
		pattern := call[i+1]
		if word != "-run" && word != "-bench" && word != "-fuzz" || pattern == "XXX" || pattern == "^$" { // the last two choose no test
			continue
		}
		re, err := regexp.Compile(pattern)
		if err != nil || !slices.ContainsFunc(names, re.MatchString) {
			t.Errorf("%s, line %d: %s: no test of %s fits %s, %v", c.Page, c.Line, c.Text, call[2], pattern, err)
		}
	}
}
