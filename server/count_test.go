package server_test

import (
	"bufio"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// TestCountersAreExactOnTheWire runs 64 clients at the same time, over real connections. Every counter must act exactly
// as often as it says.
func TestCountersAreExactOnTheWire(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{Scenarios: []*scenarios.Scenario{parse(t, "counted", `
  - match: {door: 25}
    skip: 2
    times: 5
    connect: close
  - match: {door: 2525}
    skip: 4
    times: 6
    greeting: {smtp: "421 4.3.2 no"}
  - match: {door: 143, connection: [3, 9]}
    login: wrong-password
  - match: {door: 587, command: NOOP}
    skip: 10
    times: 20
    reply: "451 shared"
  - match: {door: 110, command: NOOP}
    skip: 1
    times: 2
    per: connection
    reply: "-ERR each"
`)}})
	var closed, turnedAway, refused, shared, each atomic.Int64
	first := func(port int, lines ...string) []string {
		c, err := net.DialTimeout("tcp", addr(t, s, port), hang)
		if err != nil {
			t.Error(err)
			return nil
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(hang))
		r := bufio.NewReader(c)
		greeting, err := r.ReadString('\n')
		if err != nil {
			return []string{"closed"}
		}
		said := []string{greeting}
		for _, l := range lines {
			if _, err := c.Write([]byte(l + "\r\n")); err != nil {
				t.Error(err)
			}
			reply, err := r.ReadString('\n')
			if err != nil {
				t.Error(err)
			}
			said = append(said, reply)
		}
		return said
	}
	count := func(n *atomic.Int64, prefix string, said []string) {
		for _, line := range said {
			if strings.HasPrefix(line, prefix) {
				n.Add(1)
			}
		}
	}
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() { count(&closed, "closed", first(25)) })
		wg.Go(func() { count(&turnedAway, "421", first(2525)) })
		wg.Go(func() { count(&refused, "a NO", first(143, "a LOGIN x y")) })
		wg.Go(func() { count(&shared, "451 ", first(587, "NOOP", "NOOP")) })
		wg.Go(func() { count(&each, "-ERR each", first(110, "NOOP", "NOOP", "NOOP", "NOOP")) })
	}
	wg.Wait()
	for what, n := range map[string][2]int64{
		"connections closed": {closed.Load(), 5}, "greetings replaced": {turnedAway.Load(), 6}, "logins refused on the 3rd and 9th connection": {refused.Load(), 2},
		"commands refused of all": {shared.Load(), 20}, "commands refused per connection": {each.Load(), 128},
	} {
		if n[0] != n[1] {
			t.Errorf("%s: %d, want %d", what, n[0], n[1])
		}
	}
}
