package server

import (
	"context"
	"fmt"
	"iter"
	"math"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/httpapi"
	"github.com/mailrig/mailrig/internal/mailroom"
	"github.com/mailrig/mailrig/internal/wait"
	"github.com/mailrig/mailrig/scenarios"
)

// rig shows the server to the HTTP door.
type rig struct{ *Server }

func (r rig) Walk(n uint64, open bool) iter.Seq[*event.Record] { return r.journal.Walk(n, open) }

func (r rig) Ended() (uint64, <-chan struct{}) {
	_, n, more := r.journal.Since(math.MaxUint64)
	return n, more
}

func (r rig) Catalogue() []httpapi.ScenarioInfo { return infos(scenarios.Index()) }

func (r rig) Matching(patterns ...string) ([]httpapi.ScenarioInfo, error) {
	found, err := scenarios.Filter(scenarios.Index(), patterns...)
	return infos(found), err
}

func infos(index []scenarios.Entry) (out []httpapi.ScenarioInfo) {
	for _, e := range index {
		out = append(out, httpapi.ScenarioInfo(e))
	}
	return out
}

// Use loads everything before it changes anything.
func (r rig) Use(user string, names []string, inline []httpapi.Inline) ([]string, error) {
	list, err := r.load(user, names, inline)
	switch {
	case err != nil:
		return nil, err
	case user == "":
		return r.Server.Use(list...)
	}
	return r.UseFor(user, list...)
}

// UseNext loads everything before it changes anything.
func (r rig) UseNext(n int, user string, names []string, inline []httpapi.Inline) ([]string, error) {
	list, err := r.load(user, names, inline)
	if err != nil {
		return nil, err
	}
	return r.Server.UseNext(n, user, list...)
}

// load finds and parses the scenarios that a caller of the API wants for a user, or, with "", for everybody.
func (r rig) load(user string, names []string, inline []httpapi.Inline) (list []*scenarios.Scenario, err error) {
	var wrong []string
	for _, name := range names {
		sc, err := builtin(name)
		if err != nil {
			wrong = append(wrong, err.Error())
			continue
		}
		list = append(list, sc)
	}
	for _, in := range inline {
		sc, err := r.cfg.Grammar.Parse(in.File, in.YAML)
		if err != nil {
			wrong = append(wrong, strings.Split(err.Error(), "\n")...)
			continue
		}
		list = append(list, sc)
	}
	if len(wrong) > 0 {
		return nil, &httpapi.BadScenario{Errors: wrong}
	}
	if user == "" {
		return list, nil
	}
	if _, err := r.userAddress(user); err != nil {
		return nil, &httpapi.BadScenario{Errors: []string{err.Error()}}
	}
	return list, nil
}

// builtin finds a scenario in the catalogue, never a file: callers of the API may not read files on this machine.
func builtin(name string) (*scenarios.Scenario, error) {
	if strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
		return nil, fmt.Errorf("%q is a file, and the API takes only names; send its contents instead", name)
	}
	return scenarios.Find(name)
}

func (r rig) FindingsSince(ctx context.Context, n uint64) ([]Finding, uint64, <-chan struct{}, error) {
	return r.watch.Since(ctx, n)
}

func (r rig) Settle(ctx context.Context) { r.watch.Settle(ctx) }

func (r rig) WaitFor(ctx context.Context, what wait.What, words []string, count int, after uint64) (wait.Outcome, error) {
	c := wait.Condition{What: what, Count: count, After: after}
	if what == wait.Findings {
		c.IDs = words
	} else {
		match, err := waited(r).Language().Parse(what, words...)
		if err != nil {
			return wait.Outcome{}, err
		}
		c.Match = match
	}
	return r.Wait(ctx, c)
}

func (r rig) Mailroom() *mailroom.Room { return r.mail }

func (r rig) ParseMatch(words ...string) ([]wait.Matcher, error) {
	return waited(r).Language().Parse(wait.Messages, words...)
}

func (r rig) ParseSessions(words ...string) (func(*event.Record) bool, error) {
	match, err := waited(r).Language().Parse(wait.Sessions, words...)
	return wait.SessionTest(match, r.Address), err
}
