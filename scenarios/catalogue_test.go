package scenarios

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/testkit/golden"
)

func TestCatalogue(t *testing.T) {
	t.Parallel()
	all := All()
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
		if n := strings.Count(s.Story+" ", ". "); n < 2 || n > 5 {
			t.Errorf("%s: the story has %d sentences, 2 to 5 are wanted", s.Name, n)
		}
		if e := s.Expect; len(e.Require)+len(e.Forbid) == 0 && e.Command == "" && e.Mail == "" && e.Within == 0 {
			t.Errorf("%s: expects nothing of a client", s.Name)
		}
		if !slices.ContainsFunc(groups, func(g group) bool { return g.name == s.Group }) || s.File != "" {
			t.Errorf("%s: group %q, file %q", s.Name, s.Group, s.File)
		}
		if got := Compile([]*Scenario{s}).Scenarios(); !slices.Equal(got, []string{s.Name}) {
			t.Errorf("%s: the plan is of %v", s.Name, got)
		}
		if found, err := Find(s.Name); err != nil || !reflect.DeepEqual(found, s) {
			t.Errorf("%s: Find gave %+v, %v", s.Name, found, err)
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("not sorted, or not unique: %v", names)
	}
	files, err := filepath.Glob("catalogue/*/*")
	if err != nil || len(files) != len(all) {
		t.Errorf("%d files, %d scenarios, %v: each file must end in .yaml and have a name of its own", len(files), len(all), err)
	}
}

func TestExpectationsAreUsed(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, s := range All() {
		for _, id := range slices.Concat(s.Expect.Require, s.Expect.Forbid) {
			used[id] = true
		}
	}
	for _, e := range Expectations() {
		if !used[e.ID] || !goodName.MatchString(e.ID) || e.Do == "" || strings.HasSuffix(e.Do, ".") {
			t.Errorf("%+v: unused or badly written", e)
		}
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, s := range All() {
		b.WriteString(s.Explain())
		b.WriteString("\n")
		for _, line := range strings.Split(s.Explain(), "\n") {
			if len([]rune(line)) > width && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("%s: too wide: %s", s.Name, line)
			}
		}
	}
	golden.Check(t, filepath.Join("testdata", "explain.golden"), b.String())
}

// TestExplainIsPrintable checks that no scenario steers the terminal or a page that it is explained on.
func TestExplainIsPrintable(t *testing.T) {
	t.Parallel()
	hostile, err := Parse("hostile.yaml", []byte(`name: hostile
title: "Title \e[2J \u202e end"
story: "Story \0 \x9b31m \u2028 end"
rules:
  - match: {door: 25}
    greeting: {raw: "220 \e[31m\0\u2066\u200b\r\nx"}
`))
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{hostile.Explain()}
	for _, s := range All() {
		texts = append(texts, s.Explain())
	}
	for _, g := range groups {
		texts = append(texts, string(markdown(g.name, g.title)))
	}
	for _, text := range texts {
		for _, r := range text {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("%q in %.300q", r, text)
				break
			}
		}
	}
	if words := strings.Join(strings.Fields(texts[0]), " "); !strings.Contains(words, `Title \x1b[2J \u202e end`) || !strings.Contains(words, `220 \x1b[31m\x00\u2066\u200b x`) {
		t.Error(texts[0])
	}
}

func TestExplainCounters(t *testing.T) {
	t.Parallel()
	yes := true
	for _, c := range []struct {
		rule fault.Rule
		want string
	}{
		{fault.Rule{}, "On every door"},
		{fault.Rule{Times: 1}, "On every door, the first time"},
		{fault.Rule{Times: 2, Per: fault.PerUser}, "On every door, the first 2 times for each user"},
		{fault.Rule{Skip: 2, Per: fault.PerConnection}, "On every door, after letting 2 pass on each connection"},
		{fault.Rule{Skip: 2, Times: 1}, "On every door, after letting 2 pass, once"},
		{fault.Rule{Skip: 2, Times: 3, Per: fault.PerClient}, "On every door, after letting 2 pass for each client address, 3 times"},
		{fault.Rule{Match: fault.Match{Protocol: []string{"imap", "pop3"}, TLS: &yes}}, "On every IMAP and POP3 door, inside TLS"},
		{
			fault.Rule{Match: fault.Match{Door: []int{25, 587}, Client: []string{"10.0.0.0/8"}, Sender: []string{"a@*", "b@*"}, Command: []string{"RCPT"}}},
			"On doors 25 and 587, to clients from 10.0.0.0/8, when the sender is a@* or b@*, when the client sends RCPT",
		},
	} {
		if got := strings.Join(when(&c.rule), ", "); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"greylistign":        "did you mean greylisting?",
		"Greylisting":        "did you mean greylisting?",
		"greylist":           "did you mean greylisting?",
		"expired":            "did you mean auth-oauth-expired, auth-password-expired, cert-expired,",
		"pop3-lock":          "did you mean pop3-locked?",
		"cert":               "`mailrig scenarios` lists them all; the path",
		"nothing-like-it":    "`mailrig scenarios` lists them all; the path",
		"./nowhere.yaml":     "check the path",
		"nowhere.yml":        "check the path",
		`somewhere\or-other`: "check the path",
		"testdata/":          "give the path of one YAML file",
	} {
		s, err := Find(name)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v, want %q", name, s, err, want)
		}
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := filepath.Join(dir, "good, mine.yaml")
	write(t, good, strings.Replace(head, "name: x", "name: mine", 1)+"rules: [{connect: drop}]")
	if s, err := LoadFile(good); err != nil || s.Name != "mine" {
		t.Errorf("a file of one's own may have any name: got %v, %v", s, err)
	}
	with := filepath.Join(dir, "a,b")
	if err := os.Mkdir(with, 0o755); err != nil {
		t.Fatal(err)
	}
	mine, bad := filepath.Join(with, "mine.yaml"), filepath.Join(dir, "bad.yaml")
	write(t, mine, strings.Replace(head, "name: x", "name: mine", 1)+"rules: [{connect: drop}]")
	write(t, bad, "name: bad\n")

	list, err := Load("pop3-locked, greylisting,", mine, "greylisting", "")
	var names []string
	for _, s := range list {
		names = append(names, s.Name)
	}
	if err != nil || !slices.Equal(names, []string{"pop3-locked", "greylisting", "mine"}) || list[2].File != mine {
		t.Errorf("got %v, %v", names, err)
	}
	_, err = Load("greylistign", bad, "pop3-loked")
	var all *Errors
	if !errors.As(err, &all) || len(all.List) != 3 || strings.Count(err.Error(), "did you mean") != 2 {
		t.Errorf("got %v", err)
	}
	if list, err := Load(); err != nil || len(list) != 0 {
		t.Errorf("nothing: got %v, %v", list, err)
	}
}

func TestLoadFileBound(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "big.yaml")
	write(t, file, strings.Repeat("#", maxFile+100))
	if _, err := LoadFile(file); err == nil || !strings.Contains(err.Error(), "256 KiB") {
		t.Errorf("got %v", err)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestCompileSharesNothing logs in twice on two plans of one scenario. The limit of two applies to each plan alone.
func TestCompileSharesNothing(t *testing.T) {
	t.Parallel()
	s, err := Find("imap-too-many-connections")
	if err != nil {
		t.Fatal(err)
	}
	client := netip.MustParseAddr("127.0.0.1")
	for range 2 {
		plan := Compile([]*Scenario{s})
		for i := range 3 {
			c := plan.Conn(143, "imap", client)
			no := c.Admit(identity.Attempt{User: "a", Credential: "b"})
			if refused := no != nil; refused != (i == 2) {
				t.Fatalf("login %d: got %v", i+1, no)
			}
			if no != nil && (no.Injected != s.Name || no.Replies["imap"] != "NO [ALERT] Too many simultaneous connections. (Failure)") {
				t.Errorf("got %+v", no)
			}
		}
	}
}

// TestPlansAct asks plans of the catalogue what a gate would ask.
func TestPlansAct(t *testing.T) {
	t.Parallel()
	client := netip.MustParseAddr("127.0.0.1")
	plan := func(names ...string) *fault.Plan {
		list, err := Load(names...)
		if err != nil {
			t.Fatal(err)
		}
		return Compile(list)
	}
	doors := Standard().doors()
	listen := func(p *fault.Plan, port int) fault.ListenMode { m, _ := p.Listen(port, doors[port], false); return m }

	p := plan("port-25-refused,port-25-blocked")
	if got := listen(p, 25); got != fault.ListenRefuse {
		t.Errorf("the first scenario's rule comes first: got %q", got)
	}
	p = plan("all-submission-blocked")
	for port := range doors {
		want := fault.ListenOpen
		if port == 25 || port == 587 || port == 465 {
			want = fault.ListenDrop
		}
		if got := listen(p, port); got != want {
			t.Errorf("all-submission-blocked, %d: got %q, want %q", port, got, want)
		}
	}

	p = plan("greylisting")
	for i, want := range []string{"451 4.7.1 Greylisted, please try again in 5 minutes", ""} {
		c := p.Conn(587, "smtp", client)
		c.Event.Command, c.Sender, c.Recipient = "RCPT", "a@example.test", "b@example.test"
		if got := c.Command().Reply; got != want {
			t.Errorf("greylisting, attempt %d: got %q, want %q", i+1, got, want)
		}
	}
	c := p.Conn(587, "smtp", client)
	c.Event.Command, c.Sender, c.Recipient = "RCPT", "a@example.test", "other@example.test"
	if got := c.Command().Reply; got == "" {
		t.Error("greylisting: another recipient is another envelope")
	}

	c = plan("connection-dropped-in-data").Conn(465, "smtp", client)
	c.Event.Command = "DATA"
	if got := c.Cut(fault.InUpload); got.After != 100 || got.End != fault.EndReset {
		t.Errorf("connection-dropped-in-data: got %+v", got)
	}
	for name, want := range map[string]fault.CapabilityFate{"starttls-not-offered": fault.CapabilityHidden, "starttls-stripped": fault.CapabilityStripped} {
		for _, port := range []int{25, 110, 143} {
			fate, by := plan(name).Conn(port, doors[port], client).Capability("STLS")
			if fate != want || by != name {
				t.Errorf("%s: got %v by %q", name, fate, by)
			}
		}
	}
	for port, want := range map[int]string{
		587: "454 4.7.0 TLS not available due to temporary reason",
		143: "NO [UNAVAILABLE] TLS not available due to temporary reason",
		110: "-ERR [SYS/TEMP] TLS not available due to temporary reason",
	} {
		c := plan("starttls-refused").Conn(port, doors[port], client)
		c.Event.Command = "STARTTLS"
		if port == 110 {
			c.Event.Command = "STLS"
		}
		if got := c.Command().Reply; got != want {
			t.Errorf("starttls-refused, %d: got %q", port, got)
		}
	}
}
