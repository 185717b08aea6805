package server

import (
	"github.com/mailrig/mailrig/internal/active"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/tally"
)

// openActive finds out what is active: nothing, or what was kept.
func (s *Server) openActive() error {
	a := &s.active
	a.logger = s.cfg.Logger
	if s.state == nil {
		a.Scenarios = active.NewMemory(s.cfg.Logger, s.cfg.RandomSeed)
		return nil
	}
	cfg := active.KeptConfig{
		State: s.state, Log: s.cfg.Logger, Seed: s.cfg.RandomSeed, Find: builtin, Parse: s.cfg.Grammar.Parse, OnSwitch: s.followSwitch,
	}
	if s.shared != nil {
		counts, err := tally.Open(s.ctx, s.shared, s.cfg.Logger)
		if err != nil {
			return err
		}
		cfg.Counting = counts
	}
	kept, err := active.NewKept(s.ctx, cfg)
	if err != nil {
		return err
	}
	a.Scenarios, a.follows = kept, kept
	list, err := a.List(s.ctx)
	a.chaos = chaosOf(list)
	return err
}

// beginActive makes the configured scenarios active. Without any, what was active stays.
func (s *Server) beginActive() error {
	if s.cfg.Scenarios == nil && s.state != nil {
		return nil
	}
	_, err := s.use(s.cfg.Scenarios)
	if s.active.follows != nil && store.Unavailable(err) {
		s.cfg.Logger.Error("the scenarios are active, and that can't be kept", "error", err)
		return s.active.follows.UseHere(s.ctx, s.cfg.Scenarios)
	}
	return err
}

// followSwitch does what follows from a switch that another process has made.
func (s *Server) followSwitch() {
	a := &s.active
	a.mu.Lock()
	defer a.mu.Unlock()
	list, err := a.List(s.ctx)
	if err == nil {
		a.chaos = chaosOf(list)
		_, err = s.switched()
	}
	if err != nil {
		s.cfg.Logger.Error("follow what another process has switched", "error", err)
	}
}

// lost says which scenarios were kept as active and can't be any more.
func (a *activation) lost() (notes []string) {
	if a.follows != nil {
		for _, err := range a.follows.Lost() {
			notes = append(notes, err.Error())
		}
	}
	return notes
}

// close ends the following of what others switch.
func (a *activation) close() {
	if a.follows != nil {
		a.follows.Close()
	}
}
