package main

import (
	"fmt"
	"slices"
	"strings"
)

// score counts the grades of cells.
type score map[grade]int

func (s score) wrongs() int { return s[right] + s[vague] + s[wrong] + s[none] }

// share returns what part of the wrong settings has a grade, in percent.
func (s score) share(g grade) float64 {
	if s.wrongs() == 0 {
		return 0
	}
	return 100 * float64(s[g]) / float64(s.wrongs())
}

// scores returns the score of all cells, and that of each kind of mistake.
func scores(cells []*cell) (all score, kind map[string]score) {
	all, kind = score{}, map[string]score{}
	for _, c := range cells {
		all[c.grade]++
		if kind[c.wrongly.kind] == nil {
			kind[c.wrongly.kind] = score{}
		}
		kind[c.wrongly.kind][c.grade]++
	}
	return all, kind
}

// summary is the score in a few lines.
func summary(cells []*cell) string {
	all, _ := scores(cells)
	var b strings.Builder
	fmt.Fprintf(&b, "%d programs, %d wrong settings: %.1f %% right, %.1f %% true but vague, %.1f %% wrong, %.1f %% nothing\n",
		len(names(cells)), all.wrongs(), all.share(right), all.share(vague), all.share(wrong), all.share(none))
	fmt.Fprintf(&b, "%d right settings: %d with a false error\n", all[silent]+all[falseError], all[falseError])
	if all[broken] > 0 {
		fmt.Fprintf(&b, "%d programs that don't work with right settings\n", all[broken])
	}
	fmt.Fprintf(&b, "left out: %d in which the program did its job all the same, %d in which it never connected\n", all[unharmed], all[not])
	return b.String()
}

func names(cells []*cell) (all []string) {
	for _, c := range cells {
		if !slices.Contains(all, c.program.name) {
			all = append(all, c.program.name)
		}
	}
	return all
}

// failing are the cells whose grade isn't the best.
func failing(cells []*cell) (all []*cell) {
	for _, c := range cells {
		if slices.Contains([]grade{vague, wrong, none, falseError, broken}, c.grade) {
			all = append(all, c)
		}
	}
	return all
}

// tunedWith are the numbers of -from with -every 9 whose cells have shown what to make better. A score of these would flatter.
const tunedWith = "0, 1, 2, 3, 5 and 7"

// page is docs/accuracy.md: the score, and what isn't right. command is what has measured it.
func page(cells []*cell, command, day string) string {
	all, kind := scores(cells)
	var b strings.Builder
	b.WriteString(`# How often a finding is right

Real programs are set up wrongly, one mistake at a time, and sometimes two. What mailrig says is graded by rules that were
written by hand from the settings alone (e2e/settings/cases.go); they share no code with the findings.

`)
	fmt.Fprintf(&b, "Measured on %s with `%s`. With `-every N`, that is one cell in N, for each number of `-from`.\n", day, command)
	fmt.Fprintf(&b, "The findings were made better with the slices %s of nine, so the others tell more. All slices have the same programs and\n", tunedWith)
	b.WriteString("the same kinds of mistake: with other programs the score will be lower. PHPMailer, Symfony Mailer and OfflineIMAP came last: at their\n")
	b.WriteString("first run 165 of 168 wrong settings were right and two vague, and one was wrong because OfflineIMAP doesn't have that setting.\n")
	b.WriteString("`make e2e-all` tries some of the cells of the programs that CI has, and fails if a finding is wrong.\n\n")
	for line := range strings.Lines(summary(cells)) {
		b.WriteString("- " + line)
	}
	b.WriteString(`
"Right" names the mistake and what to change. Where two causes look the same from the server's side, as a client of another
protocol and a health check do, it must name both. "Wrong" is an error or a warning that says what isn't so, even beside a
right one. For a bad certificate that a client refuses, the finding is praise (` + "`bad-certificate-refused`" + `), because the client is right.

| mistake | settings | right | vague | wrong | nothing |
|---|---|---|---|---|---|
`)
	row := func(name string, s score) {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d |\n", name, s.wrongs(), s[right], s[vague], s[wrong], s[none])
	}
	for _, k := range kinds {
		row(k, kind[k])
	}
	row("all", all)
	b.WriteString("\nThe programs: " + strings.Join(names(cells), ", ") + ".\n")
	if left := failing(cells); len(left) > 0 {
		b.WriteString("\n## What isn't right\n\n")
		for _, c := range left {
			fmt.Fprintf(&b, "- %s: %s", c, c.grade)
			if c.about != "" {
				b.WriteString(" (`" + c.about + "`)")
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// details shows all about a cell.
func (c *cell) details() string {
	var b strings.Builder
	fmt.Fprintf(&b, "=== %s\n    %s: %s %s\n", c, c.wrongly.kind, c.grade, c.about)
	for _, f := range c.found {
		guess := ""
		if f.Guess {
			guess = " (guess)"
		}
		fmt.Fprintf(&b, "  %s %s%s: %s | %s | %s\n", f.Severity, f.ID, guess, f.Title, f.Explanation, f.Advice)
	}
	b.WriteString("--- the program said\n" + c.output + "--- sessions\n" + c.log + "\n")
	return b.String()
}
