package trial

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/transcript"
	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

const (
	// afterTime is how long sessions may take to end after the command has. Those that a
	// scenario holds don't.
	afterTime = 300 * time.Millisecond
	// knockTime is how long it takes until a door that drops connections tells of them.
	knockTime = 250 * time.Millisecond
	// acceptTime is how long a connection may wait to be accepted, when none is known.
	acceptTime = 100 * time.Millisecond
	// keptSessions are the last sessions of a run that are kept. More are more than a
	// client can explain.
	keptSessions = 2000
	// downTime bounds the end of a rig.
	downTime = 2 * time.Second
)

// run runs the command against a fresh rig with a scenario, nil for none.
func (t *Trial) run(ctx context.Context, s *scenarios.Scenario, limit time.Duration) (did ran) {
	did.Status = -1
	cfg := t.Rig
	cfg.PortOffset, cfg.KeepSessions, cfg.Scenarios = "random", keptSessions, nil
	if s != nil {
		cfg.Scenarios = []*scenarios.Scenario{s}
	}
	fail := func(format string, args ...any) ran {
		did.err = fmt.Errorf(format, args...)
		did.Err = did.err
		return did
	}
	srv, err := server.New(cfg)
	if err != nil {
		return fail("%w", err)
	}
	if cfg.SeedDir == "" {
		if err := defaultMail(srv, cfg.Users); err != nil {
			return fail("%w", err)
		}
	}
	if err := srv.Start(ctx); err != nil {
		return fail("%w", err)
	}
	defer func() {
		down, cancel := context.WithTimeout(context.Background(), downTime)
		defer cancel()
		if err := srv.Shutdown(down); err != nil && cfg.Logger != nil {
			cfg.Logger.Warn("a rig of the trial ended late", "error", err)
		}
	}()
	o := execute(ctx, command{path: t.Path, args: t.Args, env: t.Environ(srv), dir: t.Dir}, limit)
	did.Status, did.Signal, did.Killed, did.Took, did.output = o.status, o.signal, o.killed, o.took, o.output
	if o.err != nil {
		return fail("%w", o.err)
	}
	did.Sessions = settled(srv.Log(), drops(cfg.Scenarios))
	return did
}

// settled waits, not long, until every session has ended, and returns them.
func settled(log *transcript.Log, drops bool) []*transcript.Session {
	began := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		<-tick.C
		all := log.Sessions()
		open := 0
		for _, s := range all {
			if s.End.IsZero() {
				open++
			}
		}
		waited := time.Since(began)
		if waited > afterTime || open == 0 && (len(all) > 0 || waited > acceptTime) && (!drops || waited > knockTime) {
			return all
		}
	}
}

// forgotten counts the sessions of a rig that weren't kept. They are numbered from 1.
func forgotten(kept []*transcript.Session) int {
	last := 0
	for _, s := range kept {
		if n, err := strconv.Atoi(s.ID); err == nil {
			last = max(last, n)
		}
	}
	return last - len(kept)
}

// drops tells if a door drops connections.
func drops(list []*scenarios.Scenario) bool {
	for _, s := range list {
		for _, r := range s.Rules {
			if r.Listen() == fault.ListenDrop {
				return true
			}
		}
	}
	return false
}
