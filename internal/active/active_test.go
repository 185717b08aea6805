package active

import (
	"fmt"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/scenarios"
)

var client = netip.MustParseAddr("127.0.0.1")

// one returns a scenario that refuses only the first RCPT.
func one(t *testing.T, name string) []*scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Parse(name, []byte("name: "+name+"\ntitle: t\nstory: s\nrules: [{match: {command: RCPT}, times: 1, reply: \"451 x\"}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	return []*scenarios.Scenario{s}
}

// acts reports whether the plan refuses an RCPT.
func acts(p *fault.Plan) bool {
	c := p.Conn(25, "smtp", client)
	if c == nil {
		return false
	}
	c.Event.Command = "RCPT"
	return c.Command().Reply != ""
}

func TestScenarios(t *testing.T) { each(t, switching) }

func switching(t *testing.T, m Scenarios) {
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	plan := func() *fault.Plan { p, err := m.Plan(ctx); must(err); return p }
	own := func(user string) *fault.Plan { p, err := m.Own(ctx, user); must(err); return p }

	if acts(plan()) || own("alice@x") != nil {
		t.Error("something is active from the beginning")
	}
	must(m.Use(ctx, one(t, "all")))
	must(m.UseFor(ctx, "Alice@x", one(t, "mine")))
	before := plan()
	for name, p := range map[string]*fault.Plan{"all": before, "mine": own("aLICE@X")} {
		if fmt.Sprint(p.Scenarios()) != "["+name+"]" || !acts(p) || acts(p) {
			t.Errorf("%s: %v acts otherwise than once", name, p.Scenarios())
		}
	}
	if own("bob@x") != nil {
		t.Error("bob has what alice has")
	}
	must(m.Restart(ctx))
	if idle := plan().Idle("all"); len(idle) > 0 {
		t.Errorf("a restart forgets that the rules %v have acted", idle)
	}
	if !acts(plan()) || !acts(own("alice@x")) || acts(before) {
		t.Error("counters don't begin at zero, or those of a connection from before do")
	}
	acts(plan())
	must(m.RestartFor(ctx, "ALICE@x"))
	must(m.RestartFor(ctx, "nobody@x"))
	if !acts(own("alice@x")) || acts(plan()) || own("nobody@x") != nil {
		t.Error("a restart for one user is one for others, or none")
	}
	users, err := m.Users(ctx)
	if err != nil || len(users) != 1 || users["alice@x"] != own("alice@x") {
		t.Errorf("users: %v, %v", users, err)
	}
	must(m.UseFor(ctx, "alice@x", nil))
	must(m.Use(ctx, nil))
	if acts(plan()) || own("alice@x") != nil {
		t.Error("what has ended is active")
	}
}

func TestUsersAreBounded(t *testing.T) {
	t.Parallel()
	m, list := NewMemory(slog.New(slog.DiscardHandler), 1), one(t, "x")
	full := map[string]*choice{}
	for i := range maxUsers {
		full[fmt.Sprint(i)] = nil
	}
	m.users.Store(&full)
	if err := m.UseFor(t.Context(), "another", list); err == nil {
		t.Error("one user too many is taken")
	}
	if err := m.UseFor(t.Context(), "1", list); err != nil {
		t.Errorf("a user who is there already is refused: %v", err)
	}
}
