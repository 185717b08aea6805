package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/trial"
	"github.com/mailrig/mailrig/scenarios"
)

// Words are what a client said when it failed. internal/explain is measured with them.
type Words struct {
	Client    string   `json:"client"`
	Status    int      `json:"status"` // the client's exit status
	Said      string   `json:"said"`
	Scenarios []string `json:"scenarios"` // the scenarios under which it said exactly this
}

// keptWords is how many bytes of a client's words are stored, the last ones.
const keptWords = 4 << 10

// passing is what differs from run to run: ports, temporary files, dates, ids.
var passing = []struct {
	re *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]|\r`), ""},
	{regexp.MustCompile(`(?m)(^|[^\w./-])/tmp/[\w./-]+`), "${1}/tmp/client"},
	{regexp.MustCompile(`(?m)(^|[^\w./-])(?:/[\w.-]+)+/(e2e|lib|bin|\.pyenv)/`), "${1}/.../$2/"},
	{regexp.MustCompile(`\b[0-9A-F]{12,16}:(error:)`), "$1"},
	{regexp.MustCompile(`(localhost|127\.0\.0\.1|\[::1\]|port|::1)([: ]+)\d{4,5}\b`), "$1${2}PORT"},
	{regexp.MustCompile(`<?\d{14}\.\d{6}@[\w.-]+>?`), "<id@client>"},
	{regexp.MustCompile(`(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d+ \w{3} \d{4} [\d:]+ [+-]\d{4}`), "DATE"},
	{regexp.MustCompile(`(after|in) \d+ (ms|milliseconds)`), "$1 N $2"},
	{regexp.MustCompile(`\b\d{7,}\b`), "N"},
}

// said cleans what a client printed.
func said(output string) string {
	for _, p := range passing {
		output = p.re.ReplaceAllString(output, p.by)
	}
	output = strings.TrimSpace(strings.ToValidUTF8(output, "?"))
	if extra := len(output) - keptWords; extra > 0 {
		output = strings.ToValidUTF8(output[extra:], "")
	}
	return output
}

// keepWords adds what a client said in its failed runs under some scenarios, in place of what it said there before.
func keepWords(all []Words, c Client, r *trial.Report) []Words {
	usual := said(r.Control.Output)
	for i := range r.Results {
		all = forget(all, c.Name, r.Results[i].Scenario)
	}
	for i := range r.Results {
		result := &r.Results[i]
		text := said(result.Output)
		if result.Status == 0 || text == "" || text == usual {
			continue
		}
		at := slices.IndexFunc(all, func(w Words) bool {
			return w.Client == c.Name && w.Said == text && w.Status == result.Status
		})
		if at < 0 {
			at, all = len(all), append(all, Words{Client: c.Name, Status: result.Status, Said: text})
		}
		all[at].Scenarios = append(all[at].Scenarios, result.Scenario)
	}
	return all
}

func forget(all []Words, client, scenario string) []Words {
	for i := range all {
		if all[i].Client == client {
			all[i].Scenarios = slices.DeleteFunc(all[i].Scenarios, func(s string) bool { return s == scenario })
		}
	}
	return slices.DeleteFunc(all, func(w Words) bool { return len(w.Scenarios) == 0 })
}

// readWords reads the stored words. A file that doesn't exist has none.
func readWords(file string) (all []Words, err error) {
	data, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var w Words
		if err := json.Unmarshal(lines.Bytes(), &w); err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, lines.Err()
}

// wordsText returns the words as they are stored: one JSON object a line, in the order of clients.txt and the catalogue.
func wordsText(all []Words, clients []Client) ([]byte, error) {
	order := map[string]int{}
	for i, s := range scenarios.All() {
		order[s.Name] = i
	}
	for i := range all {
		slices.SortFunc(all[i].Scenarios, func(a, b string) int { return order[a] - order[b] })
	}
	place := func(w Words) int {
		return slices.IndexFunc(clients, func(c Client) bool { return c.Name == w.Client })*len(order) + order[w.Scenarios[0]]
	}
	slices.SortStableFunc(all, func(a, b Words) int { return place(a) - place(b) })
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for _, w := range all {
		if err := e.Encode(w); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
