package web

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/handout"
	"github.com/mailrig/mailrig/internal/recorded"
	"github.com/mailrig/mailrig/internal/transcript"
)

// oneSession is a session as a dialogue.
type oneSession struct {
	*sessionRow
	Lines        []*line
	Beside       []diagnose.Finding // those that no single line shows
	Older, Newer string             // ids of the sessions before and after it; "" for none
}

// line is one line of the dialogue, with the findings that it shows.
type line struct {
	handout.Row
	N     int
	Since time.Duration // since the line before it
	// LeftOut is how many lines are left out before this one.
	LeftOut int
	Into    string // the list into which a new line goes; "" for none
}

// Silence reports whether so much time has passed that it says something.
func (l *line) Silence() bool { return l.Since >= time.Second }

// Gap is the time since the line before, for people.
func (l *line) Gap() string {
	if l.Since < 10*time.Second {
		return fmt.Sprintf("+%.3f", l.Since.Seconds())
	}
	return "+" + l.Since.Round(time.Second).String()
}

// folds is the number of lines of a reply, or of capabilities in one line, from which on they are folded.
const folds = 4

// fold is what is shown of a reply that is folded.
type fold struct {
	Shown, Hidden string // Hidden says how much there is besides
}

// Folded is what is shown of a long reply, or of one with a long list of capabilities; nil if it isn't folded.
func (l *line) Folded() *fold {
	if l.From != transcript.FromServer {
		return nil
	}
	first, rest, _ := strings.Cut(l.Text, "\n")
	if n := strings.Count(rest, "\n") + 1; n+1 >= folds {
		return &fold{first, "and " + plural(n, "line") + " more"}
	}
	if before, list, after := capabilities(l.Text); len(list) >= folds {
		return &fold{before + "…" + after, fmt.Sprintf("%d capabilities", len(list))}
	}
	return nil
}

// capabilities finds IMAP's list of capabilities, which is one line or part of one (RFC 9051 sections 7.1 and 7.2.2).
func capabilities(text string) (before string, list []string, after string) {
	const key = "CAPABILITY "
	at := strings.Index(text, key)
	if at < 0 {
		return "", nil, ""
	}
	at += len(key)
	end := strings.IndexAny(text[at:], "]\n")
	if end < 0 {
		end = len(text) - at
	}
	return text[:at], strings.Fields(text[at : at+end]), text[at+end:]
}

// session shows a session as a dialogue, or as a file: /sessions/12, 12.txt, 12.html, 12.yaml.
func (p *Page) session(w http.ResponseWriter, r *http.Request) {
	id, kind := r.PathValue("id"), path.Ext(r.PathValue("id"))
	switch kind {
	case ".txt", ".html":
		p.handOn(w, r, strings.TrimSuffix(id, kind), kind)
		return
	case ".yaml":
		p.asScenario(w, r, strings.TrimSuffix(id, kind))
		return
	}
	one, err := p.oneSession(r.Context(), id)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	one.Older, one.Newer = p.neighbours(id)
	p.show(w, r, &shell{View: "sessions", Title: fmt.Sprintf("Session %s, port %d", id, one.Door), Live: one.Open()}, "session", one)
}

func (p *Page) oneSession(ctx context.Context, id string) (*oneSession, error) {
	r, ok := p.Rig.Journal().Get(id)
	if !ok {
		return nil, errMissing(fmt.Sprintf("There is no session %q: there never was, or it has made room for later ones (--keep-sessions).", id))
	}
	found := p.bySession(ctx)[id]
	one := &oneSession{sessionRow: newSessionRow(r, found, "")}
	said := handout.Session{Session: transcript.Of(r), Findings: found}
	one.Session, one.Beside = said.Session, said.Beside()
	var last time.Duration
	for i, row := range said.Rows() {
		one.Lines = append(one.Lines, &line{Row: row, N: i + 1, Since: row.Unit.At - last})
		last = row.Unit.At
	}
	if one.Elided > 0 && one.ElidedAt < len(one.Lines) {
		one.Lines[one.ElidedAt].LeftOut = one.Elided
	}
	return one, nil
}

// Problems lists the findings, the worst first, with the line that shows each: 0 for none.
func (o *oneSession) Problems() (all []problem) {
	for _, f := range o.Beside {
		all = append(all, problem{f, 0})
	}
	for _, l := range o.Lines {
		for _, f := range l.Findings {
			all = append(all, problem{f, l.N})
		}
	}
	slices.SortStableFunc(all, func(a, b problem) int { return rank(a.Severity) - rank(b.Severity) })
	return all
}

type problem struct {
	diagnose.Finding
	Line int
}

// neighbours returns the ids of the sessions that ended before and after one. An open one comes after all of them.
func (p *Page) neighbours(id string) (older, newer string) {
	records := p.Rig.Journal().Records()
	for i, r := range records {
		if r.ID != id {
			continue
		}
		if i > 0 {
			older = records[i-1].ID
		}
		if i+1 < len(records) {
			newer = records[i+1].ID
		}
	}
	return older, newer
}

// handOn answers with a session as a file.
func (p *Page) handOn(w http.ResponseWriter, r *http.Request, id, kind string) {
	record, ok := p.Rig.Journal().Get(id)
	if !ok {
		p.fail(w, r, errMissing(fmt.Sprintf("There is no session %q any more.", id)))
		return
	}
	sessions := []handout.Session{{Session: transcript.Of(record), Findings: p.bySession(r.Context())[id]}}
	write, as := handout.Text, "text/plain; charset=utf-8"
	if kind == ".html" {
		write, as = handout.HTML, "text/html; charset=utf-8"
		w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=mailrig-session-%s.html", record.ID))
	}
	var b bytes.Buffer
	if err := write(&b, p.Version, sessions); err != nil {
		p.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", as)
	_, _ = b.WriteTo(w)
}

// asScenario answers with what a session showed of the server, as a scenario.
func (p *Page) asScenario(w http.ResponseWriter, r *http.Request, id string) {
	record, ok := p.Rig.Journal().Get(id)
	if !ok {
		p.fail(w, r, errMissing(fmt.Sprintf("There is no session %q any more.", id)))
		return
	}
	name := "session-" + record.ID
	yaml, err := recorded.Scenario(name, record)
	if err != nil {
		p.fail(w, r, errMissing(fmt.Sprintf("There is no scenario for session %s: %v.", record.ID, err)))
		return
	}
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("Content-Disposition", "attachment; filename="+name+".yaml")
	_, _ = w.Write(yaml)
}

// sessionFeed follows one session until it has ended.
type sessionFeed struct {
	page *Page
	id   string
	sent map[string]string // by the element's id
}

func (p *Page) followSession(id string) *sessionFeed {
	return &sessionFeed{page: p, id: id, sent: map[string]string{}}
}

// news implements feed.
func (f *sessionFeed) news(ctx context.Context, b *strings.Builder) (stale bool, err error) {
	one, err := f.page.oneSession(ctx, f.id)
	if err != nil {
		return true, nil // it is gone
	}
	add := func(key, name string, data any) error {
		var part strings.Builder
		if err := fragment(&part, name, data); err != nil {
			return err
		}
		if f.sent[key] != part.String() {
			f.sent[key] = part.String()
			b.WriteString(part.String())
		}
		return nil
	}
	if err := add("head", "session-head", one); err != nil {
		return false, err
	}
	if err := add("problems", "session-problems", one); err != nil {
		return false, err
	}
	for _, l := range one.Lines {
		l.Into = "dialogue"
		if err := add(fmt.Sprint(l.N), "line", l); err != nil {
			return false, err
		}
	}
	return false, nil
}
