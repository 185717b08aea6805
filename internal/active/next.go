package active

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/scenarios"
)

// Coming holds the scenarios that apply to a number of connections only: the next ones. They come before all others.
// user is an address, or "" for everybody. A connection counts if a rule of the scenarios could act at its door, or, for
// a user, when that user first wants to log in on it.
type Coming interface {
	// UseNext activates scenarios for the next n connections, 1 or more, in place of those that were still coming. An
	// empty list only ends these.
	UseNext(ctx context.Context, user string, n int, list []*scenarios.Scenario) error
	// Take counts a connection, and returns the plan that is for it. nil means none, which is so for most.
	Take(ctx context.Context, from fault.Caller) (*fault.Plan, error)
	// TakeFor counts a login.
	TakeFor(ctx context.Context, user string) (*fault.Plan, error)
	// Next lists the names of the scenarios that are coming, and says for how many connections.
	Next(ctx context.Context, user string) (names []string, left int, err error)
	// NextUsers lists the users who have scenarios coming, sorted, in lower case. Everybody isn't one of them.
	NextUsers(ctx context.Context) ([]string, error)
}

// maxNext is for how many connections scenarios can be coming.
const maxNext = 1_000_000

// coming is a plan for the next connections of everybody, or of one user.
type coming struct {
	plan *fault.Plan
	left atomic.Int64
}

// take returns the plan as often as there are connections left.
func (c *coming) take() *fault.Plan {
	if c == nil || c.left.Load() <= 0 || c.left.Add(-1) < 0 {
		return nil
	}
	return c.plan
}

func (m *Memory) comingFor(user string) *coming {
	all := m.coming.Load()
	if all == nil {
		return nil
	}
	return (*all)[strings.ToLower(user)]
}

// UseNext implements Coming.
func (m *Memory) UseNext(_ context.Context, user string, n int, list []*scenarios.Scenario) error {
	if err := checkNext(n, list); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.setComing(user, n, list, "")
}

func checkNext(n int, list []*scenarios.Scenario) error {
	if len(list) > 0 && (n < 1 || n > maxNext) {
		return fmt.Errorf("give 1 to %d connections", maxNext)
	}
	return nil
}

// setComing is UseNext. The caller holds mu.
func (m *Memory) setComing(user string, n int, list []*scenarios.Scenario, run string) error {
	all := map[string]*coming{}
	if old := m.coming.Load(); old != nil {
		maps.Copy(all, *old)
	}
	user = strings.ToLower(user)
	delete(all, user)
	if len(list) > 0 {
		make := m.forEverybody
		if user != "" {
			make = m.forOne
		}
		c := &coming{plan: make(list, run).plan}
		c.left.Store(int64(n))
		all[user] = c
	}
	switch {
	case len(all) > maxUsers:
		return errors.New("too many users have scenarios for their next connections; end some of them first")
	case len(all) == 0:
		m.coming.Store(nil)
	default:
		m.coming.Store(&all)
	}
	return nil
}

// Take implements Coming.
func (m *Memory) Take(_ context.Context, from fault.Caller) (*fault.Plan, error) {
	c := m.comingFor("")
	if c == nil || !c.plan.CanTouch(from) {
		return nil, nil
	}
	return c.take(), nil
}

// TakeFor implements Coming.
func (m *Memory) TakeFor(_ context.Context, user string) (*fault.Plan, error) {
	if user == "" {
		return nil, nil
	}
	return m.comingFor(user).take(), nil
}

// Next implements Coming.
func (m *Memory) Next(_ context.Context, user string) (names []string, left int, err error) {
	c := m.comingFor(user)
	if c == nil || c.left.Load() <= 0 {
		return nil, 0, nil
	}
	return c.plan.Scenarios(), int(c.left.Load()), nil
}

// NextUsers implements Coming.
func (m *Memory) NextUsers(context.Context) (users []string, err error) {
	all := m.coming.Load()
	if all == nil {
		return nil, nil
	}
	for user, c := range *all {
		if user != "" && c.left.Load() > 0 {
			users = append(users, user)
		}
	}
	slices.Sort(users)
	return users, nil
}
