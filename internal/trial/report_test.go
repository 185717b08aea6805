package trial

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/transcript"
)

// hostile is what a client may have said or printed.
const hostile = "\x00\x1b[31m]]> <script>alert(1)</script> & \"quoted\" \xff\xfe end"

func example() *Report {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	session := &transcript.Session{
		ID: "1", Door: 587, Service: "submission", Protocol: "smtp", Client: "127.0.0.1:1", Start: start, End: start.Add(time.Second),
		Logins: []transcript.Login{}, Scenarios: []string{"a"}, Injected: []string{"a"}, Messages: []transcript.Stored{},
		Units: []transcript.Unit{{From: transcript.FromClient, Kind: transcript.Command, Text: "EHLO " + hostile, Bytes: 100}},
	}
	result := func(name, group string, v Verdict, known bool) Result {
		r := Result{
			Scenario: name, Title: "Title of " + name, Group: group, Must: []string{}, MustNot: []string{}, Verdict: v, Known: known, Reasons: []Reason{},
			Findings: []diagnose.Finding{}, Took: time.Second, Output: hostile, Sessions: []*transcript.Session{session},
		}
		if v != Pass {
			f := diagnose.Finding{ID: "some-finding", Severity: diagnose.Error, Title: "It is wrong.", Advice: "Change " + hostile, Sessions: []string{"1"}, Injected: []string{}, At: start}
			r.Reasons = append(r.Reasons, Reason{Text: "must not " + hostile, Finding: &f, Sessions: []string{"1"}})
			r.Findings = append(r.Findings, f)
		}
		return r
	}
	r := &Report{
		Mailrig: "1.2.3", Command: []string{"./client", "a b", hostile}, Started: start, Took: time.Minute, Timeout: DefaultTimeout,
		Control: Control{Warnings: []string{hostile}, Findings: []diagnose.Finding{}, Output: hostile, Sessions: []*transcript.Session{session}},
		Results: []Result{
			result("a", "smtp", Fail, false), result("b", "smtp", Pass, false), result("c", "imap", NotExercised, false),
			result("d", "imap", CouldNotRun, false), result("e", "", Fail, true),
		},
	}
	r.count()
	return r
}

func TestJSONReport(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := example().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got Report
	dec := json.NewDecoder(&b)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if want := (Counts{Pass: 1, Fail: 2, NotExercised: 1, CouldNotRun: 1, Known: 1}); got.Counts != want {
		t.Errorf("%+v, want %+v", got.Counts, want)
	}
	want := example()
	if r := got.Results[0]; r.Reasons[0].Finding.ID != "some-finding" || !reflect.DeepEqual(r.Sessions[0].End, want.Results[0].Sessions[0].End) || r.Verdict != Fail {
		t.Errorf("%+v", r)
	}
}

// TestJSONHasNoNulls checks that no list in the JSON is null, because programs iterate over lists without checking.
func TestJSONHasNoNulls(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := example().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if at := regexp.MustCompile(`.*: null`).FindString(b.String()); at != "" {
		t.Error(at)
	}
}

func TestJUnitReport(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := example().WriteJUnit(&b); err != nil {
		t.Fatal(err)
	}
	for dec := xml.NewDecoder(bytes.NewReader(b.Bytes())); ; {
		if _, err := dec.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("not XML: %v", err)
		}
	}
	var got junitSuites
	if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Tests != 6 || got.Failures != 1 || got.Errors != 1 || got.Skipped != 2 {
		t.Errorf("%+v", got)
	}
	var names []string
	for _, s := range got.Suites {
		names = append(names, s.Name)
		for _, c := range s.Cases {
			if c.Name != "a" {
				continue
			}
			if c.Failure == nil || !strings.Contains(c.Failure.Message, "must not ") || !strings.Contains(c.Failure.Text, "C: EHLO") || !strings.Contains(c.Failure.Text, "]]>") {
				t.Errorf("%+v", c.Failure)
			}
		}
	}
	if want := "mailrig.control mailrig.smtp mailrig.imap mailrig.files"; strings.Join(names, " ") != want {
		t.Errorf("%q", names)
	}
	if bytes.ContainsAny(b.Bytes(), "\x00\x1b") || !utf8.Valid(b.Bytes()) {
		t.Error("characters that XML doesn't have")
	}
}

func TestHTMLReport(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := example().WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{
		`class="result fail" id="a"`, `class="result pass" id="b"`, `class="result not-exercised" id="c"`, `class="result could-not-run" id="d"`,
		`class="result known" id="e"`, "C: EHLO", "must not ", "some-finding", "Title of a", "&lt;script&gt;", "<b>1</b> passed", "<b>2</b> failed",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(text, "<script") {
		t.Error("a script")
	}
	if at := regexp.MustCompile(`(?i)(src|href)\s*=|url\(|@import`).FindString(text); at != "" {
		t.Errorf("loads something: %s", at)
	}
}

func TestHTMLReportOfAFailedControl(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	r := &Report{Command: []string{"x"}, Control: Control{Problem: "it fails", Output: "why"}, Results: []Result{}}
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"it fails", "why"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q", want)
		}
	}
}

func TestWriteFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, begins := range map[string]string{"r.json": "{", "r.XML": "<?xml", "r.html": "<!DOCTYPE"} {
		file := filepath.Join(dir, name)
		for range 2 { // also over an old file
			if err := example().WriteFile(file); err != nil {
				t.Fatal(err)
			}
		}
		if data, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(data), begins) {
			t.Errorf("%s: %.20q %v", name, data, err)
		}
	}
	for _, file := range []string{"r.pdf", filepath.Join(dir, "no", "r.json"), dir} {
		if err := example().WriteFile(file); err == nil {
			t.Errorf("%s is written", file)
		}
	}
	left, _ := os.ReadDir(dir)
	if len(left) != 3 {
		t.Errorf("%v", left)
	}
}

func TestNegative(t *testing.T) {
	t.Parallel()
	one := func(v Verdict, known bool) []Result { return []Result{{Verdict: v, Known: known}, {Verdict: Pass}} }
	for name, test := range map[string]struct {
		r    Report
		want bool
	}{
		"all well":          {Report{Results: one(Pass, false)}, false},
		"a failure":         {Report{Results: one(Fail, false)}, true},
		"a known one":       {Report{Results: one(Fail, true)}, false},
		"could not run":     {Report{Results: one(CouldNotRun, false)}, true},
		"known not to run":  {Report{Results: one(CouldNotRun, true)}, false},
		"one not met":       {Report{Results: one(NotExercised, false)}, false},
		"none met":          {Report{Results: []Result{{Verdict: NotExercised}}}, true},
		"interrupted":       {Report{Results: one(Pass, false), Interrupted: true}, true},
		"no control":        {Report{Control: Control{Problem: "x"}}, true},
		"known, then unmet": {Report{Results: []Result{{Verdict: NotExercised}, {Verdict: Fail, Known: true}}}, false},
	} {
		test.r.count()
		if got := test.r.Negative(); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
