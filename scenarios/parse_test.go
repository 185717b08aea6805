package scenarios

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/testkit/golden"
)

func TestBroken(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatal("where are the broken files?", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse(filepath.Base(file), data)
		var all *Errors
		if !errors.As(err, &all) {
			t.Errorf("%s: got %v, want *Errors", file, err)
			continue
		}
		golden.Check(t, strings.TrimSuffix(file, ".yaml")+".golden", all.Error()+"\n")
	}
}

const head = "name: x\ntitle: A title\nstory: A story.\n"

func messages(t *testing.T, file, text string) string {
	t.Helper()
	s, err := Parse(file, []byte(text))
	if err == nil {
		t.Fatalf("got %+v, want an error", s)
	}
	return err.Error()
}

func TestBounds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"size":     {"# " + strings.Repeat("x", maxFile), "x.yaml:1: the file has more than 256 KiB"},
		"rules":    {head + "rules:\n" + strings.Repeat("- connect: drop\n", maxRules+1), "x.yaml:5: the scenario has 501 rules"},
		"nesting":  {head + "rules: " + strings.Repeat("[", 20000), "x.yaml:4: YAML: exceeded max depth"},
		"mistakes": {head + "rules: [" + strings.Repeat("{x: 1}, ", 400) + "]", "a rule has no key \"x\""},
		"aliases": {
			head + "rules:\n- match: &m {command: [" + strings.Repeat("RCPT, ", 1000) + "RCPT]}\n  delay-reply: 1s\n" +
				strings.Repeat("- {match: *m, delay-reply: 1s}\n", 400),
			"the file has more than 20000 values, aliases followed",
		},
	} {
		began := time.Now()
		got := messages(t, "x.yaml", c.text)
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
		if n := strings.Count(got, "\n"); n >= maxMistakes {
			t.Errorf("%s: %d messages", name, n+1)
		}
		if took := time.Since(began); took > 2*time.Minute {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

func TestFileName(t *testing.T) {
	t.Parallel()
	text := head + "rules: [{connect: drop}]"
	for _, file := range []string{"", "inline", "x.yaml", "y.yml", "a/b/x.yaml", `C:\a\y.yaml`} {
		if _, err := Parse(file, []byte(text)); err != nil {
			t.Errorf("%q: %v", file, err)
		}
	}
	if got := messages(t, "", "name: x"); !strings.HasPrefix(got, "scenario:1: ") {
		t.Errorf("got %q", got)
	}
}

// TestFaultValues decodes the example of every kind and checks the result.
func TestFaultValues(t *testing.T) {
	t.Parallel()
	for _, k := range fault.Kinds() {
		match := ""
		if slices.Contains([]string{"reply", "replace-reply", "edit-reply", "say", "end", "rate-limit"}, k.Name) {
			match = "match: {command: [RCPT, NOOP]}, "
		}
		if k.Name == "meanwhile" {
			match = "match: {command: FETCH}, "
		}
		text := fmt.Sprintf("%srules: [{%s%s: %s}]", head, match, k.Name, k.Example)
		s, err := Parse("x.yaml", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", k.Name, err)
			continue
		}
		if got := s.Rules[0].Fault; reflect.TypeOf(got) != reflect.TypeOf(k.New()) || reflect.DeepEqual(got, k.New()) {
			t.Errorf("%s: decoded into %#v", k.Name, got)
		}
	}
}

func TestRule(t *testing.T) {
	t.Parallel()
	s, err := Parse("x.yaml", []byte(head+`
rules:
  - match: {door: 587, protocol: [smtp], tls: true, command: [RCPT, MAIL], user: "*@example.test", client: 127.0.0.1}
    skip: 2
    times: 3
    per: envelope
    reply: {smtp: "451 4.7.1 Later", then: close}
  - hide: STARTTLS
  - match: &m {protocol: imap}
    cut: {after: 1000, how: reset}
  - match: *m
    delay-greeting: 20s
expect: {require: mail-sent, forbid: [password-sent-in-clear, mail-sent-in-clear]}
`))
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	want := &Scenario{
		text: s.text,
		Name: "x", Title: "A title", Story: "A story.", File: "x.yaml",
		Rules: []fault.Rule{
			{
				Scenario: "x", Skip: 2, Times: 3, Per: fault.PerEnvelope,
				Match: fault.Match{Door: []int{587}, Protocol: []string{"smtp"}, TLS: &yes, Command: []string{"RCPT", "MAIL"}, User: []string{"*@example.test"}, Client: []string{"127.0.0.1"}},
				Fault: &fault.Reply{Texts: fault.Texts{"smtp": "451 4.7.1 Later"}, Then: fault.EndClose},
			},
			{Scenario: "x", Fault: &fault.Hide{"STARTTLS"}},
			{Scenario: "x", Match: fault.Match{Protocol: []string{"imap"}}, Fault: &fault.CutMessage{After: 1000, How: fault.EndReset}},
			{Scenario: "x", Match: fault.Match{Protocol: []string{"imap"}}, Fault: &fault.DelayGreeting{Delay: 20 * time.Second}},
		},
		Expect: Expect{Require: []string{"mail-sent"}, Forbid: []string{"password-sent-in-clear", "mail-sent-in-clear"}},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

func TestDoorsAreThoseOfTheTable(t *testing.T) {
	t.Parallel()
	table := map[int]string{}
	for _, d := range door.All() {
		table[d.Port] = string(d.Protocol)
	}
	if doors := Standard().doors(); !reflect.DeepEqual(table, doors) {
		t.Errorf("door has %v, scenarios has %v", table, doors)
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	more, err := filepath.Glob("catalogue/*/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, more...) {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse("inline", data)
		if err == nil {
			if s == nil || s.Name == "" || s.Title == "" || s.Story == "" || len(s.Rules) == 0 {
				t.Fatalf("accepted, but incomplete: %+v", s)
			}
			for _, r := range s.Rules {
				if r.Fault == nil {
					t.Fatalf("accepted a rule without a fault: %+v", r)
				}
			}
			Compile([]*Scenario{s})
			if s.Explain() == "" {
				t.Fatal("nothing to explain")
			}
			return
		}
		var all *Errors
		if s != nil || !errors.As(err, &all) || len(all.List) == 0 || len(all.List) > maxMistakes {
			t.Fatalf("scenario %v, error %v", s, err)
		}
		lines := 1
		for _, r := range string(data) {
			if strings.ContainsRune("\n\r\u0085\u2028\u2029", r) { // YAML 1.1 section 4.2
				lines++
			}
		}
		for _, m := range all.List {
			if m.Line < 1 || m.Line > lines || m.Message == "" || strings.Contains(m.Message, "\n") {
				t.Fatalf("of %d lines: %+v", lines, m)
			}
		}
	})
}
