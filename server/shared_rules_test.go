package server_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailrig/mailrig/server"
)

// TestSharedScenarios checks that rules act as often as they say over all servers of a database, wherever they were
// activated, and that what comes for the next connections does too.
func TestSharedScenarios(t *testing.T) {
	t.Parallel()
	db, cfg := inDatabase(t)
	rigs := []*server.Server{start(t, cfg), start(t, cfg)}
	busy := parse(t, "busy", "\n  - match: {door: 25, command: MAIL}\n    times: 5\n    reply: 451 busy\n")
	switched := func(want string) {
		t.Helper()
		for _, s := range rigs {
			until(t, "what is active", func() bool {
				names, left := s.Next("")
				return fmt.Sprint(s.Active(), names, left) == want
			})
		}
	}
	// refused counts the MAILs of 24 connections that are refused, at the servers in turn.
	refused := func() int64 {
		var no atomic.Int64
		var group sync.WaitGroup
		for i := range 24 {
			group.Go(func() {
				c := dial(t, rigs[i%len(rigs)], 25)
				defer c.Close()
				c.script(t, "", "220 ", "EHLO x", "250 ")
				if c.say("MAIL FROM:<a@b.test>", "250 ") != nil {
					no.Add(1)
				}
			})
		}
		group.Wait()
		return no.Load()
	}
	for i, s := range rigs {
		if _, err := s.Use(busy); err != nil {
			t.Fatal(err)
		}
		switched("[busy] [] 0")
		if n := refused(); n != 5 {
			t.Errorf("activated at server %d: %d are refused, want 5", i, n)
		}
		if n := refused(); n != 0 {
			t.Errorf("activated at server %d: %d more are refused", i, n)
		}
		if _, err := s.Use(); err != nil {
			t.Fatal(err)
		}
		switched("[] [] 0")
	}
	always := parse(t, "always", "\n  - match: {door: 25, command: MAIL}\n    reply: 451 busy\n")
	if _, err := rigs[1].UseNext(7, "", always); err != nil {
		t.Fatal(err)
	}
	switched("[] [always] 7")
	if n := refused(); n != 7 {
		t.Errorf("%d of the next 7 connections are refused", n)
	}
	switched("[] [] 0")

	// Without the database, a rule that counts doesn't act, and a door doesn't wait for it longer than it must.
	if _, err := rigs[0].Use(parse(t, "counted", "\n  - match: {door: 25, connection: [1, 2, 3, 4]}\n    greeting: {smtp: \"421 counted\"}\n")); err != nil {
		t.Fatal(err)
	}
	switched("[counted] [] 0")
	db.Crash(t)
	began := time.Now()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { dial(t, rigs[0], 25).script(t, "", "220 ") })
	}
	group.Wait()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("greetings come after %v", took)
	}
	db.Start(t)
}

// TestSharedCA checks that servers which start together on one database have one CA.
func TestSharedCA(t *testing.T) {
	t.Parallel()
	_, cfg := inDatabase(t)
	rigs := make([]*server.Server, 3)
	var group sync.WaitGroup
	for i := range rigs {
		group.Go(func() { rigs[i] = start(t, cfg) })
	}
	group.Wait()
	trusted := rigs[0].ClientTLS()
	for i, s := range rigs {
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: hang}, "tcp", addr(t, s, 993), trusted)
		if err != nil {
			t.Errorf("server %d: %v", i, err)
			continue
		}
		conn.Close()
	}
}
