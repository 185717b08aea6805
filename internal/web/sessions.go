package web

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/transcript"
)

const (
	perPage    = 50   // rows of a list
	mostLooked = 2000 // sessions that a search looks at for one page
)

// sessionRow is a session in a list.
type sessionRow struct {
	*transcript.Session
	Host     string // the client's address without its port
	Findings []diagnose.Finding
	Into     string // the list into which a new row goes; "" for none
}

// Open reports whether the client is connected.
func (r *sessionRow) Open() bool { return r.End.IsZero() }

// Worst is the severity of the worst finding, or "".
func (r *sessionRow) Worst() diagnose.Severity {
	if len(r.Findings) == 0 {
		return ""
	}
	return r.Findings[0].Severity
}

// User is who logged in last, or tried to.
func (r *sessionRow) User() string {
	if len(r.Logins) == 0 {
		return ""
	}
	return r.Logins[len(r.Logins)-1].User
}

func newSessionRow(r *event.Record, found []diagnose.Finding, into string) *sessionRow {
	row := &sessionRow{Session: transcript.Brief(r), Findings: found, Into: into, Host: r.Client}
	if host, _, err := net.SplitHostPort(r.Client); err == nil {
		row.Host = host
	}
	return row
}

// bySession returns the findings about each session that aren't good, the worst first, without waiting for later ones.
func (p *Page) bySession(ctx context.Context) map[string][]diagnose.Finding {
	found, _, _, err := p.Rig.FindingsSince(ctx, 0)
	if err != nil {
		p.Logger.Error("list the findings", "err", err)
	}
	all := map[string][]diagnose.Finding{}
	for _, f := range found {
		if f.Severity != diagnose.Good {
			for _, id := range f.Sessions {
				all[id] = append(all[id], f)
			}
		}
	}
	for _, list := range all {
		slices.SortStableFunc(list, func(a, b diagnose.Finding) int { return rank(a.Severity) - rank(b.Severity) })
	}
	return all
}

func rank(s diagnose.Severity) int {
	return slices.Index([]diagnose.Severity{diagnose.Error, diagnose.Warning, diagnose.Info, diagnose.Good}, s)
}

// sessionList is a page of the list of sessions.
type sessionList struct {
	Rows   []*sessionRow
	Before uint64 // where the next page begins; 0 if this is the last one
	Query  string
	Chips  []chip
}

// chip is a filter that one click puts into the search box, or takes out of it.
type chip struct {
	Text, Path string
	On         bool
}

// chips offers filters. Several can be on.
func chips(path, query string, words ...string) (list []chip) {
	had := strings.Fields(query)
	for _, w := range words {
		c := chip{Text: w, On: slices.Contains(had, w)}
		next := append(slices.Clone(had), w)
		if c.On {
			next = slices.DeleteFunc(slices.Clone(had), func(x string) bool { return x == w })
		}
		if c.Path = path; len(next) > 0 {
			c.Path += "?q=" + url.QueryEscape(strings.Join(next, " "))
		}
		list = append(list, c)
	}
	return list
}

// sessions lists the sessions, the latest first: ?q=SEARCH&before=N.
func (p *Page) sessions(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s := &shell{View: "sessions", Title: "Sessions", Search: "Search sessions", Query: q.Get("q"), Action: "/sessions", Live: true}
	list := &sessionList{Query: s.Query}
	fits, err := p.parseSessions(s.Query)
	if err != nil {
		s.Trouble = err.Error()
	} else {
		before, err := strconv.ParseUint(q.Get("before"), 10, 64)
		if err != nil {
			before = 0
		}
		s.Live = before == 0
		list.Rows, list.Before = p.listSessions(r.Context(), fits, before, perPage)
	}
	words := []string{"has:error", "has:warning", "has:mail", "has:injected", "is:open"}
	for _, d := range p.doors() {
		words = append(words, fmt.Sprintf("door:%d", d.Port))
	}
	list.Chips = chips("/sessions", s.Query, words...)
	p.show(w, r, s, "sessions", list)
}

// listSessions returns the latest sessions that fit: the open ones, then those that ended before number before (0: all).
// next is where the next page begins, or 0.
func (p *Page) listSessions(ctx context.Context, fits sessionTest, before uint64, most int) (rows []*sessionRow, next uint64) {
	journal, found := p.Rig.Journal(), p.bySession(ctx)
	add := func(r *event.Record) {
		if f := found[r.ID]; fits(r, f) {
			rows = append(rows, newSessionRow(r, f, ""))
		}
	}
	n := before - 1
	if before == 0 {
		n = math.MaxUint64
		for _, r := range journal.Latest(most) {
			add(r)
		}
	}
	for looked := 0; ; {
		ended, numbers := journal.Before(n, 2*most)
		for i := len(ended) - 1; i >= 0; i-- {
			if len(rows) >= most || looked >= mostLooked {
				return rows, numbers[i] + 1
			}
			looked++
			add(ended[i])
		}
		if len(ended) == 0 || numbers[0] <= 1 {
			return rows, 0
		}
		n = numbers[0] - 1
	}
}

// sessionsFeed follows the list of sessions.
type sessionsFeed struct {
	page *Page
	fits sessionTest
	at   *position
	row  string            // the template of a row
	into string            // the list that new rows go into
	sent map[string]string // what was sent of each open session
}

func (p *Page) followSessions(query string, at *position) (*sessionsFeed, error) {
	fits, err := p.parseSessions(query)
	if err != nil {
		return nil, errMissing(err.Error())
	}
	return &sessionsFeed{page: p, fits: fits, at: at, row: "session-row", into: "rows", sent: map[string]string{}}, nil
}

// news implements feed.
func (f *sessionsFeed) news(ctx context.Context, b *strings.Builder) (stale bool, err error) {
	changed, err := f.changed(ctx)
	if err != nil || len(changed) > mostFrame {
		return len(changed) > mostFrame, err
	}
	if len(changed) == 0 {
		return false, nil
	}
	about := f.page.bySession(ctx)
	for _, r := range changed {
		into := ""
		if f.fits(r, about[r.ID]) {
			into = f.into
		}
		if err := fragment(b, f.row, newSessionRow(r, about[r.ID], into)); err != nil {
			return false, err
		}
	}
	return false, nil
}

// changed returns the sessions that have begun, gone on, ended or got a finding since the last call, the oldest first.
func (f *sessionsFeed) changed(ctx context.Context) (list []*event.Record, err error) {
	journal := f.page.Rig.Journal()
	found, next, _, err := f.page.Rig.FindingsSince(ctx, f.at.findings)
	if err != nil {
		return nil, err
	}
	f.at.findings = next
	ended, last, _ := journal.Since(f.at.ended)
	if last < f.at.ended {
		ended = nil
	}
	f.at.ended = last
	list = append(list, ended...)
	listed := map[string]bool{}
	for _, r := range ended {
		listed[r.ID] = true
		delete(f.sent, r.ID)
	}
	open := journal.Latest(perPage)
	for i := len(open) - 1; i >= 0; i-- {
		r := open[i]
		mark := fmt.Sprint(len(r.Events), r.Counts, len(r.Logins))
		if listed[r.ID] || f.sent[r.ID] == mark {
			continue
		}
		if len(f.sent) > 4*perPage {
			clear(f.sent)
		}
		f.sent[r.ID], listed[r.ID] = mark, true
		list = append(list, r)
	}
	for i := range found {
		for _, id := range found[i].Sessions {
			if r, ok := journal.Get(id); ok && !listed[id] && found[i].Severity != diagnose.Good {
				listed[id] = true
				list = append(list, r)
			}
		}
	}
	return list, nil
}
