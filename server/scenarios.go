package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mailrig/mailrig/internal/active"
	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/gate"
	"github.com/mailrig/mailrig/internal/mailpit"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/scenarios"
)

// activation holds the active scenarios, and what follows from them for the doors.
type activation struct {
	active.Scenarios
	logger  *slog.Logger
	follows *active.Kept // the same, if what is active is kept; otherwise nil
	failing atomic.Bool  // nobody can say now what is active

	mu     sync.Mutex // serializes switches
	notes  []string
	chaos  mailpit.Triggers // what Mailpit's API was asked for
	noDrop sync.Map         // standard port -> true: the door should drop connections and can't

	knocking chan struct{} // closed to stop watching the doors that drop; nil: nobody watches
	watching sync.WaitGroup
}

// plan returns everybody's plan. If nobody can say what is active, it returns none: a correct server is better than no
// mail. The beginning of such a failure is logged.
func (a *activation) plan(ctx context.Context) *fault.Plan {
	plan, err := a.Plan(ctx)
	return a.or(plan, err)
}

// of returns the user's own plan, or nil.
func (a *activation) of(ctx context.Context, user string) *fault.Plan {
	plan, err := a.Own(ctx, user)
	return a.or(plan, err)
}

// forNext returns the plan for this connection among the next ones, or nil.
func (a *activation) forNext(ctx context.Context, d door.Door, p *protocol.Protocol, conn net.Conn) *fault.Plan {
	from := fault.Caller{Door: d.Port, Protocol: p}
	if at, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
		from.Client = at.Addr().WithZone("")
	}
	plan, err := a.Take(ctx, from)
	return a.or(plan, err)
}

// forNextOf returns the plan for this login among the user's next ones, or nil.
func (a *activation) forNextOf(ctx context.Context, user string) *fault.Plan {
	plan, err := a.TakeFor(ctx, user)
	return a.or(plan, err)
}

func (a *activation) or(plan *fault.Plan, err error) *fault.Plan {
	if err == nil {
		if a.failing.Load() {
			a.failing.Store(false)
		}
		return plan
	}
	if !a.failing.Swap(true) {
		a.logger.Error("can't find out which scenarios are active; until then all doors behave correctly", "error", err)
	}
	return nil
}

// begin gives the doors, which have just been opened, the modes of the first plan.
func (a *activation) begin(ctx context.Context, set *door.Set, watch func(stop <-chan struct{})) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, err := a.apply(ctx, set)
	a.watchKnocks(a.drops(ctx, set), watch)
	return err
}

// apply gives each door the mode that the plan wants. A door that can't drop connections stays open and silent, and the
// note says so.
func (a *activation) apply(ctx context.Context, set *door.Set) (notes []string, err error) {
	defer func() { a.notes = notes }()
	plan := a.plan(ctx)
	var failed []error
	if names := plan.Vanishing(); len(names) > 0 && !gate.CanVanish {
		notes = append(notes, fmt.Sprintf("%s: a link can't die without a sign here, only on Linux; the server stays silent instead", strings.Join(names, ", ")))
	}
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
			a.logger.Debug("can't drop connections", "door", d.Port, "error", err)
			if err := l.SetMode(door.Open); err != nil {
				failed = append(failed, err)
			}
			notes = append(notes, fmt.Sprintf("%s: %v can't drop connections here (%v); it accepts them and stays silent", by, d, door.ErrDropUnsupported))
		case err != nil:
			failed = append(failed, fmt.Errorf("%v: %w", d, err))
		}
	}
	return notes, errors.Join(failed...)
}

// watchKnocks watches the doors as long as one of them drops connections.
func (a *activation) watchKnocks(drops bool, watch func(stop <-chan struct{})) {
	switch {
	case drops && a.knocking == nil:
		stop := make(chan struct{})
		a.knocking = stop
		a.watching.Go(func() { watch(stop) })
	case !drops && a.knocking != nil:
		close(a.knocking)
		a.knocking = nil // it ends later: the caller may be running on its goroutine, through OnSession
	}
}

// stop stops the watching.
func (a *activation) stop() {
	a.mu.Lock()
	a.watchKnocks(false, nil)
	a.mu.Unlock()
	a.watching.Wait()
}

// drops reports whether any door in the set drops connections under the current plan.
func (a *activation) drops(ctx context.Context, set *door.Set) bool {
	plan := a.plan(ctx)
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

// Use activates these scenarios for everybody. Without any, it restores the correct server. Connections accepted from
// now on follow them, with counters at zero; open connections keep what they began with. The notes say what this system
// does differently.
func (s *Server) Use(list ...*scenarios.Scenario) (notes []string, err error) {
	s.active.mu.Lock()
	defer s.active.mu.Unlock()
	return s.use(list)
}

// use is Use for a caller that holds active.mu.
func (s *Server) use(list []*scenarios.Scenario) (notes []string, err error) {
	if err := s.active.Use(s.ctx, list); err != nil {
		return nil, err
	}
	s.active.chaos = mailpit.NoTriggers
	return s.switched()
}

// switched gives the doors the modes that the active scenarios want. The caller holds active.mu.
func (s *Server) switched() (notes []string, err error) {
	if s.doors == nil {
		return nil, nil
	}
	defer s.active.watchKnocks(s.active.drops(s.ctx, s.doors), s.watchKnocks)
	return s.active.apply(s.ctx, s.doors)
}

// UseFor activates these scenarios for one user only, in addition to those for everybody and before them. Without any,
// it ends that. They apply to logins from now on, because the user is known only at the login. Where nobody logs in, a
// client that sends mail counts as the user whose address it gives as the sender. The notes say which rules can't act
// for one user.
func (s *Server) UseFor(user string, list ...*scenarios.Scenario) (notes []string, err error) {
	address, err := s.userAddress(user)
	if err != nil {
		return nil, err
	}
	s.active.mu.Lock()
	defer s.active.mu.Unlock()
	if err := s.active.UseFor(s.ctx, address, list); err != nil {
		return nil, err
	}
	return notForOne(user, list), nil
}

// UseNext activates these scenarios for the next n connections only, before those that are active: for everybody's, or,
// with a user, for this user's logins. A connection counts if the scenarios have a rule for its door. Without scenarios,
// UseNext ends that. The notes say which rules can't act so.
func (s *Server) UseNext(n int, user string, list ...*scenarios.Scenario) (notes []string, err error) {
	if user != "" {
		if user, err = s.userAddress(user); err != nil {
			return nil, err
		}
		notes = notForOne(user, list)
	} else {
		notes = notForNext(list)
	}
	s.active.mu.Lock()
	defer s.active.mu.Unlock()
	return notes, s.active.UseNext(s.ctx, user, n, list)
}

// notForNext says which scenarios have rules that do nothing for the next connections: nobody accepts a connection that
// is refused, so nobody can count it.
func notForNext(list []*scenarios.Scenario) (notes []string) {
	for _, sc := range list {
		for i := range sc.Rules {
			if mode := sc.Rules[i].Listen(); mode != fault.ListenOpen {
				notes = append(notes, fmt.Sprintf("%s: connect: %s is for a whole door and can't be for the next connections, so mailrig leaves it out; connect: close or reset can", sc.Name, mode))
				break
			}
		}
	}
	return notes
}

// Next lists the scenarios that are coming for the next connections, of everybody or of a user, and says for how many.
func (s *Server) Next(user string) (names []string, left int) {
	if user != "" {
		user = s.store.Address(user)
	}
	names, left, err := s.active.Scenarios.Next(s.ctx, user)
	s.active.or(nil, err)
	return append([]string{}, names...), left
}

// NextUsers lists the users who have scenarios coming for their next logins.
func (s *Server) NextUsers() []string {
	users, err := s.active.NextUsers(s.ctx)
	s.active.or(nil, err)
	return users
}

// userAddress returns the address, in lower case, of a user who may have scenarios.
func (s *Server) userAddress(user string) (string, error) {
	if user == "" || len(user) > 320 || strings.ContainsFunc(user, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "", fmt.Errorf("%q isn't the name of a user; give one such as alice@%s", user, s.cfg.Domain)
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
			notes = append(notes, fmt.Sprintf("%s: what it does before the login (%s) can't be for %s alone, so mailrig leaves it out", sc.Name, strings.Join(kinds, ", "), user))
		}
	}
	return notes
}

// Idle returns the indexes of the rules that have never acted, of a scenario that is active for everybody. A restart of
// the counters changes nothing about that.
func (s *Server) Idle(scenario string) []int {
	return s.active.plan(context.WithoutCancel(s.ctx)).Idle(scenario)
}

// ActiveFor lists the names of the scenarios that are active only for this user.
func (s *Server) ActiveFor(user string) []string {
	return append([]string{}, s.active.of(s.ctx, s.store.Address(user)).Scenarios()...)
}

// ActiveByUser lists the scenarios that are active for one user only, for each user who has any.
func (s *Server) ActiveByUser() map[string][]string {
	out := map[string][]string{}
	users, err := s.active.Users(s.ctx)
	s.active.or(nil, err)
	for user, own := range users {
		out[user] = append([]string{}, own.Scenarios()...)
	}
	return out
}

// Notes says what this system does differently from what the active scenarios want.
func (s *Server) Notes() []string {
	s.active.mu.Lock()
	defer s.active.mu.Unlock()
	return slices.Concat(s.bounds.notes, s.active.notes, s.active.lost())
}

// RandomSeed returns the seed of rules with a chance. used is false if no active scenario has such a rule.
func (s *Server) RandomSeed() (seed uint64, used bool) {
	_, used = s.active.plan(s.ctx).Seed()
	return s.cfg.RandomSeed, used
}

// Scenarios returns the scenarios that are active for everybody, in order.
func (s *Server) Scenarios() []*scenarios.Scenario {
	list, err := s.active.List(context.WithoutCancel(s.ctx))
	s.active.or(nil, err)
	return list
}

// Active lists the names of the active scenarios.
func (s *Server) Active() []string {
	return append([]string{}, s.active.plan(s.ctx).Scenarios()...)
}
