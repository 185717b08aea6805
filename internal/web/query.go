package web

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
)

// maxQuery is the length of a search, in bytes. The rest isn't looked at.
const maxQuery = 1000

// term is one word of a search: key:value, or a text.
type term struct {
	key, value string
	not        bool
}

// terms splits a search into its words. A value with blanks has quotes. A hyphen or an exclamation mark before a word means
// that it must not be so.
func terms(text string) (list []term) {
	for rest := strings.TrimSpace(text[:min(len(text), maxQuery)]); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		var t term
		if len(rest) > 1 && (rest[0] == '-' || rest[0] == '!') {
			t.not, rest = true, rest[1:]
		}
		if key, after, ok := strings.Cut(rest, ":"); ok && key != "" && strings.Trim(key, "abcdefghijklmnopqrstuvwxyz") == "" {
			t.key, rest = key, after
		}
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			t.value, rest, _ = strings.Cut(quoted, `"`)
		} else if i := strings.IndexAny(rest, " \t"); i >= 0 {
			t.value, rest = rest[:i], rest[i:]
		} else {
			t.value, rest = rest, ""
		}
		if t.value != "" {
			list = append(list, t)
		}
	}
	return list
}

// sessionTest reports whether a session with these findings matches.
type sessionTest func(*event.Record, []diagnose.Finding) bool

// sessionKeys are what a search among sessions can name besides what `wait` can.
const sessionKeys = "door:, protocol:, user:, client:, login:ok, tls:yes, scenario:, finding:, has:error, has:warning, has:mail, is:open"

// parseSessions parses a search among sessions. All words must match.
func (p *Page) parseSessions(text string) (sessionTest, error) {
	var tests []sessionTest
	for _, t := range terms(text) {
		test, err := p.sessionTerm(t)
		if err != nil {
			return nil, err
		}
		if t.not {
			is := test
			test = func(r *event.Record, f []diagnose.Finding) bool { return !is(r, f) }
		}
		tests = append(tests, test)
	}
	return func(r *event.Record, f []diagnose.Finding) bool {
		for _, test := range tests {
			if !test(r, f) {
				return false
			}
		}
		return true
	}, nil
}

func (p *Page) sessionTerm(t term) (sessionTest, error) {
	switch t.key {
	case "":
		return says(t.value), nil
	case "has":
		return has(t.value)
	case "finding":
		return func(_ *event.Record, f []diagnose.Finding) bool {
			return slices.ContainsFunc(f, func(x diagnose.Finding) bool { return strings.Contains(x.ID, t.value) })
		}, nil
	case "is":
		if t.value != "open" && t.value != "ended" {
			return nil, fmt.Errorf("is:%s says nothing; say is:open or is:ended", t.value)
		}
		return func(r *event.Record, _ []diagnose.Finding) bool { return r.End.IsZero() == (t.value == "open") }, nil
	}
	fits, err := p.Rig.ParseSessions(t.key + ":" + t.value)
	if err != nil {
		return nil, fmt.Errorf("%w. A search can say %s, or any text", err, sessionKeys)
	}
	return func(r *event.Record, _ []diagnose.Finding) bool { return fits(r) }, nil
}

// has tests what a session has.
func has(what string) (sessionTest, error) {
	switch what {
	case "error", "warning", "info", "good":
		return func(_ *event.Record, f []diagnose.Finding) bool {
			return slices.ContainsFunc(f, func(x diagnose.Finding) bool { return string(x.Severity) == what })
		}, nil
	case "finding":
		return func(_ *event.Record, f []diagnose.Finding) bool { return len(f) > 0 }, nil
	case "mail":
		return func(r *event.Record, _ []diagnose.Finding) bool { return r.Counts.MessagesIn+r.Counts.MessagesOut > 0 }, nil
	case "injected":
		return func(r *event.Record, _ []diagnose.Finding) bool { return len(r.Injected) > 0 }, nil
	}
	return nil, fmt.Errorf("has:%s says nothing; say has:error, has:warning, has:finding, has:mail or has:injected", what)
}

// says tests whether a text stands anywhere in a session: what was said, who logged in, where the client is.
func says(text string) sessionTest {
	part := strings.ToLower(text)
	contains := func(s string) bool { return strings.Contains(strings.ToLower(s), part) }
	return func(r *event.Record, f []diagnose.Finding) bool {
		if r.ID == text || contains(r.Client) || contains(r.Service) || slices.ContainsFunc(r.Injected, contains) {
			return true
		}
		for _, l := range r.Logins {
			if contains(l.User) || contains(l.Mechanism) {
				return true
			}
		}
		for i := range f {
			if contains(f[i].Title) {
				return true
			}
		}
		for _, e := range r.Events {
			switch x := e.What.(type) {
			case *event.Command:
				if contains(x.Line) {
					return true
				}
			case *event.Reply:
				if contains(x.Text) || contains(x.End) {
					return true
				}
			case *event.Body:
				if contains(x.Head) {
					return true
				}
			}
		}
		return false
	}
}
