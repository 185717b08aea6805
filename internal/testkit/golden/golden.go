// Package golden compares what a test makes with a file that holds what it should make.
//
// "go test PACKAGE -update" rewrites the files. Read the difference before you commit it. A test calls Check with the
// text that it made; the file is usually in the package's testdata. Package dialogue uses Updating and Write for files
// that it plays.
package golden

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Updating reports whether the test was started with -update.
func Updating() bool { return *update }

// Check compares got with the file, line by line, and fails the test at the first
// difference. With -update it writes the file instead.
func Check(t testing.TB, file, got string) {
	t.Helper()
	if Updating() {
		Write(t, file, got)
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Errorf("%v; -update writes it", err)
		return
	}
	if diff := Diff(got, strings.ReplaceAll(string(want), "\r\n", "\n")); diff != "" {
		t.Errorf("%s isn't what the test makes (-update accepts it)\n%s", file, diff)
	}
}

// Write replaces the file.
func Write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// context is how many lines Diff shows before the difference, and of each side.
const context = 3

// longest is how much of a line is shown, in bytes.
const longest = 400

// Diff shows the first line that differs, with the lines before it and the lines that follow on both sides. It returns
// "" if there is no difference.
func Diff(got, want string) string {
	if got == want {
		return ""
	}
	g, w := slices.Collect(strings.Lines(got)), slices.Collect(strings.Lines(want))
	at := 0
	for at < len(g) && at < len(w) && g[at] == w[at] {
		at++
	}
	var b strings.Builder
	fmt.Fprintf(&b, "first difference in line %d:\n", at+1)
	show(&b, "    ", g[max(0, at-context):at])
	show(&b, "got ", g[at:min(len(g), at+context)])
	show(&b, "want", w[at:min(len(w), at+context)])
	return b.String()
}

func show(b *strings.Builder, side string, lines []string) {
	if len(lines) == 0 && side != "    " {
		fmt.Fprintf(b, "%s (the end)\n", side)
	}
	for _, l := range lines {
		l, ended := strings.CutSuffix(l, "\n")
		if len(l) > longest {
			l = l[:longest] + "…"
		}
		if !ended {
			l += " (no line end)"
		}
		fmt.Fprintf(b, "%s %s\n", side, l)
	}
}
