package trial

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/scenarios"
)

func TestSelect(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "with,comma.yaml")
	const text = "name: mine\ntitle: T\nstory: S.\nrules:\n  - connect: drop\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	same := filepath.Join(t.TempDir(), "greylisting.yaml")
	if err := os.WriteFile(same, []byte(strings.Replace(text, "mine", "greylisting", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	all := len(scenarios.All())
	in := func(group string) (n int) {
		for _, s := range scenarios.All() {
			if s.Group == group {
				n++
			}
		}
		return n
	}
	for pattern, want := range map[string]int{
		"": all, "*": all, "smtp": in("smtp"), "smtp/": in("smtp"), "smtp/*": in("smtp"), "*/cert-expired": 1, "certificate/cert-expired": 1,
		"greylisting": 1, "greylisting, greylisting,smtp/greylisting": 1, file: 1, "greylisting," + filepath.ToSlash(same): -1,
		"smtp,imap": in("smtp") + in("imap"), "nope-*": -1, "greylistin": -1, "smpt": -1, "a[": -1, "no/such/file.yaml": -1,
	} {
		got, err := Select([]string{pattern})
		if want < 0 {
			if err == nil {
				t.Errorf("%q selects %d", pattern, len(got))
			}
			continue
		}
		if err != nil || len(got) != want {
			t.Errorf("%q: %d, want %d (%v)", pattern, len(got), want, err)
		}
	}
	got, err := Select([]string{file, "smtp/greylisting", "auth/*"})
	if err != nil || got[0].Group != "auth" || got[len(got)-1].Name != "mine" {
		t.Errorf("not in the catalogue's order, files last: %v", err)
	}
}
