package mailrig_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// clientOfExamples is what the examples of the pages call and leave to the reader.
const clientOfExamples = `
func send(address string, config *tls.Config, user, password string) error {
	_, _, _, _ = address, config, user, password
	return nil
}
`

// TestGoExamplesCompile builds the Go code of the README and of docs/for-go.md. It doesn't run it: package mailtest has tests.
func TestGoExamplesCompile(t *testing.T) {
	t.Parallel()
	n := 0
	overlay := map[string]string{}
	dir := t.TempDir()
	root, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"README.md", "docs/for-go.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range goBlock.FindAllStringSubmatch(string(text), -1) {
			n++
			code := block[1]
			if !strings.Contains(code, "package ") {
				code = "package example\n\nimport (\n\t\"crypto/tls\"\n\t\"testing\"\n\t\"time\"\n\n\t\"github.com/mailrig/mailrig/mailtest\"\n)\n\nvar _ = time.Second\n" + code + clientOfExamples
			}
			file := filepath.Join(dir, fmt.Sprintf("%d.go", n))
			if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
				t.Fatal(err)
			}
			overlay[filepath.Join(root, "docs", "example", fmt.Sprint("n", n), "example.go")] = file
		}
	}
	if n == 0 {
		t.Fatal("the README has no example")
	}
	list, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, list, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"build", "-overlay", file}
	for i := range n {
		args = append(args, fmt.Sprintf("./docs/example/n%d", i+1))
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
