package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/server"
)

// worthALine reports whether a finding gets a line on the console. Others are shown only on request.
func worthALine(f *server.Finding) bool {
	return f.Severity == server.Error || f.Severity == server.Warning || f.ID == "login-refused" || f.ID == "wizard-probe"
}

// repeats is how long a repetition of a finding about the same client is shown in short.
const repeats = time.Minute

// again reports whether the same finding about another session was shown a short time ago.
func (l *sessionLines) again(f *server.Finding) bool {
	key := fmt.Sprint(f.ID, f.Client, f.Door, f.Advice)
	last, now := l.told[key], time.Now()
	if now.Sub(last) < repeats {
		return true
	}
	if len(l.told) > 1000 { // clients come and go
		clear(l.told)
	}
	l.told[key] = now
	return false
}

var severityColours = map[server.Severity]colour{server.Error: red, server.Warning: yellow, server.Info: cyan}

// findingLine returns a finding as it is shown below its session. An error has its explanation on one more line, with
// what the server said. A short one has neither that nor advice.
func findingLine(f *server.Finding, short, colours bool) string {
	text := f.Title
	switch {
	case short:
		text += " (as before)"
	case f.Advice != "":
		text += " " + f.Advice
	}
	// The words may quote a client or a scenario.
	line := fmt.Sprintf("         %s %s %s", numbers(f.Sessions), severityWord(f, colours), oneLine(text))
	if why := oneLine(f.Explanation); why != "" && f.Severity == server.Error && !short {
		line += "\n           " + why
	}
	return line
}

// severityWord returns a finding's severity with a colon.
func severityWord(f *server.Finding, colours bool) string {
	word := string(f.Severity) + ":"
	if colours {
		word = severityColours[f.Severity].paint(word)
	}
	return word
}

// fullFinding returns everything that a finding says, to be shown below a dialogue.
func fullFinding(f *server.Finding, colours bool) string {
	text := fmt.Sprintf("%s %s (%s of %s)", severityWord(f, colours), oneLine(f.Title), f.ID, numbers(f.Sessions))
	for _, more := range []string{f.Explanation, f.Advice} {
		if more != "" {
			text += "\n  " + oneLine(more)
		}
	}
	return text
}

// oneLine returns printable text without line ends.
func oneLine(s string) string { return strings.Join(strings.Fields(printable(s)), " ") }

// numbers formats "#1" or "#1, #2 and #3", in the order given. It leaves out the middle of a long list.
func numbers(ids []string) string {
	var all []string
	for _, id := range ids {
		if name := "#" + printable(id); !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	switch n := len(all); {
	case n == 0:
		return "#?"
	case n == 1:
		return all[0]
	case n > 5:
		return fmt.Sprintf("%s and %d more", strings.Join(all[:3], ", "), n-3)
	default:
		return strings.Join(all[:n-1], ", ") + " and " + all[n-1]
	}
}

// maxConcluded is how many findings conclude lists.
const maxConcluded = 30

// conclude lists the errors and warnings about what a command did. Several sessions with the same fault share one
// entry. sessions are the kept ones; they give the order.
func (a *app) conclude(found []server.Finding, sessions []*server.Session) {
	began := map[string]time.Time{}
	for _, s := range sessions {
		began[s.ID] = s.Start
	}
	var list []server.Finding
	for _, f := range found {
		if f.Severity != server.Error && f.Severity != server.Warning {
			continue
		}
		same := func(x server.Finding) bool { return x.ID == f.ID && x.Title == f.Title && x.Advice == f.Advice }
		if i := slices.IndexFunc(list, same); i >= 0 {
			list[i].Sessions = oldestFirst(append(slices.Clone(list[i].Sessions), f.Sessions...), began)
			continue
		}
		list = append(list, f)
	}
	colours := a.coloured(a.stderr)
	for i, f := range list {
		if i == maxConcluded {
			fmt.Fprintf(a.stderr, "mailrig: and %d more findings\n", len(list)-i)
			return
		}
		fmt.Fprintf(a.stderr, "mailrig: %s %s (%s of %s)\n", severityWord(&f, colours), strings.TrimSpace(oneLine(f.Title+" "+f.Advice)), f.ID, numbers(f.Sessions))
		if why := oneLine(f.Explanation); why != "" && f.Severity == server.Error {
			fmt.Fprintf(a.stderr, "mailrig:   %s\n", why)
		}
	}
}

// oldestFirst sorts sessions by when they began. Those that are no longer kept come first. Their ids have no order.
func oldestFirst(ids []string, began map[string]time.Time) []string {
	slices.SortStableFunc(ids, func(x, y string) int { return began[x].Compare(began[y]) })
	return ids
}
