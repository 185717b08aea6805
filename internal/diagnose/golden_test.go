package diagnose

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/mailrig/mailrig/internal/testkit/golden"
)

// goldenFile is a file in testdata: dialogues, each with the findings that it gives. The first dialogue and those after
// "== also" show the row that names the file. The others are near misses.
type goldenFile struct {
	path  string
	parts []part
}

type part struct {
	mark     string // "also" or "near miss"; "" for the first dialogue
	title    string
	dialogue string
	findings string
}

const markFindings = "== findings\n"

var markPart = regexp.MustCompile(`(?m)^== (also|near miss): (.*)\n`)

func readGolden(t testing.TB, path string) *goldenFile {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	g := &goldenFile{path: path}
	marks := markPart.FindAllStringSubmatch(string(b), -1)
	for i, text := range markPart.Split(string(b), -1) {
		p := part{}
		if i > 0 {
			p.mark, p.title = marks[i-1][1], marks[i-1][2]
		}
		p.dialogue, p.findings, _ = strings.Cut(text, markFindings)
		if strings.Contains(p.findings, "\n== ") {
			t.Fatalf("%s: a part behind %q begins with neither \"== also: \" nor \"== near miss: \"", path, p.title)
		}
		p.findings = strings.TrimSpace(p.findings) + "\n"
		g.parts = append(g.parts, p)
	}
	return g
}

// text returns the file as it should be.
func (g *goldenFile) text() string {
	var b strings.Builder
	for i, p := range g.parts {
		if i > 0 {
			b.WriteString("\n== " + p.mark + ": " + p.title + "\n")
		}
		b.WriteString(p.dialogue + markFindings + p.findings)
	}
	return b.String()
}

func gives(found []Finding, id string) bool {
	return slices.ContainsFunc(found, func(f Finding) bool { return f.ID == id })
}

// TestGolden shows every row of the table with a dialogue, and with others that differ in the decisive point and don't
// give the finding.
func TestGolden(t *testing.T) {
	for _, row := range Rows() {
		t.Run(row.ID, func(t *testing.T) {
			g := readGolden(t, filepath.Join("testdata", row.ID+".txt"))
			if !slices.ContainsFunc(g.parts, func(p part) bool { return p.mark == "near miss" }) {
				t.Errorf("%s has no near miss", g.path)
			}
			for i := range g.parts {
				p := &g.parts[i]
				c := readCase(t, p.dialogue)
				found := c.Findings(true)
				if golden.Updating() {
					p.findings = report(found)
				} else if diff := golden.Diff(report(found), p.findings); diff != "" {
					t.Errorf("%s %q gives other findings (-update accepts them)\n%s", g.path, p.title, diff)
				}
				shows := p.mark != "near miss"
				if shows && !gives(found, row.ID) {
					t.Errorf("%s %q doesn't give %s but\n%s", g.path, p.title, row.ID, report(found))
				}
				if !shows && gives(found, row.ID) {
					t.Errorf("%s: the near miss %q gives %s", g.path, p.title, row.ID)
				}
				if shows && row.Can != nil && !row.Can(c) {
					t.Errorf("%s gives %s, and the row says that the client had no occasion for it", g.path, row.ID)
				}
			}
			if golden.Updating() {
				golden.Write(t, g.path, g.text())
			}
		})
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if id := strings.TrimSuffix(filepath.Base(f), ".txt"); !strings.HasPrefix(id, "ordinary") {
			if _, ok := Lookup(id); !ok {
				t.Errorf("%s belongs to no row", f)
			}
		}
	}
}

// TestWithoutRow removes each row from the table and checks that its dialogue notices.
func TestWithoutRow(t *testing.T) {
	for i, row := range Rows() {
		others := slices.Delete(Rows(), i, i+1)
		g := readGolden(t, filepath.Join("testdata", row.ID+".txt"))
		if got := report(readCase(t, g.parts[0].dialogue).FindingsOf(others, true)); got == g.parts[0].findings {
			t.Errorf("%s is what it was without its row", g.path)
		}
	}
}

var kebab = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// TestTexts checks the form of the texts that people read.
func TestTexts(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rows() {
		if !kebab.MatchString(r.ID) || seen[r.ID] {
			t.Errorf("id %q isn't in kebab-case or isn't the only one", r.ID)
		}
		seen[r.ID] = true
		if rank(r.Severity) < 0 {
			t.Errorf("%s: severity %q", r.ID, r.Severity)
		}
		if r.When == nil {
			t.Errorf("%s has no predicate", r.ID)
		}
		switch {
		case (r.Severity == Error || r.Severity == Warning) && r.Advice == "":
			t.Errorf("%s has no advice", r.ID)
		case r.Severity == Good && r.Advice != "":
			t.Errorf("%s is good and gives advice", r.ID)
		}
		if r.Severity != Good && r.Explanation == "" {
			t.Errorf("%s explains nothing", r.ID)
		}
		if strings.HasSuffix(r.Do, ".") || r.Do != "" && !unicode.IsLower(rune(r.Do[0])) {
			t.Errorf("%s: do %q must complete a sentence", r.ID, r.Do)
		}
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		for _, p := range readGolden(t, path).parts {
			for _, f := range readCase(t, p.dialogue).Findings(true) {
				wellFormed(t, path, f)
			}
		}
	}
}

var unreplaced = regexp.MustCompile(`\{[a-z-]+\}`)

// wellFormed checks the texts of a finding as a person sees them.
func wellFormed(t testing.TB, where string, f Finding) {
	t.Helper()
	title := strings.TrimPrefix(f.Title, "Probably: ")
	for name, text := range map[string]string{"title": title, "explanation": f.Explanation, "advice": f.Advice} {
		switch {
		case text == "" && name == "title":
			t.Errorf("%s: %s has no title", where, f.ID)
		case text == "":
		case unreplaced.MatchString(text):
			t.Errorf("%s: %s: a place is left in the %s %q", where, f.ID, name, text)
		case name != "explanation" && !strings.ContainsAny(text[len(text)-1:], ".)"):
			t.Errorf("%s: %s: the %s %q doesn't end as a sentence does", where, f.ID, name, text)
		case strings.TrimSpace(text) != text || strings.Contains(text, "  ") && name != "explanation":
			t.Errorf("%s: %s: odd spaces in the %s %q", where, f.ID, name, text)
		}
		if first := []rune(text); len(first) > 0 && unicode.IsLower(first[0]) && !f.Guess && name != "explanation" {
			t.Errorf("%s: %s: the %s %q begins small", where, f.ID, name, text)
		}
	}
}

// TestCommands lists the command that shows each finding, in the first dialogue of the row's file.
func TestCommands(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, row := range Rows() {
		c := readCase(t, readGolden(t, filepath.Join("testdata", row.ID+".txt")).parts[0].dialogue)
		what := "none"
		for _, f := range c.Findings(true) {
			if f.ID != row.ID || f.Command == nil {
				continue
			}
			at := slices.IndexFunc(c.Sessions, func(s *Facts) bool { return s.ID == f.Sessions[0] })
			s := c.Sessions[at].step(func(s *Step) bool { return s.At == *f.Command })
			if s == nil {
				t.Fatalf("%s is shown by a command that the session doesn't have", row.ID)
			}
			what = strings.TrimSpace(s.Tag + " " + s.Verb)
		}
		b.WriteString(row.ID + ": " + what + "\n")
	}
	const path = "testdata/commands.golden"
	if golden.Updating() {
		golden.Write(t, path, b.String())
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := golden.Diff(b.String(), string(want)); diff != "" {
		t.Errorf("findings are shown by other commands (-update accepts them)\n%s", diff)
	}
}
