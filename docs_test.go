package mailrig_test

import (
	"os"
	"path/filepath"
	"testing"
	"unicode"
	"unicode/utf8"
)

// TestDocsArePrintable checks that no page holds a character that steers a terminal or hides text, however it was made.
func TestDocsArePrintable(t *testing.T) {
	t.Parallel()
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
	for _, file := range files {
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
