package explain

import (
	"encoding/binary"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"go.yaml.in/yaml/v3"

	"github.com/mailrig/mailrig/internal/testkit/golden"
	"github.com/mailrig/mailrig/scenarios"
)

func loaded(t testing.TB) *Table {
	t.Helper()
	table, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// firstOf is the first cause of an answer, or "unknown".
func firstOf(a *Answer) string {
	if len(a.Causes) == 0 {
		return "unknown"
	}
	return a.Causes[0].ID
}

// TestExamples explains messages as people paste them. testdata/examples.txt has the cause, then the text on indented lines.
func TestExamples(t *testing.T) {
	t.Parallel()
	table := loaded(t)
	data, err := os.ReadFile("testdata/examples.txt")
	if err != nil {
		t.Fatal(err)
	}
	for block := range strings.SplitSeq(string(data), "\n\n") {
		head, text, ok := strings.Cut(strings.TrimLeft(block, "\n"), "\n")
		if strings.HasPrefix(head, "#") || !ok {
			continue
		}
		text = strings.ReplaceAll("\n"+text, "\n  ", "\n")
		want := strings.Fields(head)
		a := table.Explain(text)
		if dialogue := len(want) > 1 && want[1] == "dialogue"; firstOf(a) != want[0] || a.Dialogue != dialogue {
			var got []string
			for _, l := range a.Causes {
				got = append(got, l.ID)
			}
			t.Errorf("%s\nwant %s first, got %v; dialogue: %v", text, head, got, a.Dialogue)
		}
	}
}

// TestDisguises checks that the shape of a text doesn't matter.
func TestDisguises(t *testing.T) {
	t.Parallel()
	table := loaded(t)
	const message = "curl: (60) SSL: no alternative certificate subject name matches target host name 'localhost'"
	utf16le := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(message)) {
		utf16le = binary.LittleEndian.AppendUint16(utf16le, u)
	}
	for name, text := range map[string]string{
		"upper case":     strings.ToUpper(message),
		"wrapped":        strings.ReplaceAll(message, " ", "\n\t"),
		"quoted":         "On Monday Bob wrote:\n> > " + strings.ReplaceAll(message, "subject ", "subject\n> > "),
		"coloured":       "\x1b[31;1m" + strings.ReplaceAll(message, "certificate", "\x1b[4mcertificate\x1b[0m") + "\x1b[0m\x1b]0;title\x07",
		"curly":          strings.ReplaceAll(message, "'", "’"),
		"hard spaces":    strings.ReplaceAll(message, " ", "\u00a0"),
		"UTF-16":         string(utf16le),
		"CR LF":          strings.ReplaceAll(message, " ", "\r\n"),
		"JSON":           `{"level":"error","msg":"` + strings.ReplaceAll(message, "subject ", `subject\n`) + `"}`,
		"HTML":           "<pre>" + strings.ReplaceAll(message, "'", "&#39;") + "</pre>",
		"localised":      "Fehler beim Abrufen der Nachrichten (Vorgang abgebrochen):\n" + message + "\nWenden Sie sich an Ihren Systemadministrator.",
		"deep in a log":  strings.Repeat("2026-01-01 10:00:00 INFO worker: nothing to do here, next poll soon\n", 5000) + message + "\n",
		"invalid UTF-8":  "\xff\xfeX\x80" + message + "\xc3",
		"in a long line": strings.Repeat("x", 1<<20) + " " + message + strings.Repeat(" y", 1<<19),
	} {
		if name == "invalid UTF-8" {
			text = text[2:]
		}
		if got := firstOf(table.Explain(text)); got != "certificate-wrong-name" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestServerDecides checks that a code which means several things means what the server says in words.
func TestServerDecides(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"smtplib.SMTPSenderRefused: (530, b'5.7.0 Must issue a STARTTLS command first', 'a@b')", "530 Must issue STARTTLS"} {
		if a := loaded(t).Explain(text); len(a.Causes) != 1 || a.Causes[0].ID != "encryption-required" {
			t.Errorf("%s: %+v", text, a.Causes)
		}
	}
}

// TestUnknown checks that ordinary text has no cause.
func TestUnknown(t *testing.T) {
	t.Parallel()
	table := loaded(t)
	for _, text := range []string{"", "hello", "The quick brown fox jumps over the lazy dog.", "500 miles to go", "status 200, all is well",
		"Meeting at 14:30, room 535", "{}", "1 2 3 4 5", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"} {
		if a := table.Explain(text); len(a.Causes) > 0 {
			t.Errorf("%q: %+v", text, a.Causes)
		}
	}
}

// TestTable checks what the compiler can't: that scenarios, causes and sources exist, and that every cause can be found.
func TestTable(t *testing.T) {
	t.Parallel()
	table, right := loaded(t), readRight(t)
	catalogue := map[string]bool{}
	for _, s := range scenarios.All() {
		catalogue[s.Name] = true
	}
	exist := func(where string, names []string) {
		for _, name := range names {
			if !catalogue[name] {
				t.Errorf("%s: no scenario %q in the catalogue", where, name)
			}
		}
	}
	var sources map[string]string
	data, err := files.ReadFile("table/sources.yaml")
	if err != nil || yaml.Unmarshal(data, &sources) != nil {
		t.Fatalf("sources.yaml: %v", err)
	}
	found := map[string]bool{}
	for _, s := range table.signs {
		for _, id := range s.means {
			found[id] = true
		}
		if rank(s.sure) < 0 {
			t.Errorf("%s: %q is %q sure", s.family, s.re, s.sure)
		}
		if s.re.String() != strings.ToLower(s.re.String()) && !regexp.MustCompile(`\\[A-Z]`).MatchString(s.re.String()) {
			t.Errorf("%s: %q isn't in lower case", s.family, s.re)
		}
		for _, from := range strings.Fields(s.from) {
			if sources[from] == "" {
				t.Errorf("%s: %q is from %q, which sources.yaml doesn't have", s.family, s.re, from)
			}
		}
		if s.from == "" && s.family != "users" {
			t.Errorf("%s: %q has no source", s.family, s.re)
		}
	}
	for _, c := range table.codes {
		ids, err := table.expand(c.Means)
		if err != nil || rank(c.Sure) < 0 {
			t.Errorf("codes.yaml: %+v: %v", c, err)
		}
		for _, id := range ids {
			found[id] = true
		}
	}
	for meaning, m := range loginMeanings {
		if _, err := table.expand(m.means); err != nil {
			t.Errorf("%s: %v", meaning, err)
		}
	}
	for _, c := range table.Causes() {
		exist(c.ID, c.Scenarios)
		if !found[c.ID] {
			t.Errorf("no sign means %s", c.ID)
		}
		if c.Title == "" || c.Change == "" || len(c.Scenarios) == 0 && c.Reproduce == "" {
			t.Errorf("%s isn't complete", c.ID)
		}
	}
	for _, s := range table.Symptoms() {
		exist(s.Title, s.Scenarios)
	}
	for name, causes := range right {
		exist("right.txt", []string{name})
		for _, id := range causes {
			if _, ok := table.causes[id]; !ok {
				t.Errorf("right.txt: %s: no cause %q", name, id)
			}
		}
	}
}

// TestPage keeps docs/symptoms.md.
func TestPage(t *testing.T) {
	t.Parallel()
	groups := map[string]string{}
	for _, s := range scenarios.All() {
		groups[s.Name] = s.Group
	}
	golden.Check(t, "../../docs/symptoms.md", loaded(t).Page(func(name string) string { return groups[name] }))
}

func TestRequired(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string][]string{
		`abc.*defgh`:            {"defgh"},
		`(abcd|efgh)x?`:         {"abcd", "abcdx", "efgh", "efghx"},
		`4(21|50) later`:        {"421 later", "450 later"},
		`\bab\b`:                nil,
		`a*b*`:                  nil,
		`ab[0-9a-z]cd`:          nil,
		`connection .*lost|xyz`: {"connection ", "xyz"},
	} {
		got := required(expr)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", expr, got, want)
		}
	}
}

// FuzzExplain checks that no text ends the process, and that an answer quotes the text and is in order.
func FuzzExplain(f *testing.F) {
	table := loaded(f)
	for _, r := range readRecorded(f) {
		if len(r.Said) < 300 {
			f.Add(r.Said)
		}
	}
	f.Add("* OK ready\na1 LOGIN x y\na1 NO [ALERT] no\n")
	f.Add("\xff\xfea\x00")
	f.Fuzz(func(t *testing.T, text string) {
		a := table.Explain(text)
		for i, l := range a.Causes {
			if i > 0 && l.score > a.Causes[i-1].score || len(l.Because) == 0 || l.Title == "" {
				t.Errorf("%q: %+v", text, a.Causes)
			}
		}
		if table.Text(a) == "" {
			t.Error("no text")
		}
	})
}

// BenchmarkExplain shows what a megabyte of log costs.
func BenchmarkExplain(b *testing.B) {
	table := loaded(b)
	text := strings.Repeat("2026-01-01 10:00:00 connection to server timed out, 535 5.7.8 login failed: certificate\n", 12000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		table.Explain(text)
	}
}
