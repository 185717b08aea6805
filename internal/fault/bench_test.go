package fault

import (
	"net/netip"
	"testing"
)

// BenchmarkCommand measures what the gate asks at each command. Without an active scenario this costs next to nothing.
func BenchmarkCommand(b *testing.B) {
	client := netip.MustParseAddr("127.0.0.1")
	rcpt := Match{Command: []string{"RCPT"}}
	var elsewhere []Rule
	for range 20 {
		elsewhere = append(elsewhere, Rule{Match: Match{Door: []int{587}}, Fault: &DelayReply{1}})
	}
	for _, c := range []struct {
		name string
		plan *Plan
	}{
		{"none", nil},
		{"elsewhere", plan(elsewhere...)},
		{"another command", plan(Rule{Match: rcpt, Fault: &DelayReply{1}})},
	} {
		b.Run(c.name, func(b *testing.B) {
			conn := c.plan.Conn(25, "smtp", client)
			b.ReportAllocs()
			for b.Loop() {
				if conn.Active() {
					conn.Event.Command = "NOOP"
				}
				conn.Command()
				conn.Edits()
			}
		})
	}
	b.Run("acts once per connection", func(b *testing.B) {
		conn := plan(Rule{Match: rcpt, Times: 1, Per: PerConnection, Fault: &DelayReply{1}}).Conn(25, "smtp", client)
		conn.Event.Command = "RCPT"
		b.ReportAllocs()
		for b.Loop() {
			conn.Command()
		}
	})
	b.Run("acts once per client", func(b *testing.B) {
		conn := plan(Rule{Match: rcpt, Times: 1, Per: PerClient, Fault: &DelayReply{1}}).Conn(25, "smtp", client)
		conn.Event.Command = "RCPT"
		b.ReportAllocs()
		for b.Loop() {
			conn.Command()
		}
	})
}

func BenchmarkAccept(b *testing.B) {
	client := netip.MustParseAddr("127.0.0.1")
	p := plan()
	b.ReportAllocs()
	for b.Loop() {
		c := p.Shared(25, "smtp", client, Users{})
		c.Accept(true)
		c.Phase(false)
		c.Greeting()
		c.Close()
	}
}
