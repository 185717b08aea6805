package trial

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// shardsOf divides the example's results among n shards, and writes their reports. Results are numbered in order.
func shardsOf(t *testing.T, n int) (whole *Report, files []string) {
	t.Helper()
	whole = example()
	var all []string
	for _, r := range whole.Results {
		all = append(all, r.Scenario)
	}
	dir := t.TempDir()
	for i := range n {
		part := *whole
		part.Shard, part.Results = &ShardOf{Number: i + 1, Of: n, All: all}, []Result{}
		for k, r := range whole.Results {
			if k%n == i {
				part.Results = append(part.Results, r)
			}
		}
		part.count()
		files = append(files, write(t, dir, fmt.Sprintf("%d.json", i+1), &part))
	}
	return whole, files
}

func write(t *testing.T, dir, name string, r *Report) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := r.WriteFile(file); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestMerge checks that merged shards give the report of the whole, in every format.
func TestMerge(t *testing.T) {
	t.Parallel()
	whole, files := shardsOf(t, 3)
	// What was written and read again, because JSON has no invalid UTF-8.
	whole, err := LoadReport(write(t, t.TempDir(), "whole.json", whole))
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(files)
	merged, missing, err := Merge(files)
	if err != nil || missing != nil {
		t.Fatal(missing, err)
	}
	for _, format := range []func(*Report, io.Writer) error{(*Report).WriteJSON, (*Report).WriteJUnit, (*Report).WriteHTML} {
		var a, b bytes.Buffer
		if err := format(whole, &a); err != nil {
			t.Fatal(err)
		}
		if err := format(merged, &b); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("whole:\n%s\nmerged:\n%s", a.String(), b.String())
		}
	}
}

// TestMergeKeepsCauses checks that what groups the reasons goes through JSON.
func TestMergeKeepsCauses(t *testing.T) {
	t.Parallel()
	r := example()
	for i := range r.Results[:2] {
		r.Results[i] = Result{Scenario: fmt.Sprint(i), Verdict: Fail, Reasons: []Reason{{Text: fmt.Sprint("no. ", i), General: "no.", Kind: Untrue}}}
	}
	r.Results = r.Results[:2]
	merged, _, err := Merge([]string{write(t, t.TempDir(), "r.json", r)})
	if err != nil {
		t.Fatal(err)
	}
	if c := merged.Causes(); len(c) != 1 || c[0].Text != "no." || c[0].harm != untrue {
		t.Errorf("%+v", c)
	}
}

// TestMergeMisses checks that a missing report is told, with the scenarios that it would have had.
func TestMergeMisses(t *testing.T) {
	t.Parallel()
	whole, files := shardsOf(t, 3)
	merged, missing, err := Merge(files[:2])
	if err != nil || !slices.Equal(missing, []string{"3/3"}) {
		t.Fatal(missing, err)
	}
	if !merged.Interrupted || !merged.Negative() || len(merged.Results) != len(whole.Results) {
		t.Errorf("interrupted: %v, negative: %v, %d results", merged.Interrupted, merged.Negative(), len(merged.Results))
	}
	if r := merged.Results[2]; r.Scenario != "c" || !r.Interrupted || r.Verdict != CouldNotRun || !strings.Contains(r.Reasons[0].Text, "3/3") {
		t.Errorf("%+v", r)
	}
	var b bytes.Buffer
	if err := merged.WriteJSON(&b); err != nil || bytes.Contains(b.Bytes(), []byte(": null")) {
		t.Error("a list is null", err)
	}
}

func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	_, files := shardsOf(t, 3)
	dir := t.TempDir()
	other := func(name string, change func(*Report)) string {
		r, err := LoadReport(files[1])
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		return write(t, dir, name, r)
	}
	text := filepath.Join(dir, "text.json")
	if err := os.WriteFile(text, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, second := range map[string]string{
		"it ran":                 other("a.json", func(r *Report) { r.Command = []string{"x"} }),
		"its --timeout was":      other("b.json", func(r *Report) { r.Timeout++ }),
		"its --retries was":      other("g.json", func(r *Report) { r.RetriesOutside = true }),
		"by mailrig":             other("c.json", func(r *Report) { r.Mailrig = "other" }),
		"is of a whole trial":    other("d.json", func(r *Report) { r.Shard = nil }),
		"of shard 2/4":           other("e.json", func(r *Report) { r.Shard.Of = 4 }),
		"different scenarios":    other("f.json", func(r *Report) { r.Shard.All = r.Shard.All[1:] }),
		"both have a result for": files[0],
		"no such file":           filepath.Join(dir, "nowhere.json"),
		"isn't a JSON report":    text,
	} {
		if _, _, err := Merge([]string{files[0], second}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if _, _, err := Merge(nil); err == nil {
		t.Error("nothing is merged")
	}
}

// TestNoReport checks that what no trial has written is refused, in words that aren't Go's. Such a file must not count as a
// report in which nothing failed.
func TestNoReport(t *testing.T) {
	t.Parallel()
	_, files := shardsOf(t, 3)
	good, err := os.ReadFile(files[0]) // has the results for a and d
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"":                          "it is empty",
		string(good[:len(good)/2]):  "it ends in the middle",
		string(good) + string(good): "result 3 has no scenario",
		`{"results":[{}]}`:          "result 1 has no scenario",
		`{"results":"x"}`:           "its results is of the JSON type string",
		`["a"]`:                     "of the JSON type array",
	} {
		if r, err := decodeReport([]byte(text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "Go ") {
			t.Errorf("%.40q: want %q, got %v, %+v", text, want, err, r)
		}
	}
	for want, change := range map[string]func(*Report){
		"the verdict on \"a\" is \"maybe\"": func(r *Report) { r.Results[0].Verdict = "maybe" },
		"two results for \"a\"":             func(r *Report) { r.Results[1].Scenario = "a" },
		"result for \"strange\", which":     func(r *Report) { r.Results[0].Scenario = "strange" },
		"no shard 0/3":                      func(r *Report) { r.Shard.Number = 0 },
		"no shard 4/3":                      func(r *Report) { r.Shard.Number = 4 },
		"no shard 1/2000000000":             func(r *Report) { r.Shard.Of = 2e9 },
		"no shard -1/-3":                    func(r *Report) { r.Shard.Number, r.Shard.Of = -1, -3 },
	} {
		r, err := LoadReport(files[0])
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		file := write(t, t.TempDir(), "bad.json", r)
		if _, err := LoadReport(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
		if _, err := OpenJournal(file); err == nil {
			t.Errorf("%s: a trial goes on from there", want)
		}
		if _, err := LoadBaseline(file); err == nil {
			t.Errorf("%s: it is a baseline", want)
		}
	}
}

// TestMergeParts checks that reports of different scenarios come into the catalogue's order, files last.
func TestMergeParts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	of := func(file string, names ...string) string {
		r := example()
		r.Results = []Result{}
		for _, n := range names {
			r.Results = append(r.Results, Result{Scenario: n, Verdict: Pass})
		}
		return write(t, dir, file, r)
	}
	merged, _, err := Merge([]string{of("a.json", "smtp-421-mid-session", "mine"), of("b.json", "auth-wrong-password")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range merged.Results {
		got = append(got, r.Scenario)
	}
	if want := []string{"auth-wrong-password", "smtp-421-mid-session", "mine"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
