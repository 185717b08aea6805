package fault

import (
	"fmt"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/protocol/imap"
	"github.com/mailrig/mailrig/internal/protocol/smtp"
)

// TestFirstRuleWins checks the one rule for all kinds: of two rules that fit and decide the same, the first one wins, and
// the second isn't counted. Without the first one the second acts.
func TestFirstRuleWins(t *testing.T) {
	t.Parallel()
	oauth := func(f *OAuth) Fault {
		if err := f.ValidateFor(Protocols{smtp.Protocol, imap.Protocol}); err != nil {
			t.Fatal(err)
		}
		return f
	}
	text := func(s string) Texts { return Texts{"smtp": s} }
	command := Match{Command: []string{"RCPT"}}
	for name, tc := range map[string]struct {
		match         Match
		first, second Fault
		ask           func(c *Conn) any
	}{
		"connect":     {first: &Connect{"close"}, second: &Connect{"reset"}, ask: func(c *Conn) any { m, _ := c.Accept(true); return m }},
		"drip":        {first: &Drip{1, time.Second}, second: &Drip{2, time.Minute}, ask: func(c *Conn) any { p := c.Pace(); return []any{p.Bytes, p.Every} }},
		"security":    {first: &Security{SpeakTLS}, second: &Security{SpeakClear}, ask: func(c *Conn) any { m, _ := c.First(); return m }},
		"certificate": {first: &Certificate{"expired"}, second: &Certificate{"wrong-host"}, ask: func(c *Conn) any { return c.TLS().Certificate }},
		"tls": {first: &TLSDemands{Max: "1.1"}, second: &TLSDemands{Min: "1.3"}, ask: func(c *Conn) any {
			t := c.TLS()
			return []any{t.MinVersion, t.MaxVersion}
		}},
		"handshake": {first: &Handshake{Fate: HandshakeStall}, second: &Handshake{Fate: HandshakeAlert, Alert: 40}, ask: func(c *Conn) any {
			t := c.TLS()
			return []any{t.Handshake, t.Alert}
		}},
		"preauth":      {first: &Preauth{"alice"}, second: &Preauth{"bob"}, ask: func(c *Conn) any { return c.Start().User }},
		"greeting":     {first: &Greeting{Texts: text("220 a")}, second: &Greeting{Texts: text("220 b")}, ask: func(c *Conn) any { return c.Greeting().Line }},
		"capabilities": {first: &Capabilities{Lists{"smtp": {"A"}}}, second: &Capabilities{Lists{"smtp": {"B"}}}, ask: func(c *Conn) any { l, _ := c.Capabilities([]string{"X"}); return l }},
		"starttls":     {first: &StartTLS{Texts: text("250 a")}, second: &StartTLS{Texts: text("250 b")}, ask: func(c *Conn) any { return c.Upgrade().Inject }},
		"reply":        {match: command, first: &Reply{Texts: text("451 a")}, second: &Reply{Texts: text("451 b")}, ask: func(c *Conn) any { return c.Command().Answer }},
		"end":          {match: command, first: &EndConnection{EndReset}, second: &Reply{Texts: text("451 b")}, ask: func(c *Conn) any { return c.Command().Answer }},
		"rate-limit":   {match: command, first: &RateLimit{Max: 0, Within: time.Hour, Texts: text("451 a")}, second: &ReplaceReply{Texts: text("451 b")}, ask: func(c *Conn) any { return c.Command().Answer }},
		"cut":          {first: &CutMessage{How: EndClose}, second: &CutMessage{How: EndReset}, ask: func(c *Conn) any { return c.Cut(InUpload).End }},
		"login": {first: &Login{Texts: text("535 a")}, second: &Login{Texts: text("535 b")}, ask: func(c *Conn) any {
			return fmt.Sprint(c.Login(identity.Attempt{Mechanism: "PLAIN"}).Replies)
		}},
		"oauth": {first: oauth(&OAuth{}), second: oauth(&OAuth{Challenge: "{}"}), ask: func(c *Conn) any {
			return c.Login(identity.Attempt{Mechanism: "XOAUTH2"}) != nil
		}},
		"oauth refused": {first: oauth(&OAuth{Challenge: "{}"}), second: oauth(&OAuth{}), ask: func(c *Conn) any {
			return c.Login(identity.Attempt{Mechanism: "XOAUTH2"}) != nil
		}},
		"size-limit":       {first: &SizeLimit{200}, second: &SizeLimit{100}, ask: func(c *Conn) any { return c.Limits().MessageBytes }},
		"limit-recipients": {first: &LimitRecipients{20}, second: &LimitRecipients{10}, ask: func(c *Conn) any { return c.Limits().Recipients }},
		"folders":          {first: &Folders{"A"}, second: &Folders{"B"}, ask: func(c *Conn) any { f, _ := c.Folders(); return f }},
		"hierarchy": {first: &Hierarchy{Delimiter: "."}, second: &Hierarchy{Delimiter: "^"}, ask: func(c *Conn) any {
			d, _, _, _ := c.Hierarchy()
			return d
		}},
		"fill": {first: &Fill{Messages: 1}, second: &Fill{Messages: 2}, ask: func(c *Conn) any { f, _ := c.Fill(); return f.Messages }},
		"renumber": {first: &Renumber{1}, second: &Renumber{2}, ask: func(c *Conn) any {
			n, _ := c.Renumber()
			return n
		}},
		"bounce": {first: &BounceLater{SMTP: "550 a"}, second: &BounceLater{SMTP: "550 b"}, ask: func(c *Conn) any { b, _ := c.Bounce("a@b"); return b.Text }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ask := func(rules ...Fault) (answer string, p *Plan) {
				var list []Rule
				for i, f := range rules {
					list = append(list, Rule{Scenario: fmt.Sprint(i), Match: tc.match, Fault: f})
				}
				p = plan(list...)
				c := p.Conn(25, "smtp", localhost)
				c.Event.Command = "RCPT"
				return fmt.Sprint(tc.ask(c)), p
			}
			one, _ := ask(tc.first)
			two, _ := ask(tc.second)
			if both, _ := ask(tc.first, tc.second); one == two || both != one {
				t.Errorf("the first alone: %s, the second alone: %s, both: %s", one, two, both)
			}
		})
	}
}

// TestLosersAreNotCounted checks that a rule that didn't have its turn keeps its times.
func TestLosersAreNotCounted(t *testing.T) {
	t.Parallel()
	p := plan(
		Rule{Scenario: "a", Times: 1, Fault: &Certificate{"expired"}},
		Rule{Scenario: "b", Times: 1, Fault: &Certificate{"wrong-host"}},
		Rule{Scenario: "c", Times: 1, Fault: &Greeting{Texts: Texts{"smtp": "220 c"}}},
		Rule{Scenario: "d", Times: 1, Fault: &Greeting{Texts: Texts{"smtp": "220 d"}}},
	)
	for _, want := range []string{"expired 220 c", "wrong-host 220 d", " "} {
		c := p.Conn(25, "smtp", localhost)
		if got := c.TLS().Certificate + " " + c.Greeting().Line; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestTogether checks what all rules do together, whatever their order.
func TestTogether(t *testing.T) {
	t.Parallel()
	command := Match{Command: []string{"RCPT"}}
	c := plan(
		Rule{Match: command, Fault: &Reply{Texts: Texts{"smtp": "451 x"}}},
		Rule{Match: command, Fault: &DelayReply{time.Second}},
		Rule{Match: command, Fault: &Say{Texts{"smtp": "250-a"}}},
		Rule{Match: command, Fault: &DelayReply{time.Minute}},
		Rule{Match: command, Fault: &Say{Texts{"smtp": "250-b"}}},
		Rule{Fault: &Add{Lists{"smtp": {"B"}}}},
		Rule{Fault: &Capabilities{Lists{"smtp": {"A"}}}},
		Rule{Fault: &Add{Lists{"smtp": {"C"}}}},
		Rule{Fault: &Strip{"SIZE"}},
		Rule{Fault: &Hide{"SIZE"}},
	).Conn(25, "smtp", localhost)
	c.Event.Command = "RCPT"
	if a := c.Command(); a.Reply != "451 x" || a.Delay != time.Minute+time.Second || len(a.Say) != 2 {
		t.Errorf("%+v", a)
	}
	if list, _ := c.Capabilities([]string{"SIZE"}); fmt.Sprint(list) != "[A B C]" {
		t.Errorf("%v", list)
	}
	if fate, _ := c.Capability("SIZE"); fate != CapabilityHidden {
		t.Errorf("fate %v", fate)
	}
}
