package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/explain"
	"github.com/mailrig/mailrig/internal/httpapi"
	"github.com/mailrig/mailrig/scenarios"
)

const (
	mostScenarios = 100 // in a list
	mostSeen      = 8   // sessions beside what a scenario expects
)

// scenarioView is the catalogue and, beside it, one scenario.
type scenarioView struct {
	Active   activeNow
	Groups   []group
	Symptoms []explain.Symptom // those that fit the search
	Own      []scenarios.Entry // written on the page
	Rows     []scenarios.Entry
	More     int // that aren't shown
	Group    string
	Symptom  string
	Query    string
	Chosen   *oneScenario
	On       map[string]bool // names of the active ones
	Notes    []string        // what can't be done here
}

// oneScenario is a scenario in words.
type oneScenario struct {
	*scenarios.Scenario
	Must, MustNot []string
	IsOwn         bool // written on the page, or sent through the API
	ActiveFor     []string
	Next          []coming      // for whose next connections it is
	User          string        // an example of a user
	Seen          []*sessionRow // the latest sessions in which it acted
}

// Path is the address of the list, beside a scenario or alone.
func (v *scenarioView) Path(name string) string {
	q := url.Values{}
	for key, value := range map[string]string{"q": v.Query, "group": v.Group, "symptom": v.Symptom} {
		if value != "" {
			q.Set(key, value)
		}
	}
	path := "/scenarios"
	if name != "" {
		path += "/" + url.PathEscape(name)
	}
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return path
}

// scenarios shows the catalogue: by group (?group=smtp), by what users say (?symptom=TITLE), or those that a search finds.
func (p *Page) scenarios(w http.ResponseWriter, r *http.Request) {
	p.scenariosWith(w, r, r.PathValue("name"), nil)
}

func (p *Page) scenariosWith(w http.ResponseWriter, r *http.Request, name string, notes []string) {
	q, c := r.URL.Query(), p.catalogue()
	v := &scenarioView{Groups: c.groups, Group: q.Get("group"), Symptom: q.Get("symptom"), Query: q.Get("q"), On: map[string]bool{}, Notes: notes}
	v.Active = p.activeNow(!httpapi.OnlyReads(r))
	var err error
	if v.Own, err = p.own.entries(r.Context()); err != nil {
		p.fail(w, r, err)
		return
	}
	for _, a := range v.Active.List {
		v.On[a.Name] = true
	}
	switch {
	case v.Symptom != "":
		i := slices.IndexFunc(c.symptoms, func(s explain.Symptom) bool { return s.Title == v.Symptom })
		for _, name := range c.symptoms[max(i, 0)].Scenarios {
			if e, ok := c.entry(name); ok && i >= 0 {
				v.Rows = append(v.Rows, e)
			}
		}
	case v.Query != "" || v.Group != "":
		v.Rows = c.find(v.Query, v.Group)
	}
	if v.Query == "" {
		v.Symptoms = c.symptoms
	}
	if len(v.Rows) > mostScenarios {
		v.More = len(v.Rows) - mostScenarios
		v.Rows = v.Rows[:mostScenarios]
	}
	s := &shell{View: "scenarios", Title: "Scenarios", Search: "Search scenarios: can't send", Query: v.Query, Action: "/scenarios", Live: true}
	if name != "" {
		one, err := p.oneScenario(r.Context(), name)
		if err != nil {
			p.fail(w, r, err)
			return
		}
		one.Seen, _ = p.listSessions(r.Context(), actedIn(name), 0, mostSeen)
		v.Chosen, s.Title = one, one.Name
	}
	p.show(w, r, s, "scenarios", v)
}

// actedIn tests whether a scenario acted in a session.
func actedIn(name string) sessionTest {
	return func(r *event.Record, _ []diagnose.Finding) bool { return slices.Contains(r.Injected, name) }
}

// oneScenario finds a scenario: in the catalogue, among those that were written here, or among the active ones.
func (p *Page) oneScenario(ctx context.Context, name string) (*oneScenario, error) {
	one := &oneScenario{}
	one.User, _ = p.Rig.Credentials()
	if sc, err := p.load(ctx, name); err == nil {
		one.Scenario = sc
	}
	for _, user := range p.affected() {
		if names, left := p.Rig.Next(user); slices.Contains(names, name) {
			one.Next = append(one.Next, coming{user, left})
		}
		list, err := p.Rig.ActiveList(user)
		if err != nil {
			return nil, err
		}
		for _, sc := range list {
			if sc.Name == name {
				one.ActiveFor = append(one.ActiveFor, user)
				if one.Scenario == nil {
					one.Scenario = sc
				}
			}
		}
	}
	if one.Scenario == nil {
		return nil, errMissing(fmt.Sprintf("There is no scenario %q.", name))
	}
	one.IsOwn = one.Group == ""
	one.Must, one.MustNot = one.Expect.Musts()
	return one, nil
}

// load finds a scenario that was written here, or one of the catalogue. It never reads a file.
func (p *Page) load(ctx context.Context, name string) (*scenarios.Scenario, error) {
	text, ok, err := p.own.text(ctx, name)
	switch {
	case err != nil:
		return nil, err
	case ok:
		return p.Rig.Grammar().Parse(name+".yaml", []byte(text))
	}
	if _, ok := p.catalogue().entry(name); !ok {
		return nil, errMissing(fmt.Sprintf("There is no scenario %q.", name))
	}
	return scenarios.Find(name)
}

// switchScenario switches a scenario on (on=NAME) or off (off=NAME), or all off (none=yes), for everybody or
// for user=NAME. With how=next it is for the next=N connections only; off then ends all that is.
func (p *Page) switchScenario(w http.ResponseWriter, r *http.Request) {
	on, off, user := r.PostFormValue("on"), r.PostFormValue("off"), strings.TrimSpace(r.PostFormValue("user"))
	if r.PostFormValue("who") == "all" {
		user = ""
	}
	var notes []string
	var err error
	switch next := r.PostFormValue("next"); {
	case r.PostFormValue("none") != "":
		err = p.allOff()
	case off != "" && r.PostFormValue("how") == "next":
		_, err = p.Rig.UseNext(0, user, nil, nil)
	case off != "":
		_, err = p.change(user, off, nil)
	case on == "":
		err = &httpapi.BadScenario{Errors: []string{"Which scenario? Nothing has changed."}}
	case r.PostFormValue("how") == "next" && next != "":
		notes, err = p.forNext(r.Context(), next, user, on)
	default:
		var sc *scenarios.Scenario
		if sc, err = p.load(r.Context(), on); err == nil {
			notes, err = p.change(user, on, sc)
		}
	}
	switch {
	case err != nil:
		var missing errMissing
		if !errors.As(err, &missing) {
			err = &httpapi.BadScenario{Errors: []string{err.Error()}}
		}
		p.fail(w, r, err)
	case len(notes) > 0:
		p.scenariosWith(w, r, on, notes)
	default:
		p.back(w, r, "/scenarios")
	}
}

// allOff switches everything off, also what is active for one user only.
func (p *Page) allOff() error {
	p.switching.Lock()
	defer p.switching.Unlock()
	for _, user := range p.affected() {
		if _, err := p.Rig.Activate(user, nil); err != nil {
			return err
		}
	}
	return nil
}

// change puts a scenario to the active ones, or, without sc, takes it away. Others stay, with counters at zero.
func (p *Page) change(user, name string, sc *scenarios.Scenario) (notes []string, err error) {
	p.switching.Lock()
	defer p.switching.Unlock()
	list, err := p.Rig.ActiveList(user)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(a *scenarios.Scenario) bool { return a.Name == name })
	if sc != nil {
		list = append(list, sc)
	}
	return p.Rig.Activate(user, list)
}

// forNext makes a scenario come for the next connections.
func (p *Page) forNext(ctx context.Context, next, user, name string) ([]string, error) {
	n, err := strconv.Atoi(next)
	if err != nil || n < 1 || n > 1_000_000 {
		return nil, fmt.Errorf("%q isn't a number of connections; give 1 or more", next)
	}
	text, ok, err := p.own.text(ctx, name)
	switch {
	case err != nil:
		return nil, err
	case ok:
		return p.Rig.UseNext(n, user, nil, []httpapi.Inline{{File: name + ".yaml", YAML: []byte(text)}})
	}
	if _, ok := p.catalogue().entry(name); !ok {
		return nil, errMissing(fmt.Sprintf("There is no scenario %q.", name))
	}
	return p.Rig.UseNext(n, user, []string{name}, nil)
}

// scenariosFeed follows which scenarios are active and, beside a scenario, the sessions in which it acts.
type scenariosFeed struct {
	page      *Page
	mayChange bool
	sent      string
	seen      *sessionsFeed // nil without a scenario
}

func (p *Page) followScenarios(name string, at *position, mayChange bool) *scenariosFeed {
	f := &scenariosFeed{page: p, mayChange: mayChange}
	if name != "" {
		f.seen = &sessionsFeed{page: p, fits: actedIn(name), at: at, row: "session-happened", into: "seen", sent: map[string]string{}}
	}
	return f
}

// news implements feed.
func (f *scenariosFeed) news(ctx context.Context, b *strings.Builder) (stale bool, err error) {
	var part strings.Builder
	if err := fragment(&part, "active", f.page.activeNow(f.mayChange)); err != nil {
		return false, err
	}
	if f.sent != part.String() {
		f.sent = part.String()
		b.WriteString(f.sent)
	}
	if f.seen == nil {
		return false, nil
	}
	return f.seen.news(ctx, b)
}
