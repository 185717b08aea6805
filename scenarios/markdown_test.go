package scenarios

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/mailrig/mailrig/internal/testkit/golden"
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
		golden.Check(t, filepath.Join(dir, g.Name+".md"), string(Markdown(g.Name, g.Title)))
	}
	if total != len(All()) {
		t.Errorf("%d scenarios are in groups that Groups lists, %d there are", total, len(All()))
	}
	fmt.Fprintf(&index, "\n%d scenarios. `mailrig scenarios` lists them, `mailrig scenarios show NAME` explains one.\n", total)
	golden.Check(t, filepath.Join(dir, "README.md"), index.String())
}
