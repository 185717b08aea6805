package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/http"
	"net/mail"
	"slices"
	"strconv"
	"strings"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/httpapi"
	"github.com/mailrig/mailrig/internal/mailroom"
	"github.com/mailrig/mailrig/internal/wait"
)

const (
	mostTold     = 20 // findings of one severity in the view of now
	mostHappened = 30 // sessions and messages there
)

// nowView is what just happened.
type nowView struct {
	Doors            []doorNow
	Active           activeNow
	Errors, Warnings []*told
	Happened         []*happened
	Teach            teaching
}

// doorNow is a door as it is now.
type doorNow struct {
	door.Door
	Real      string // the port where it really listens
	Mode      string // "refuse" or "drop"; "" if it accepts
	Open      int    // connections
	Scenarios []string
}

// Moved reports whether it listens on another port than the standard one.
func (d doorNow) Moved() bool { return d.Real != strconv.Itoa(d.Port) }

// activeNow is which scenarios are active, for whom.
type activeNow struct {
	List      []activeScenario
	MayChange bool
}

type activeScenario struct {
	Name, Title string
	coming
}

// coming is for whom a scenario is active, and for how long.
type coming struct {
	User string // "" means everybody
	Left int    // for how many connections, or logins of the user; 0: until it is switched off
}

// For says it in words; "" for everybody, until it is switched off.
func (c coming) For() string {
	next := func(noun string) string {
		if c.Left == 1 {
			return "the next " + noun
		}
		return "the next " + plural(c.Left, noun)
	}
	switch {
	case c.Left == 0:
		return c.User
	case c.User == "":
		return next("connection")
	default:
		return next("login") + " of " + c.User
	}
}

// told is a finding in a list.
type told struct {
	diagnose.Finding
	Into string
}

// Key identifies a finding: it is told again, in the same place, when it grows.
func (t *told) Key() string {
	h := fnv.New64a()
	fmt.Fprint(h, t.ID, t.Client, t.Sessions[:min(1, len(t.Sessions))], t.Command != nil)
	if t.Command != nil {
		fmt.Fprint(h, *t.Command)
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

// Session is the latest session that shows it, or "".
func (t *told) Session() string {
	if len(t.Sessions) == 0 {
		return ""
	}
	return t.Sessions[len(t.Sessions)-1]
}

// happened is a session or a message in the list of what happened.
type happened struct {
	Session *sessionRow
	Mail    *mailRow
}

// teaching is what an empty rig tells about itself.
type teaching struct {
	Empty                bool
	Host, User, Password string
	Send, Receive        string // the real ports for sending and for fetching mail
	MayChange            bool
	Elsewhere            string // what commands need to find this mailrig; "" if they do
}

// now shows what just happened.
func (p *Page) now(w http.ResponseWriter, r *http.Request) {
	s := &shell{View: "now", Title: "Now", Search: "Search sessions", Action: "/sessions", Live: true}
	v := &nowView{Doors: p.doorsNow(), Active: p.activeNow(!httpapi.OnlyReads(r))}
	ctx := r.Context()
	found, _, _, err := p.Rig.FindingsSince(ctx, 0)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	for _, f := range slices.Backward(found) {
		switch f.Severity {
		case diagnose.Error:
			if len(v.Errors) < mostTold {
				v.Errors = append(v.Errors, &told{f, ""})
			}
		case diagnose.Warning, diagnose.Info:
			if len(v.Warnings) < mostTold {
				v.Warnings = append(v.Warnings, &told{f, ""})
			}
		}
	}
	if v.Happened, err = p.happened(ctx); err != nil {
		p.fail(w, r, err)
		return
	}
	v.Teach = p.teaching(r, len(v.Happened) == 0)
	p.show(w, r, s, "now", v)
}

// happened lists the latest sessions and messages, the latest first.
func (p *Page) happened(ctx context.Context) (list []*happened, err error) {
	everything := func(*event.Record, []diagnose.Finding) bool { return true }
	rows, _ := p.listSessions(ctx, everything, 0, mostHappened)
	page, err := p.Rig.Mailroom().List(ctx, mailroom.Query{Limit: mostHappened})
	if err != nil {
		return nil, err
	}
	for len(list) < mostHappened && (len(rows) > 0 || len(page.Messages) > 0) {
		if len(page.Messages) == 0 || len(rows) > 0 && (rows[0].Open() || rows[0].End.After(page.Messages[0].Received)) {
			list, rows = append(list, &happened{Session: rows[0]}), rows[1:]
			continue
		}
		list, page.Messages = append(list, &happened{Mail: newMailRow(&page.Messages[0], "")}), page.Messages[1:]
	}
	return list, nil
}

// mailRow is a message in a list.
type mailRow struct {
	wait.Mail
	Into      string
	Path      string // of the message, beside its list
	Chosen    bool   // it is the one beside the list
	MayChange bool
}

func newMailRow(m *wait.Mail, into string) *mailRow {
	return &mailRow{Mail: *m, Into: into, Path: mailBox{}.Message(m.ID)}
}

// Sender is who the message says it is from, or who sent it.
func (m *mailRow) Sender() string {
	if a, err := mail.ParseAddress(m.FromHeader); err == nil && a.Name != "" {
		return a.Name
	} else if err == nil {
		return a.Address
	}
	return cmp.Or(m.FromHeader, m.From)
}

// Unseen reports whether no client has marked the message as read.
func (m *mailRow) Unseen() bool { return !slices.Contains(m.Flags, `\Seen`) }

// doorsNow describes the doors as they are now.
func (p *Page) doorsNow() (list []doorNow) {
	open, modes := p.Rig.Journal().Doors(), p.Rig.DoorModes()
	active, err := p.Rig.ActiveList("")
	if err != nil {
		p.Logger.Error("list what is active", "err", err)
	}
	for _, d := range p.doors() {
		n := doorNow{Door: d, Real: realPort(d), Mode: modes[d.Port], Open: open[d.Port]}
		for _, s := range active {
			if slices.ContainsFunc(s.Rules, func(r fault.Rule) bool { return r.Touches(d.Port, string(d.Protocol)) }) {
				n.Scenarios = append(n.Scenarios, s.Name)
			}
		}
		list = append(list, n)
	}
	return list
}

// realPort is the number of the port where a door really listens.
func realPort(d door.Door) string {
	if _, port, err := net.SplitHostPort(d.Address); err == nil {
		return port
	}
	return strconv.Itoa(d.Port)
}

// activeNow lists the active scenarios: everybody's, then those of single users; of each, those for the next connections come
// first, as they do there.
func (p *Page) activeNow(mayChange bool) activeNow {
	a := activeNow{MayChange: mayChange}
	add := func(user string) {
		names, left := p.Rig.Next(user)
		for _, name := range names {
			e, _ := p.catalogue().entry(name)
			a.List = append(a.List, activeScenario{name, e.Title, coming{user, left}})
		}
		list, err := p.Rig.ActiveList(user)
		if err != nil {
			p.Logger.Error("list what is active", "err", err)
		}
		for _, s := range list {
			a.List = append(a.List, activeScenario{s.Name, s.Title, coming{User: user}})
		}
	}
	for _, user := range p.affected() {
		add(user)
	}
	return a
}

// affected lists for whom scenarios may be active: everybody (""), and the users who have some of their own.
func (p *Page) affected() []string {
	users := p.Rig.ActiveByUser()
	for _, user := range p.Rig.NextUsers() {
		users[user] = nil
	}
	return append([]string{""}, sortedKeys(users)...)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (p *Page) teaching(r *http.Request, empty bool) teaching {
	t := teaching{Empty: empty, Host: httpapi.ServerName(r.Host), MayChange: !httpapi.OnlyReads(r)}
	t.User, t.Password = p.Rig.Credentials()
	for _, d := range p.doors() {
		switch d.Port {
		case 25:
			t.Send = realPort(d)
		case 143:
			t.Receive = realPort(d)
		}
	}
	if _, port, _ := net.SplitHostPort(r.Host); port != "8025" {
		t.Elsewhere = " --http http://" + r.Host
	}
	return t
}

// nowFeed follows what happens.
type nowFeed struct {
	*sessionsFeed
	sent      map[string]string
	mayChange bool
}

func (p *Page) followNow(at *position, mayChange bool) *nowFeed {
	everything := func(*event.Record, []diagnose.Finding) bool { return true }
	return &nowFeed{
		sessionsFeed: &sessionsFeed{page: p, fits: everything, at: at, row: "session-happened", into: "happened", sent: map[string]string{}},
		sent:         map[string]string{}, mayChange: mayChange,
	}
}

// news implements feed.
func (f *nowFeed) news(ctx context.Context, b *strings.Builder) (stale bool, err error) {
	p := f.page
	if err := errors.Join(f.once(b, "doors", p.doorsNow()), f.once(b, "active", p.activeNow(f.mayChange))); err != nil {
		return false, err
	}
	found, _, _, err := p.Rig.FindingsSince(ctx, f.at.findings)
	if err != nil {
		return false, err
	}
	for _, x := range found {
		into := "warnings"
		switch x.Severity {
		case diagnose.Good:
			continue
		case diagnose.Error:
			into = "errors"
		}
		if err := fragment(b, "told", &told{x, into}); err != nil {
			return false, err
		}
	}
	arrived, next, err := p.Rig.Mailroom().Newest(ctx, f.at.arrived, mostFrame)
	if err != nil {
		return false, err
	}
	f.at.arrived = next
	before := b.Len()
	if stale, err = f.sessionsFeed.news(ctx, b); stale || err != nil {
		return stale, err
	}
	for i := range arrived {
		if err := fragment(b, "mail-happened", newMailRow(&arrived[i], "happened")); err != nil {
			return false, err
		}
	}
	if b.Len() > before {
		err = f.once(b, "teach", teaching{})
	}
	return false, err
}

// once writes a part of the view if it isn't as it was sent last.
func (f *nowFeed) once(b *strings.Builder, name string, data any) error {
	var part strings.Builder
	if err := fragment(&part, name, data); err != nil {
		return err
	}
	if f.sent[name] != part.String() {
		f.sent[name] = part.String()
		b.WriteString(part.String())
	}
	return nil
}
