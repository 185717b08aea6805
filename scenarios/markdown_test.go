package scenarios

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestCataloguePages keeps docs/catalogue in step with the files.
func TestCataloguePages(t *testing.T) {
	t.Parallel()
	const dir = "../docs/catalogue"
	var index bytes.Buffer
	index.WriteString("# The catalogue\n\n<!-- Made by go test ./scenarios -update. -->\n\n")
	total := 0
	for _, g := range Groups {
		n := 0
		for _, s := range All() {
			if s.Group == g.Name {
				n++
			}
		}
		total += n
		fmt.Fprintf(&index, "- [%s](%s.md): %d\n", g.Title, g.Name, n)
		compare(t, filepath.Join(dir, g.Name+".md"), Markdown(g.Name, g.Title))
	}
	if total != len(All()) {
		t.Errorf("%d scenarios are in groups that Groups lists, %d there are", total, len(All()))
	}
	fmt.Fprintf(&index, "\n%d scenarios. `mailrig scenarios` lists them, `mailrig scenarios show NAME` explains one.\n", total)
	compare(t, filepath.Join(dir, "README.md"), index.Bytes())
}

func compare(t *testing.T, file string, want []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s isn't what the files say (%v); run go test ./scenarios -update", file, err)
	}
}
