// Package mailrig_test keeps docs/architecture.md true: who may import whom.
package mailrig_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/mailrig/mailrig"

// may lists, for each package, what it may import of ours and of others'. The
// standard library is free to all. A package that isn't listed fails the test, so
// that a new one gets its place in the picture.
var may = map[string][]string{
	"internal/transcript":  {},
	"internal/mailbox":     {},
	"internal/message":     {},
	"internal/door":        {},
	"internal/oneconn":     {},
	"internal/suggest":     {},
	"certs":                {"internal/suggest"},
	"pop3":                 {"github.com/emersion/go-sasl"},
	"internal/identity":    {"github.com/emersion/go-sasl"},
	"internal/fault":       {"certs", "internal/transcript", "internal/mailbox", "internal/identity"},
	"internal/session":     {"internal/door", "internal/fault", "internal/identity", "internal/mailbox", "internal/message", "internal/transcript", "github.com/emersion/go-sasl"}, // never the gate, never an adapter
	"internal/diagnose":    {"internal/transcript"},
	"internal/robot":       {}, // for tests: nothing of what it is tried on
	"internal/trial":       {"internal/diagnose", "internal/fault", "internal/mailbox", "internal/transcript", "scenarios", "server"},
	"scenarios":            {"internal/fault", "internal/diagnose", "internal/suggest", "go.yaml.in/yaml/v3"},
	"internal/gate":        {"internal/fault", "internal/transcript", "certs"}, // never scenarios, never an engine
	"internal/smtpd":       {"internal/mailbox", "internal/identity", "internal/oneconn", "github.com/emersion/go-smtp", "github.com/emersion/go-sasl"},
	"internal/imapd":       {"internal/mailbox", "internal/identity", "internal/message", "internal/oneconn", "github.com/emersion/go-imap", "github.com/emersion/go-sasl"},
	"internal/popd":        {"internal/mailbox", "internal/identity", "pop3", "github.com/emersion/go-sasl"},
	"internal/web":         {"internal/transcript"},
	"internal/httpapi":     {"internal/transcript", "internal/web"}, // all else through interfaces it declares
	"internal/check":       {"internal/door"},                       // a client: nothing of the server's
	"server":               {"*"},
	"mailtest":             {"server", "scenarios"},
	"cmd/mailrig":          {"internal/door", "internal/check", "internal/trial", "server", "scenarios", "certs", "internal/transcript", "github.com/spf13/", "golang.org/x/term"},
	"bench":                {"*"},
	"e2e":                  {"*"},
	"e2e/clients":          {"*"},
	"e2e/clients/goclient": {"github.com/emersion/go-imap"},
	"":                     {},
}

func TestWhoImportsWhom(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	seen := 0
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
		seen++
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		allowed, ok := may[name]
		if !ok {
			t.Errorf("%s has no place in the architecture: add it to docs/architecture.md and to this test", name)
			continue
		}
		for _, imp := range p.Imports {
			if first, _, _ := strings.Cut(imp, "/"); !strings.Contains(first, ".") {
				continue // standard library
			}
			ours := strings.TrimPrefix(strings.TrimPrefix(imp, module), "/")
			if !slices.ContainsFunc(allowed, func(a string) bool {
				return a == "*" || a == ours || strings.HasPrefix(ours, a) && (strings.HasSuffix(a, "/") || path.Clean(a) != a || strings.HasPrefix(ours, a+"/"))
			}) {
				t.Errorf("%s imports %s, which the architecture doesn't allow", name, imp)
			}
		}
	}
	if seen < 15 {
		t.Errorf("go list shows only %d packages", seen)
	}
}
