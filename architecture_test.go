// Package mailrig_test keeps docs/packages.md true: who may import whom.
package mailrig_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/mailrig/mailrig"

var tableRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]+ \\| ([^|]+) \\|$")

// plain is the package that everybody may import, in the words of docs/packages.md.
var plain = regexp.MustCompile("Every package may import `([^`]+)`")

// allowed reads docs/packages.md: for each package, what it may import.
func allowed(t *testing.T) map[string][]string {
	t.Helper()
	page, err := os.ReadFile("docs/packages.md")
	if err != nil {
		t.Fatal(err)
	}
	everybody := plain.FindStringSubmatch(string(page))
	if everybody == nil {
		t.Fatal("docs/packages.md doesn't say what every package may import")
	}
	may := map[string][]string{"": {"nothing"}} // this test's own package
	for _, row := range tableRow.FindAllStringSubmatch(string(page), -1) {
		may[row[1]] = append(strings.Split(row[2], ", "), strings.TrimPrefix(everybody[1], "internal/"))
	}
	return may
}

// permits reports whether the words of a row allow an import.
func permits(may map[string][]string, words []string, imported string) bool {
	ours, isOurs := strings.CutPrefix(imported, module+"/")
	return slices.ContainsFunc(words, func(word string) bool {
		switch {
		case word == "everything":
			return true
		case isOurs:
			return ours == word || ours == "internal/"+word
		}
		_, named := may[word]
		return !named && may["internal/"+word] == nil && strings.Contains("/"+imported+"/", "/"+word+"/")
	})
}

// forTests reports whether a package exists only for tests.
func forTests(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return first == "e2e" || first == "bench" || strings.HasPrefix(name, "internal/testkit/")
}

func TestWhoImportsWhom(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	may := allowed(t)
	dec := json.NewDecoder(strings.NewReader(string(out)))
	seen := map[string]bool{}
	for {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		seen[name] = true
		words, ok := may[name]
		if !ok {
			t.Errorf("%s has no place in the architecture: add it to the table of docs/packages.md", name)
			continue
		}
		for _, imp := range p.Imports {
			if first, _, _ := strings.Cut(imp, "/"); !strings.Contains(first, ".") {
				continue // standard library
			}
			if !permits(may, words, imp) {
				t.Errorf("%s imports %s, which docs/packages.md doesn't allow", name, imp)
			}
			if strings.HasPrefix(imp, module+"/internal/testkit/") && !forTests(name) {
				t.Errorf("%s imports %s, which is for tests", name, imp)
			}
		}
	}
	for name := range may {
		if !seen[name] {
			t.Errorf("docs/packages.md has a row for %s, which doesn't exist", name)
		}
	}
	if len(seen) < 15 {
		t.Errorf("go list shows only %d packages", len(seen))
	}
}

// TestArchitectureNamesFiles checks that the files that docs/architecture.md names exist.
func TestArchitectureNamesFiles(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([a-z0-9_/]+\\.go)`").FindAllStringSubmatch(string(page), -1)
	if len(named) < 19 {
		t.Fatalf("only %d files are named", len(named))
	}
	for _, m := range named {
		_, err := os.Stat(m[1])
		if err != nil {
			_, err = os.Stat("internal/" + m[1])
		}
		if err != nil {
			t.Errorf("docs/architecture.md names %s, which doesn't exist", m[1])
		}
	}
}
