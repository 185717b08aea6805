// Package active knows which scenarios are active: those of everybody, and those that
// single users have beside them. The server asks it for the plan of each new connection,
// the session for a user's own at each login.
//
// Scenarios is an interface with contexts and errors because several servers may share
// what is active. Memory is one server's own. Whoever asks and gets an error goes on
// without a scenario: a correct server.
package active

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/scenarios"
)

// Scenarios are the active ones. Methods may be called by any goroutine. Plan and Own are
// asked for every connection: they should answer from memory.
//
// A user is an address; letters are equal to their capitals.
type Scenarios interface {
	// Plan returns what holds for everybody.
	Plan(ctx context.Context) (*fault.Plan, error)
	// Own returns what one user has beside it, nil for most.
	Own(ctx context.Context, user string) (*fault.Plan, error)
	// Users returns what Own does, for each user who has something, in lower case.
	Users(ctx context.Context) (map[string]*fault.Plan, error)

	// Use makes these the active ones for everybody, with counters at zero; none is back
	// to correct. Who has a plan already keeps it.
	Use(ctx context.Context, list []*scenarios.Scenario) error
	// UseFor is Use for one user.
	UseFor(ctx context.Context, user string, list []*scenarios.Scenario) error
	// Restart sets all counters to zero.
	Restart(ctx context.Context) error
}

const (
	// maxUsers bounds how many users may have scenarios of their own.
	maxUsers = 10_000
	// maxOwnCounts bounds what the counters of one user's plan hold.
	maxOwnCounts = 1 << 10
)

// Memory is Scenarios in this process's memory. Asking it takes no lock.
type Memory struct {
	log *slog.Logger

	mu        sync.Mutex // serialises switches
	everybody atomic.Pointer[choice]
	users     atomic.Pointer[map[string]*choice] // never changed: a switch makes a new one
}

// choice is what somebody has chosen.
type choice struct {
	list []*scenarios.Scenario
	plan *fault.Plan
}

// NewMemory begins without a scenario.
func NewMemory(log *slog.Logger) *Memory {
	m := &Memory{log: log}
	m.everybody.Store(m.forEverybody(nil))
	return m
}

func (m *Memory) forEverybody(list []*scenarios.Scenario) *choice {
	return &choice{list, scenarios.Compile(list, fault.WithLogger(m.log))}
}

func (m *Memory) forOne(list []*scenarios.Scenario) *choice {
	return &choice{list, scenarios.Compile(list, fault.WithLogger(m.log), fault.WithCounters(fault.NewMemory(maxOwnCounts)))}
}

// Plan implements Scenarios.
func (m *Memory) Plan(context.Context) (*fault.Plan, error) { return m.everybody.Load().plan, nil }

// Own implements Scenarios.
func (m *Memory) Own(_ context.Context, user string) (*fault.Plan, error) {
	users := m.users.Load()
	if users == nil {
		return nil, nil
	}
	c := (*users)[strings.ToLower(user)]
	if c == nil {
		return nil, nil
	}
	return c.plan, nil
}

// Users implements Scenarios.
func (m *Memory) Users(context.Context) (map[string]*fault.Plan, error) {
	all := map[string]*fault.Plan{}
	if users := m.users.Load(); users != nil {
		for user, c := range *users {
			all[user] = c.plan
		}
	}
	return all, nil
}

// Use implements Scenarios.
func (m *Memory) Use(_ context.Context, list []*scenarios.Scenario) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.everybody.Store(m.forEverybody(list))
	return nil
}

// UseFor implements Scenarios.
func (m *Memory) UseFor(_ context.Context, user string, list []*scenarios.Scenario) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	users := map[string]*choice{}
	if old := m.users.Load(); old != nil {
		maps.Copy(users, *old)
	}
	user = strings.ToLower(user)
	delete(users, user)
	if len(list) > 0 {
		users[user] = m.forOne(list)
	}
	if len(users) > maxUsers {
		return fmt.Errorf("%d users have scenarios of their own already; end some of them first", maxUsers)
	}
	if len(users) == 0 {
		m.users.Store(nil)
		return nil
	}
	m.users.Store(&users)
	return nil
}

// Restart implements Scenarios.
func (m *Memory) Restart(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.everybody.Store(m.forEverybody(m.everybody.Load().list))
	if old := m.users.Load(); old != nil {
		users := map[string]*choice{}
		for user, c := range *old {
			users[user] = m.forOne(c.list)
		}
		m.users.Store(&users)
	}
	return nil
}
