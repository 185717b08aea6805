package server

import (
	"context"
	"strings"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/httpapi"
	"github.com/mailrig/mailrig/internal/wait"
	"github.com/mailrig/mailrig/scenarios"
)

// pageRig shows the server to the page.
type pageRig struct{ rig }

func (r pageRig) Journal() event.Journal      { return r.journal }
func (r pageRig) Grammar() *scenarios.Grammar { return r.cfg.Grammar }

// MailTest returns what reports whether a message is in this user's mailboxes and matches.
func (r pageRig) MailTest(user string, match []wait.Matcher) func(context.Context, *Mail) (bool, error) {
	fits := wait.MailTest(match, r.Address)
	if user == "" {
		return fits
	}
	address := r.Address(user)
	return func(ctx context.Context, m *Mail) (bool, error) {
		if !strings.EqualFold(m.Mailbox, address) {
			return false, nil
		}
		return fits(ctx, m)
	}
}

// DoorModes lists the doors that don't accept, with the mode's name.
func (r pageRig) DoorModes() map[int]string {
	modes := map[int]string{}
	if r.doors == nil {
		return modes
	}
	for _, l := range r.doors.Listeners() {
		if m := l.Mode(); m != door.Open {
			modes[l.Door().Port] = m.String()
		}
	}
	return modes
}

// ActiveList returns the active scenarios: everybody's, or those that only one user has.
func (r pageRig) ActiveList(user string) ([]*scenarios.Scenario, error) {
	if user == "" {
		return r.active.List(r.ctx)
	}
	return r.active.ListFor(r.ctx, r.Address(user))
}

// Activate makes these scenarios active in their place.
func (r pageRig) Activate(user string, list []*scenarios.Scenario) ([]string, error) {
	if user == "" {
		return r.Server.Use(list...)
	}
	if _, err := r.userAddress(user); err != nil {
		return nil, &httpapi.BadScenario{Errors: []string{err.Error()}}
	}
	return r.UseFor(user, list...)
}
