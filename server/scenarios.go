package server

import (
	"errors"
	"fmt"
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
}

func (a *activation) set(list []*scenarios.Scenario) {
	a.list = list
	a.plan.Store(scenarios.Compile(list))
}

func (a *activation) restart() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.plan.Store(scenarios.Compile(a.list))
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
		a.knocking = nil
		a.watching.Wait()
	}
}

// stop ends the watching.
func (a *activation) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.watchKnocks(false, nil)
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
