package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/transcript"
)

// A case replays a public report about a mail client: what the server did is a scenario, what the client did on the wire is
// a script, and what mailrig should find is listed. A case is a txtar archive in testdata/cases, with scenario.yaml (left
// out if nothing is wrong with the server) and client.py. The lines before the files:
//
//	# where it was reported, and what happens
//	flags: --scenario NAME             for mailrig serve
//	expect: ids                        of findings that must be there
//	forbid: ids                        of findings that must not
//	says: id pattern                   what such a finding says: title, explanation and advice
//	times: id N                        how many findings there are
//	shows: pattern                     what the client prints
//	inbox: N                           how many messages are in the user's INBOX in the end
//	verdict: fail                      what mailrig trial says about the client
type report struct {
	flags          []string
	expect, forbid []string
	says           []saying
	times          map[string]int
	shows          []*regexp.Regexp
	inbox          int // -1: any number
	verdict        string
	folder         string // with the case's files
	scenario       string // file of the scenario; "" if there is none
}

type saying struct {
	id string
	re *regexp.Regexp
}

func TestCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/cases/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			need(t, "python3")
			readReport(t, file).replay(t)
		})
	}
}

func (c *report) replay(t *testing.T) {
	flags := c.flags
	if c.scenario != "" {
		flags = append(flags, "--scenario", c.scenario)
	}
	r := start(t, flags...)
	env := []string{"MAILRIG_CA_FILE=" + r.CAFile, "MAILRIG_USER=" + r.User, "MAILRIG_PASSWORD=" + r.Password}
	for _, d := range r.Doors {
		env = append(env, "MAILRIG_PORT_"+strconv.Itoa(d.Port)+"="+r.port(d.Port))
	}
	client := filepath.Join(c.folder, "client.py")
	res := r.runIn(invocation{program: "python3", args: []string{client}, env: env})
	for _, re := range c.shows {
		if !re.MatchString(res.out) {
			t.Errorf("the client doesn't show %q but\n%s%s", re, res.out, res.err)
		}
	}
	over := diagnose.NewCase(transcript.Records(r.ended(t)), time.Now())
	over.Over = true
	c.check(t, over.Findings(true)) // with what the client did well
	if c.inbox >= 0 {
		eventually(t, strconv.Itoa(c.inbox)+" messages are in INBOX", func() bool { return len(r.messages(r.User)) == c.inbox })
	}
	if c.verdict != "" {
		res := execute(t, invocation{program: binary, args: []string{"trial", "--scenario", c.scenario, "--", "python3", client}, limit: 2 * time.Minute})
		want, says := 0, "Nothing failed."
		if c.verdict == "fail" {
			want, says = 1, "the trial came out negative"
		}
		if res.code != want || !strings.Contains(res.out+res.err, says) {
			t.Errorf("trial ends with %d, want %d, %q\n%s%s", res.code, want, says, res.out, res.err)
		}
	}
}

func (c *report) check(t *testing.T, found []diagnose.Finding) {
	t.Helper()
	count := map[string]int{}
	for _, f := range found {
		count[f.ID]++
	}
	for _, id := range c.expect {
		if count[id] == 0 {
			t.Errorf("no %s", id)
		}
	}
	for _, id := range c.forbid {
		if count[id] > 0 {
			t.Errorf("%s", id)
		}
	}
	for id, n := range c.times {
		if count[id] != n {
			t.Errorf("%s %d times, want %d", id, count[id], n)
		}
	}
	for _, s := range c.says {
		if !slices.ContainsFunc(found, func(f diagnose.Finding) bool {
			return f.ID == s.id && s.re.MatchString(f.Title+"\n"+f.Explanation+"\n"+f.Advice)
		}) {
			t.Errorf("no %s says %q", s.id, s.re)
		}
	}
	if t.Failed() {
		t.Logf("the findings are\n%s", show(found))
	}
}

func readReport(t *testing.T, file string) *report {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &report{folder: t.TempDir(), times: map[string]int{}, inbox: -1}
	for _, f := range archive.Files {
		path := filepath.Join(c.folder, f.Name)
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
		if f.Name == "scenario.yaml" {
			c.scenario = path
		}
	}
	for line := range strings.Lines(string(archive.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case key == "" || strings.HasPrefix(key, "#"):
		case key == "flags":
			c.flags = strings.Fields(value)
		case key == "expect":
			c.expect = strings.Fields(value)
		case key == "forbid":
			c.forbid = strings.Fields(value)
		case key == "says":
			id, pattern, _ := strings.Cut(value, " ")
			c.says = append(c.says, saying{id, regexp.MustCompile(pattern)})
		case key == "times":
			id, n, _ := strings.Cut(value, " ")
			c.times[id] = number(t, n)
		case key == "shows":
			c.shows = append(c.shows, regexp.MustCompile(value))
		case key == "inbox":
			c.inbox = number(t, value)
		case key == "verdict" && (value == "pass" || value == "fail"):
			c.verdict = value
		default:
			t.Fatalf("%s: unknown key %q", file, key)
		}
	}
	for _, id := range slices.Concat(c.expect, c.forbid) {
		if _, ok := diagnose.Lookup(id); !ok {
			t.Fatalf("%s: there is no finding %s", file, id)
		}
	}
	if len(c.expect) == 0 || len(c.forbid) == 0 {
		t.Fatalf("%s: a case needs findings that it expects, and others that it forbids", file)
	}
	return c
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
