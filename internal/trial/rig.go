package trial

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/transcript"
	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

const (
	// afterTime is how long sessions may take to end after the command has ended. Sessions that a scenario holds don't
	// end.
	afterTime = 300 * time.Millisecond
	// knockTime is how long it takes until a door that drops connections reports them.
	knockTime = 250 * time.Millisecond
	// acceptTime is how long a connection may wait to be accepted if none is known.
	acceptTime = 100 * time.Millisecond
	// keptSessions is how many sessions of a run are kept, the last ones. With more, nobody could explain what the
	// client did.
	keptSessions = 2000
	// downTime limits how long a rig takes to stop.
	downTime = 2 * time.Second
)

// run runs the command against a fresh rig with a scenario. nil means none.
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
	began := time.Now()
	o := execute(ctx, command{path: t.Path, args: t.Args, env: t.Environ(srv), dir: t.Dir, grace: cmp.Or(t.Grace, DefaultGrace)}, limit)
	did.Status, did.Signal, did.Killed, did.Took, did.Output = o.status, o.signal, o.killed, o.took, o.output
	if o.err != nil {
		return fail("%w", o.err)
	}
	if o.killed {
		did.Overdue = began.Add(limit)
	}
	did.Sessions, did.forgotten = settled(srv, drops(cfg.Scenarios))
	if s != nil {
		did.idle = srv.Idle(s.Name)
	}
	return did
}

// log is what settled needs to know about a rig.
type log interface {
	Sessions() []*transcript.Session
	SessionsSince(n uint64) (ended []*transcript.Session, next uint64, more <-chan struct{})
}

// settled waits a short time for every session to end. It returns the sessions that are kept, and how many aren't.
func settled(rig log, drops bool) (kept []*transcript.Session, forgotten int) {
	began := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		<-tick.C
		_, ended, _ := rig.SessionsSince(math.MaxUint64) // first, because a session that ends meanwhile isn't forgotten
		all := rig.Sessions()
		open := 0
		for _, s := range all {
			if s.End.IsZero() {
				open++
			}
		}
		waited := time.Since(began)
		if waited > afterTime || open == 0 && (len(all) > 0 || waited > acceptTime) && (!drops || waited > knockTime) {
			return all, max(0, int(ended)-(len(all)-open))
		}
	}
}

// drops reports whether any door drops connections.
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
