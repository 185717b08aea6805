// Package active knows which scenarios are active: those for everybody, and those that apply to single users as well.
// The server asks it for the plan of each new connection. The session asks it for a user's own plan at each login.
//
// Scenarios is an interface with contexts and errors, so that several servers can share what is active. Memory is the
// implementation for one server that remembers nothing. Kept keeps what is active as records, which other servers may share. A caller that gets an error goes on without a scenario, as a correct server.
package active

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/scenarios"
)

// Scenarios says which scenarios are active. Any goroutine may call its methods. Plan and Own are called for every
// connection, so they should answer from memory.
//
// A user is an address. Case doesn't matter.
type Scenarios interface {
	// Plan returns the plan for everybody.
	Plan(ctx context.Context) (*fault.Plan, error)
	// Own returns the additional plan of one user, or nil if that user has none.
	Own(ctx context.Context, user string) (*fault.Plan, error)
	// Users returns the plans that Own returns, for every user who has one. The keys are in lower case.
	Users(ctx context.Context) (map[string]*fault.Plan, error)

	// List returns the scenarios that are active for everybody, in order; ListFor those that only this user has.
	List(ctx context.Context) ([]*scenarios.Scenario, error)
	ListFor(ctx context.Context, user string) ([]*scenarios.Scenario, error)

	// Use activates these scenarios for everybody, with counters at zero. An empty list restores the correct server. What
	// was coming for the next connections is forgotten.
	// Connections that already have a plan keep it.
	Use(ctx context.Context, list []*scenarios.Scenario) error
	// UseFor does the same for one user.
	UseFor(ctx context.Context, user string, list []*scenarios.Scenario) error
	// Restart sets all counters to zero, RestartFor those of one user's additional plan. Both forget what is coming for
	// them.
	Restart(ctx context.Context) error
	RestartFor(ctx context.Context, user string) error

	Coming
}

const (
	// maxUsers is how many users may have scenarios of their own.
	maxUsers = 10_000
	// maxOwnCounts is how many counts the counters of one user's plan hold.
	maxOwnCounts = 1 << 10
)

// Memory implements Scenarios in the memory of this process. Plan and Own take no lock.
type Memory struct {
	log      *slog.Logger
	seed     uint64                                    // of rules with a chance
	counters func(run string, most int) fault.Counters // nil: in memory

	mu        sync.Mutex // serializes switches
	everybody atomic.Pointer[choice]
	users     atomic.Pointer[map[string]*choice] // the map never changes: a switch makes a new one
	coming    atomic.Pointer[map[string]*coming] // likewise
}

// choice is a set of active scenarios and the plan compiled from them.
type choice struct {
	list []*scenarios.Scenario
	plan *fault.Plan
}

// NewMemory returns a Memory without active scenarios. seed is that of rules with a chance (fault.WithSeed).
func NewMemory(log *slog.Logger, seed uint64) *Memory {
	m := &Memory{log: log, seed: seed}
	m.everybody.Store(m.forEverybody(nil, ""))
	return m
}

func (m *Memory) forEverybody(list []*scenarios.Scenario, run string) *choice {
	return m.compile(list, run, fault.MaxCounts)
}

func (m *Memory) forOne(list []*scenarios.Scenario, run string) *choice {
	return m.compile(list, run, maxOwnCounts)
}

// compile makes a plan. run is the name of this activation, if others have it active too.
func (m *Memory) compile(list []*scenarios.Scenario, run string, most int) *choice {
	var counters fault.Counters
	if run != "" && m.counters != nil {
		counters = m.counters(run, most)
	} else {
		counters = fault.NewMemory(most)
	}
	return &choice{list, scenarios.Compile(list, fault.WithLogger(m.log), fault.WithSeed(m.seed), fault.WithCounters(counters))}
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

// List implements Scenarios.
func (m *Memory) List(context.Context) ([]*scenarios.Scenario, error) {
	return slices.Clone(m.everybody.Load().list), nil
}

// ListFor implements Scenarios.
func (m *Memory) ListFor(_ context.Context, user string) ([]*scenarios.Scenario, error) {
	users := m.users.Load()
	if users == nil {
		return nil, nil
	}
	if c := (*users)[strings.ToLower(user)]; c != nil {
		return slices.Clone(c.list), nil
	}
	return nil, nil
}

// Use implements Scenarios.
func (m *Memory) Use(_ context.Context, list []*scenarios.Scenario) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.everybody.Store(m.forEverybody(list, ""))
	return m.setComing("", 0, nil, "")
}

// UseFor implements Scenarios.
func (m *Memory) UseFor(_ context.Context, user string, list []*scenarios.Scenario) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.setOwn(user, list, ""); err != nil {
		return err
	}
	return m.setComing(user, 0, nil, "")
}

// setOwn gives a user these scenarios. The caller holds mu.
func (m *Memory) setOwn(user string, list []*scenarios.Scenario, run string) error {
	users := map[string]*choice{}
	if old := m.users.Load(); old != nil {
		maps.Copy(users, *old)
	}
	user = strings.ToLower(user)
	delete(users, user)
	if len(list) > 0 {
		users[user] = m.forOne(list, run)
	}
	if len(users) > maxUsers {
		return fmt.Errorf("%d users have scenarios of their own already; switch some of them off first", maxUsers)
	}
	if len(users) == 0 {
		m.users.Store(nil)
	} else {
		m.users.Store(&users)
	}
	return nil
}

// Restart implements Scenarios.
func (m *Memory) Restart(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.again("")
	if old := m.users.Load(); old != nil {
		users := map[string]*choice{}
		for user, c := range *old {
			users[user] = m.forOne(c.list, "")
		}
		m.users.Store(&users)
	}
	m.coming.Store(nil)
	return nil
}

// again makes everybody's plan anew. It remembers which rules have acted. The caller holds mu.
func (m *Memory) again(run string) {
	before := m.everybody.Load()
	again := m.forEverybody(before.list, run)
	again.plan.Remember(before.plan)
	m.everybody.Store(again)
}

// RestartFor implements Scenarios.
func (m *Memory) RestartFor(_ context.Context, user string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	user = strings.ToLower(user)
	if old := m.users.Load(); old != nil && (*old)[user] != nil {
		users := maps.Clone(*old)
		users[user] = m.forOne(users[user].list, "")
		m.users.Store(&users)
	}
	return m.setComing(user, 0, nil, "")
}
