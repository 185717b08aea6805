package server

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/scenarios"
)

// activation is the set of active scenarios and what follows from it.
type activation struct {
	mu     sync.Mutex // serialises switches
	list   []*scenarios.Scenario
	notes  []string
	plan   atomic.Pointer[fault.Plan]
	noDrop sync.Map // standard port -> true: should drop, and can't

	knocking chan struct{} // closed to end what watches the doors that drop; nil: none does
	watching sync.WaitGroup
	// Scenarios that are active for one user only, by lower case address. A switch makes
	// a new map, so that a connection can look without a lock.
	users atomic.Pointer[map[string]ownPlan]
}

// ownPlan is what one user has.
type ownPlan struct {
	list []*scenarios.Scenario
	plan *fault.Plan
}

// of returns the plan that the user has alone, nil for most.
func (a *activation) of(user string) *fault.Plan {
	users := a.users.Load()
	if users == nil {
		return nil
	}
	return (*users)[strings.ToLower(user)].plan
}

// setFor changes what one user has; none ends it.
func (a *activation) setFor(user string, list []*scenarios.Scenario) error {
	users := map[string]ownPlan{}
	if old := a.users.Load(); old != nil {
		maps.Copy(users, *old)
	}
	delete(users, user)
	if len(list) > 0 {
		users[user] = ownPlan{list, scenarios.Compile(list)}
	}
	if len(users) > maxOwnPlans {
		return fmt.Errorf("%d users have scenarios of their own already; end some of them first", maxOwnPlans)
	}
	if len(users) == 0 {
		a.users.Store(nil)
		return nil
	}
	a.users.Store(&users)
	return nil
}

// maxOwnPlans bounds how many users may have scenarios of their own.
const maxOwnPlans = 10_000

func (a *activation) set(list []*scenarios.Scenario) {
	a.list = list
	a.plan.Store(scenarios.Compile(list))
}

func (a *activation) restart() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.plan.Store(scenarios.Compile(a.list))
	if old := a.users.Load(); old != nil {
		users := map[string]ownPlan{}
		for user, own := range *old {
			users[user] = ownPlan{own.list, scenarios.Compile(own.list)}
		}
		a.users.Store(&users)
	}
}

// begin gives the doors, just opened, the modes of the first plan.
func (a *activation) begin(set *door.Set, watch func(stop <-chan struct{})) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, err := a.apply(set)
	a.watchKnocks(a.drops(set), watch)
	return err
}

// apply gives each door the mode that the plan wants. A door that can't drop
// stays open, and its connections are met with silence; the note says so.
func (a *activation) apply(set *door.Set) (notes []string, err error) {
	defer func() { a.notes = notes }()
	plan := a.plan.Load()
	var failed []error
	for _, l := range set.Listeners() {
		d := l.Door()
		want4, by := plan.Listen(d.Port, string(d.Protocol), false)
		want6, by6 := plan.Listen(d.Port, string(d.Protocol), true)
		if by == "" {
			by = by6
		}
		a.noDrop.Delete(d.Port)
		switch err := l.SetModes(modeOf(want4), modeOf(want6)); {
		case errors.Is(err, door.ErrDropUnsupported):
			a.noDrop.Store(d.Port, true)
			if err := l.SetMode(door.Open); err != nil {
				failed = append(failed, err)
			}
			notes = append(notes, fmt.Sprintf("%s: %v can't drop connections here (%v); it accepts them and stays silent", by, d, err))
		case err != nil:
			failed = append(failed, fmt.Errorf("%v: %w", d, err))
		}
	}
	return notes, errors.Join(failed...)
}

// watchKnocks has the doors watched as long as one of them drops connections.
func (a *activation) watchKnocks(drops bool, watch func(stop <-chan struct{})) {
	switch {
	case drops && a.knocking == nil:
		stop := make(chan struct{})
		a.knocking = stop
		a.watching.Go(func() { watch(stop) })
	case !drops && a.knocking != nil:
		close(a.knocking)
		a.knocking = nil // it ends by itself: who switches may be called by it, through OnSession
	}
}

// stop ends the watching.
func (a *activation) stop() {
	a.mu.Lock()
	a.watchKnocks(false, nil)
	a.mu.Unlock()
	a.watching.Wait()
}

// drops tells if a door of the set drops connections under the present plan.
func (a *activation) drops(set *door.Set) bool {
	plan := a.plan.Load()
	for _, l := range set.Listeners() {
		d := l.Door()
		for _, v6 := range []bool{false, true} {
			if mode, _ := plan.Listen(d.Port, string(d.Protocol), v6); modeOf(mode) == door.Drop {
				return true
			}
		}
	}
	return false
}

func modeOf(m fault.ListenMode) door.Mode {
	switch m {
	case fault.ListenRefuse:
		return door.Refuse
	case fault.ListenDrop:
		return door.Drop
	}
	return door.Open
}

// Use makes these scenarios the active ones; none is back to correct. Connections
// accepted from now on follow them, with counters at zero; those that are open
// keep what they began with. The notes say what this system does otherwise.
func (s *Server) Use(list ...*scenarios.Scenario) (notes []string, err error) {
	s.active.mu.Lock()
	defer s.active.mu.Unlock()
	s.active.set(list)
	if s.doors == nil {
		return nil, nil
	}
	defer s.active.watchKnocks(s.active.drops(s.doors), s.watchKnocks)
	return s.active.apply(s.doors)
}

// UseFor makes these scenarios active for one user only, beside those of everybody and
// before them; none ends it. They hold for logins from now on: who a client is comes out
// at its login. A client that sends mail where nobody logs in counts as the user whose
// address it gives as the sender. The notes say which rules can't act for one user.
func (s *Server) UseFor(user string, list ...*scenarios.Scenario) (notes []string, err error) {
	address, err := s.userAddress(user)
	if err != nil {
		return nil, err
	}
	s.active.mu.Lock()
	defer s.active.mu.Unlock()
	if err := s.active.setFor(address, list); err != nil {
		return nil, err
	}
	return notForOne(user, list), nil
}

// userAddress is the address of a user who may have scenarios, in lower case.
func (s *Server) userAddress(user string) (string, error) {
	if user == "" || len(user) > 320 || strings.ContainsFunc(user, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "", fmt.Errorf("%q isn't the name of a user; give one like alice@%s", user, s.cfg.Domain)
	}
	address := s.store.Address(user)
	if names := s.userNames(); len(names) > 0 {
		known := func(name string) bool { return strings.EqualFold(s.store.Address(name), address) }
		if !slices.ContainsFunc(names, known) {
			return "", fmt.Errorf("there is no user %s here; these may log in: %s", address, strings.Join(names, ", "))
		}
	}
	return strings.ToLower(address), nil
}

// notForOne says which scenarios have rules that do nothing for one user.
func notForOne(user string, list []*scenarios.Scenario) (notes []string) {
	for _, sc := range list {
		var kinds []string
		for i := range sc.Rules {
			if kind := sc.Rules[i].Kind(); !sc.Rules[i].ForUser() && !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
		if len(kinds) > 0 {
			notes = append(notes, fmt.Sprintf("%s: what it does before the login (%s) can't be for %s alone, and isn't done", sc.Name, strings.Join(kinds, ", "), user))
		}
	}
	return notes
}

// ActiveFor lists the names of the scenarios that are active for one user only.
func (s *Server) ActiveFor(user string) []string {
	return append([]string{}, s.active.of(s.store.Address(user)).Scenarios()...)
}

// ActiveByUser lists, for each user who has any, the scenarios that are active for that
// user only.
func (s *Server) ActiveByUser() map[string][]string {
	out := map[string][]string{}
	if users := s.active.users.Load(); users != nil {
		for user, own := range *users {
			out[user] = append([]string{}, own.plan.Scenarios()...)
		}
	}
	return out
}

// Notes says what this system does otherwise than the active scenarios want.
func (s *Server) Notes() []string {
	s.active.mu.Lock()
	defer s.active.mu.Unlock()
	return append([]string{}, s.active.notes...)
}

// Active lists the names of the active scenarios.
func (s *Server) Active() []string {
	return append([]string{}, s.active.plan.Load().Scenarios()...)
}
