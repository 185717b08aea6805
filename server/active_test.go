package server

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/active"
	"github.com/mailrig/mailrig/internal/fault"
)

// away is what several servers share, when it can't be reached.
type away struct{ active.Scenarios }

var errAway = errors.New("nobody answers")

func (away) Plan(context.Context) (*fault.Plan, error)             { return nil, errAway }
func (away) Own(context.Context, string) (*fault.Plan, error)      { return nil, errAway }
func (away) Users(context.Context) (map[string]*fault.Plan, error) { return nil, errAway }

// Where nobody can tell what is active, the server is a correct one, and says so once.
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
