package server

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/active"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/httpapi"
	"github.com/mailrig/mailrig/scenarios"
)

// away is the state that several servers share, while it can't be reached.
type away struct{ active.Scenarios }

var errAway = errors.New("nobody answers")

func (away) Plan(context.Context) (*fault.Plan, error)             { return nil, errAway }
func (away) Own(context.Context, string) (*fault.Plan, error)      { return nil, errAway }
func (away) Users(context.Context) (map[string]*fault.Plan, error) { return nil, errAway }

// TestWhatIsActiveCantBeTold checks that the server is a correct one, and logs this once, if nobody can say what is
// active.
func TestWhatIsActiveCantBeTold(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	s, err := New(Config{Domain: "example.test", Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	there := s.active.Scenarios
	s.active.Scenarios = away{there}
	for range 2 {
		if len(s.Active())+len(s.ActiveByUser())+len(s.ActiveFor("alice")) != 0 {
			t.Error("something is active, and nobody knows it")
		}
		if c := s.active.plan(t.Context()).Conn(25, "smtp", netip.MustParseAddr("127.0.0.1")); c != nil {
			t.Error("a connection is touched")
		}
	}
	lines := func() int { return strings.Count(log.String(), errAway.Error()) }
	if n := lines(); n != 1 {
		t.Errorf("logged %d times:\n%s", n, &log)
	}
	s.active.Scenarios = there
	s.Active()
	s.active.Scenarios = away{there}
	s.Active()
	if n := lines(); n != 2 {
		t.Errorf("it failed again, and was logged %d times", n)
	}
}

// shout is a kind of fault that exists only here.
type shout struct {
	Text string `yaml:"text" doc:"what is shouted"`
}

func (*shout) Kind() fault.Kind {
	return fault.Kind{Name: "shout", Doc: "The server shouts.", Example: "{text: no}", New: func() fault.Fault { return new(shout) }}
}

func (f *shout) Command(a *fault.Answer, _ *fault.Event, _ fault.Counts) bool {
	a.Reply = "250 " + strings.ToUpper(f.Text)
	return true
}

// TestAnotherKindOfFault checks that a rig may have kinds of faults that mailrig lacks: its API accepts them, and
// clients meet them.
func TestAnotherKindOfFault(t *testing.T) {
	t.Parallel()
	grammar := scenarios.Standard()
	grammar.Kinds = append(grammar.Kinds, (*shout)(nil).Kind())
	s, err := New(Config{Domain: "example.test", PortOffset: "random", Grammar: grammar})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	yaml := []byte("name: loud\ntitle: t\nstory: s\nrules: [{match: {command: NOOP}, shout: {text: quiet}}]\n")
	if _, err := (rig{s}).Use("", nil, []httpapi.Inline{{File: "loud.yaml", YAML: yaml}}); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(s.Doors(), func(d Door) bool { return d.Port == 25 })
	conn, err := net.Dial("tcp", s.Doors()[i].Address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	in := bufio.NewReader(conn)
	for _, step := range []struct{ say, want string }{{"", "220 "}, {"NOOP\r\n", "250 QUIET\r\n"}} {
		if _, err := io.WriteString(conn, step.say); err != nil {
			t.Fatal(err)
		}
		if got, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(got, step.want) {
			t.Errorf("%q: got %q, %v, want %q", step.say, got, err, step.want)
		}
	}
}
