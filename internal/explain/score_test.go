package explain

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/testkit/golden"
	"github.com/mailrig/mailrig/scenarios"
)

// recorded is what a client said under scenarios (e2e/clients, -words).
type recorded struct {
	Client, Said string
	Status       int
	Scenarios    []string
}

// ofTheJob are words of the shell and of our own scripts (e2e/clients), and not of the client.
var ofTheJob = regexp.MustCompile(`nothing was read|Session terminated, killing shell\.\.\.( \.\.\.killed\.)?|Alarm clock|Segmentation fault|(?m)^(fetch FETCH 1 brought 0 messages|fetch +nothing fetched|imap error nothing fetched: .*)$`)

func readRecorded(t testing.TB) (all []recorded) {
	t.Helper()
	f, err := os.Open("../../e2e/clients/testdata/words.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r recorded
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		if r.Status < 0 {
			continue // it was killed, and so hadn't said its last word
		}
		if r.Said = strings.TrimSpace(ofTheJob.ReplaceAllString(r.Said, "")); r.Said != "" {
			all = append(all, r)
		}
	}
	return all
}

// heldOut are the scenarios that the table wasn't made from: every fifth one of the catalogue as it was when the table was
// made, in the order of names. The list stands in a file, so that a new scenario doesn't move others into it.
func heldOut(t testing.TB) map[string]bool {
	t.Helper()
	data, err := os.ReadFile("testdata/heldout.txt")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for name := range strings.Lines(string(data)) {
		if name = strings.TrimSpace(name); name == "" || strings.HasPrefix(name, "#") {
			continue
		}
		if _, err := scenarios.Source(name); err != nil {
			t.Errorf("testdata/heldout.txt: %v", err)
		}
		out[name] = true
	}
	return out
}

// readRight reads which causes are right under each scenario.
func readRight(t testing.TB) map[string][]string {
	t.Helper()
	data, err := os.ReadFile("testdata/right.txt")
	if err != nil {
		t.Fatal(err)
	}
	right := map[string][]string{}
	for line := range strings.Lines(string(data)) {
		if name, causes, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.HasPrefix(line, "#") {
			right[name] = strings.Fields(causes)
		}
	}
	return right
}

// score counts for how many messages the right cause stands first.
type score struct{ messages, first, among, wrong, unknown int }

func (s score) String() string {
	return fmt.Sprintf("%d messages: right cause first %d (%.1f %%), among the others %d, not among them %d, unknown %d",
		s.messages, s.first, 100*float64(s.first)/float64(max(1, s.messages)), s.among, s.wrong, s.unknown)
}

// measure scores the messages recorded under some of the scenarios. A message may be recorded, word for word, under
// scenarios with different causes: no reader can tell them apart, so it counts as right if its first cause is right for one of
// them and its own is in the list. told counts only what is first.
func measure(t testing.TB, table *Table, all []recorded, right map[string][]string, part func(scenario string) bool) (fair, told score) {
	t.Helper()
	same := map[string][]string{} // all causes that a text has had
	for _, r := range all {
		for _, s := range r.Scenarios {
			same[r.Said] = append(same[r.Said], right[s]...)
		}
	}
	for _, r := range all {
		if !slices.ContainsFunc(r.Scenarios, part) {
			continue
		}
		causes := table.Explain(r.Said).Causes
		for _, s := range r.Scenarios {
			if !part(s) || right[s] == nil {
				continue
			}
			first := len(causes) > 0 && slices.Contains(right[s], causes[0].ID)
			among := slices.ContainsFunc(causes, func(l Likely) bool { return slices.Contains(right[s], l.ID) })
			told.add(first, among, len(causes) > 0)
			fair.add(first || among && slices.Contains(same[r.Said], causes[0].ID), among, len(causes) > 0)
		}
	}
	return fair, told
}

func (s *score) add(first, among, known bool) {
	s.messages++
	switch {
	case first:
		s.first++
	case among:
		s.among++
	case known:
		s.wrong++
	default:
		s.unknown++
	}
}

// TestHeldOut measures the table with the words of real clients (e2e/clients). The table was made with the words from four
// fifths of the catalogue's scenarios. For the last fifth, signs are left out that are known only from clients or from the catalogue and
// that no message of the four fifths has.
//
//	go test ./internal/explain -run TestHeldOut -v
func TestHeldOut(t *testing.T) {
	t.Parallel()
	all, right, out := readRecorded(t), readRight(t), heldOut(t)
	whole, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	fair, told := measure(t, whole, all, right, func(s string) bool { return !out[s] })
	text := fmt.Sprintf("four fifths, which the table was made with:\n  %v\n  words that fit several causes counted as wrong unless theirs is first:\n  %v\n", fair, told)

	var known strings.Builder // what clients said in the four fifths
	for _, r := range all {
		if slices.ContainsFunc(r.Scenarios, func(s string) bool { return !out[s] }) {
			known.WriteString(oneLine(plain(r.Said)).lower + "\n")
		}
	}
	left := 0
	part, err := load(func(_, says string, s Sign) bool {
		if strings.Trim(strings.NewReplacer("recorded", "", "probe", "", "catalogue", "").Replace(s.From), " ") != "" {
			return true
		}
		if regexp.MustCompile("(?m)" + says).MatchString(known.String()) {
			return true
		}
		left++
		return false
	})
	if err != nil {
		t.Fatal(err)
	}
	fair, told = measure(t, part, all, right, func(s string) bool { return out[s] })
	text += fmt.Sprintf("the held-out fifth, without %d signs that only it could have given:\n  %v\n  words that fit several causes counted as wrong unless theirs is first:\n  %v\n", left, fair, told)
	t.Log("\n" + text)
	keepScore(t, text)
	if 100*fair.first < 90*fair.messages {
		t.Errorf("the right cause is first for fewer than 90 %% of the held-out messages: %v", fair)
	}
}

// keepScore checks that docs/explain.md has the score, or with -update puts it there.
func keepScore(t *testing.T, text string) {
	t.Helper()
	const page, begin, end = "../../docs/explain.md", "<!-- score -->\n```\n", "```\n<!-- /score -->"
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(data), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the score", page)
	}
	golden.Check(t, page, head+begin+text+end+tail)
}
