package main

import (
	"slices"
	"strings"

	"github.com/mailrig/mailrig/server"
)

// want says which explanations of a mistake are right. It is written by hand, from the settings and from what the RFCs and
// providers' help pages say, and knows nothing of how package diagnose comes to its findings.
type want struct {
	right []saying // any one of them
	vague []string // ids of findings that are true, and don't say what to change
	also  []string // ids of findings that are true besides
}

// saying is a finding with all of these words in its title, explanation and advice.
type saying struct {
	id    string
	words []string
}

func says(id string, words ...string) saying { return saying{id, words} }

func (s saying) fits(f *server.Finding) bool {
	text := strings.ToLower(f.Title + "\n" + f.Explanation + "\n" + f.Advice)
	return f.ID == s.id && !slices.ContainsFunc(s.words, func(w string) bool { return !strings.Contains(text, strings.ToLower(w)) })
}

// grade is what a user makes of the findings about a cell.
type grade string

const (
	right      grade = "right"       // one says what is wrong and what to change
	vague      grade = "vague"       // what is said is true, and helps little
	wrong      grade = "wrong"       // an error or a warning says something that isn't so
	none       grade = "none"        // nothing is said
	silent     grade = "silent"      // nothing is wrong, and nothing is said against it
	falseError grade = "false error" // nothing is wrong, and an error says that something is
	// unharmed is the grade where the program did its job in spite of the setting, and not is where it never connected:
	// there is nothing to explain.
	unharmed grade = "unharmed"
	not      grade = "not tried"
	broken   grade = "broken" // the settings are right and the program didn't do its job: its script is wrong
)

// judge grades the findings about a program.
func (w want) judge(p *program, found []server.Finding) (g grade, about string) {
	isRight, isVague := false, false
	for i := range found {
		f := &found[i]
		serious := f.Severity == server.Error || f.Severity == server.Warning
		switch {
		case slices.ContainsFunc(w.right, func(s saying) bool { return s.fits(f) }):
			isRight = true
		case slices.ContainsFunc(w.right, func(s saying) bool { return s.id == f.ID }), slices.Contains(w.vague, f.ID):
			isVague = true
		case serious && !slices.Contains(w.also, f.ID) && !slices.Contains(p.also, f.ID):
			about = f.ID
		}
	}
	switch {
	case about != "":
		return wrong, about
	case isRight:
		return right, ""
	case isVague:
		return vague, ""
	}
	return none, ""
}

// judgeSane grades the findings about a program with the right settings.
func judgeSane(found []server.Finding, also []string) (grade, string) {
	for _, f := range found {
		if f.Severity == server.Error && !slices.Contains(also, f.ID) {
			return falseError, f.ID
		}
	}
	return silent, ""
}
