package mailrig_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// pages lists the pages of the documentation.
func pages(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		some, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, some...)
	}
	if len(files) < 20 {
		t.Fatalf("only %d pages", len(files))
	}
	return files
}

// TestDocsArePrintable checks that no page holds a character that steers a terminal or hides text, however it was made.
func TestDocsArePrintable(t *testing.T) {
	t.Parallel()
	for _, file := range pages(t) {
		text, err := os.ReadFile(file)
		if err != nil || !utf8.Valid(text) {
			t.Errorf("%s: %v, or not UTF-8", file, err)
		}
		for i, r := range string(text) {
			if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
				t.Errorf("%s, byte %d: %q", file, i, r)
			}
		}
	}
}

// link is a link, or an image, to a file of the repository: neither an address nor a place in the same page.
var link = regexp.MustCompile(`\]\(([^)#\s:]+)(?:#[^)]*)?\)`)

// links lists the files to which a page links, by their paths from the root.
func links(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, m := range link.FindAllStringSubmatch(string(text), -1) {
		files = append(files, path.Join(path.Dir(filepath.ToSlash(page)), m[1]))
	}
	return files
}

// TestLinksLeadSomewhere checks that every file to which a page links exists.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		for _, file := range links(t, page) {
			if _, err := os.Stat(filepath.FromSlash(file)); err != nil {
				t.Errorf("%s links to %s, which doesn't exist", page, file)
			}
		}
	}
}

// TestIndexHasEveryPage checks that docs/README.md lists every page of docs, and that what lies deeper is linked from a page
// that it lists.
func TestIndexHasEveryPage(t *testing.T) {
	t.Parallel()
	const index = "docs/README.md"
	if !slices.Contains(links(t, "README.md"), index) {
		t.Errorf("README.md doesn't link to %s", index)
	}
	listed := links(t, index)
	reached := slices.Clone(listed)
	for _, page := range listed {
		if strings.HasPrefix(page, "docs/") && strings.HasSuffix(page, ".md") {
			reached = append(reached, links(t, page)...)
		}
	}
	for _, page := range pages(t) {
		page = filepath.ToSlash(page)
		switch from := path.Dir(page); {
		case from == "docs" && page != index && !slices.Contains(listed, page):
			t.Errorf("%s is not in %s: give it a line below the reader who needs it first", page, index)
		case strings.HasPrefix(from, "docs/") && !slices.Contains(reached, page):
			t.Errorf("no page that %s lists links to %s", index, page)
		}
	}
}
