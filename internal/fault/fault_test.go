package fault

import (
	"net/netip"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/protocol/imap"
	"github.com/mailrig/mailrig/internal/protocol/pop3"
	"github.com/mailrig/mailrig/internal/protocol/smtp"
)

var localhost = netip.MustParseAddr("127.0.0.1")

func plan(rules ...Rule) *Plan { return Compile([]string{"test"}, rules) }

// hits returns how many of each commands on each of conns connections are answered, with all connections at once.
func hits(p *Plan, conns, each int) int {
	var n atomic.Int64
	var wg sync.WaitGroup
	for range conns {
		wg.Go(func() {
			c := p.Conn(25, "smtp", localhost)
			if c == nil {
				return
			}
			defer c.Close()
			for range each {
				c.Event.Command = "RCPT"
				c.Sender, c.Recipient, c.User = "a@b", "c@d", "alice"
				if c.Command().Reply != "" {
					n.Add(1)
				}
			}
		})
	}
	wg.Wait()
	return int(n.Load())
}

func TestCountersAreExact(t *testing.T) {
	t.Parallel()
	reply := &Reply{Texts: Texts{"smtp": "451 4.7.1 no"}}
	rcpt := Match{Command: []string{"RCPT"}}
	for name, tc := range map[string]struct {
		rule Rule
		want int
	}{
		"always":                    {Rule{Match: rcpt, Fault: reply}, 64 * 10},
		"once":                      {Rule{Match: rcpt, Times: 1, Fault: reply}, 1},
		"skip 5, times 7":           {Rule{Match: rcpt, Skip: 5, Times: 7, Fault: reply}, 7},
		"skip all but 3":            {Rule{Match: rcpt, Skip: 637, Fault: reply}, 3},
		"twice per connection":      {Rule{Match: rcpt, Times: 2, Per: PerConnection, Fault: reply}, 128},
		"skip 9 per connection":     {Rule{Match: rcpt, Skip: 9, Per: PerConnection, Fault: reply}, 64},
		"once per envelope":         {Rule{Match: rcpt, Times: 1, Per: PerEnvelope, Fault: reply}, 1},
		"once per client":           {Rule{Match: rcpt, Times: 1, Per: PerClient, Fault: reply}, 1},
		"once per user":             {Rule{Match: rcpt, Times: 1, Per: PerUser, Fault: reply}, 1},
		"another command":           {Rule{Match: Match{Command: []string{"DATA"}}, Times: 1, Fault: reply}, 0},
		"another door":              {Rule{Match: Match{Door: []int{587}}, Fault: reply}, 0},
		"another protocol's reply":  {Rule{Match: rcpt, Fault: &Reply{Texts: Texts{"imap": "NO x"}}}, 0},
		"another client":            {Rule{Match: Match{Client: []string{"10.0.0.0/8"}}, Fault: reply}, 0},
		"this client's network":     {Rule{Match: Match{Client: []string{"127.0.0.0/8"}}, Times: 3, Fault: reply}, 3},
		"only in TLS":               {Rule{Match: Match{TLS: new(true)}, Fault: reply}, 0},
		"only in clear":             {Rule{Match: Match{TLS: new(false)}, Times: 1, Fault: reply}, 1},
		"pattern for the recipient": {Rule{Match: Match{Recipient: []string{"C@*"}}, Times: 1, Fault: reply}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := hits(plan(tc.rule), 64, 10); got != tc.want {
				t.Errorf("%d hits, want %d", got, tc.want)
			}
		})
	}
}

func TestConnectionsAreCountedOnce(t *testing.T) {
	t.Parallel()
	// Each connection asks at every stage, 64 at a time. The counters count connections.
	rules := []Rule{
		{Scenario: "accept", Skip: 3, Times: 5, Fault: &Connect{"reset"}},
		{Scenario: "tls", Skip: 3, Times: 5, Fault: &Handshake{Fate: HandshakeStall}},
		{Scenario: "greeting", Skip: 3, Times: 5, Fault: &Greeting{Texts: Texts{"smtp": "421 x"}}},
		{Scenario: "nth", Match: Match{Connection: []int{2, 7, 64, 65}, Command: []string{"RCPT"}}, Fault: &Reply{Texts: Texts{"smtp": "451 x"}}},
		{Scenario: "elsewhere", Match: Match{Connection: []int{1}, Door: []int{587}}, Fault: &Connect{"close"}},
	}
	p := plan(rules...)
	var accepted, tls, greeted, nth, elsewhere atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			c := p.Conn(25, "smtp", localhost)
			switch mode, _ := c.Accept(true); mode {
			case AcceptReset:
				accepted.Add(1)
			case AcceptClose:
				elsewhere.Add(1)
			}
			if c.TLS().Handshake != "" {
				tls.Add(1)
			}
			if c.Greeting().Line != "" {
				greeted.Add(1)
			}
			for range 3 {
				c.Event.Command = "RCPT"
				if c.Command().Reply != "" {
					nth.Add(1)
				}
			}
		})
	}
	wg.Wait()
	for name, got := range map[string]int64{"connect": accepted.Load(), "TLS": tls.Load(), "greeting": greeted.Load()} {
		if got != 5 {
			t.Errorf("%s acts on %d connections, want 5", name, got)
		}
	}
	if nth.Load() != 9 || elsewhere.Load() != 0 {
		t.Errorf("the second, 7th and 64th connection have %d of 9 commands answered, another door's rule acts %d times", nth.Load(), elsewhere.Load())
	}
}

func TestOrderAndCombination(t *testing.T) {
	t.Parallel()
	rcpt := Match{Command: []string{"RCPT"}}
	p := plan(
		Rule{Scenario: "slow", Match: rcpt, Fault: &DelayReply{2 * time.Second}},
		Rule{Scenario: "once", Match: rcpt, Times: 1, Fault: &Reply{Texts: Texts{"smtp": "451 first"}}},
		Rule{Scenario: "always", Match: rcpt, Fault: &Reply{Texts: Texts{"smtp": "550 second"}, Then: EndReset}},
		Rule{Scenario: "never reached", Match: rcpt, Times: 1, Fault: &Reply{Texts: Texts{"smtp": "421 third"}}},
	)
	c := p.Conn(25, "smtp", localhost)
	c.Event.Command = "RCPT"
	if a := c.Command(); a.Reply != "451 first" || a.By != "once" || a.Delay != 2*time.Second || a.DelayBy != "slow" || a.End != EndNone {
		t.Errorf("%+v", a)
	}
	if a := c.Command(); a.Reply != "550 second" || a.End != EndReset || a.By != "always" {
		t.Errorf("%+v", a)
	}
}

func TestConnOfAnUntouchedDoorIsNilAndHarmless(t *testing.T) {
	t.Parallel()
	for _, p := range []*Plan{nil, plan(Rule{Match: Match{Door: []int{587}}, Fault: &Reply{Texts: Texts{"smtp": "451 x"}}})} {
		c := p.Conn(25, "smtp", localhost)
		if c != nil {
			t.Fatal("a door that no rule can touch has a Conn")
		}
		mode, _ := c.Accept(true)
		fate, _ := c.Capability("STARTTLS")
		if mode != AcceptServe || fate != CapabilityShown || c.Login(identity.Attempt{}) != nil ||
			!reflect.DeepEqual(c.Command(), Action{}) || c.TLS() != (TLS{}) || c.Greeting() != (Greet{}) || c.Cut(InUpload) != (Cut{}) || c.Edits() {
			t.Error("a nil Conn does something")
		}
		c.Close()
	}
}

func TestListen(t *testing.T) {
	t.Parallel()
	p := plan(
		Rule{Scenario: "quiet", Match: Match{Door: []int{110}}, Fault: &Connect{"silent"}},
		Rule{Scenario: "blocked", Match: Match{Door: []int{25}}, Fault: &Connect{"drop"}},
		Rule{Scenario: "refused", Match: Match{Protocol: []string{"imap"}}, Fault: &Connect{"refuse"}},
	)
	for _, tc := range []struct {
		door     int
		protocol string
		want     ListenMode
		by       string
	}{{25, "smtp", ListenDrop, "blocked"}, {587, "smtp", ListenOpen, ""}, {143, "imap", ListenRefuse, "refused"}, {110, "pop3", ListenOpen, ""}} {
		if m, by := p.Listen(tc.door, tc.protocol, false); m != tc.want || by != tc.by {
			t.Errorf("%d: %q by %q", tc.door, m, by)
		}
	}
	if m, by := p.Conn(110, "pop3", localhost).Accept(true); m != AcceptSilent || by != "quiet" {
		t.Errorf("110: %q by %q", m, by)
	}
	// If connections can't be dropped, silence is the nearest thing.
	if m, _ := p.Conn(25, "smtp", localhost).Accept(true); m != AcceptServe {
		t.Errorf("25 with drop: %q", m)
	}
	if m, by := p.Conn(25, "smtp", localhost).Accept(false); m != AcceptSilent || by != "blocked" {
		t.Errorf("25 without drop: %q by %q", m, by)
	}
}

func TestCapability(t *testing.T) {
	t.Parallel()
	p := plan(
		Rule{Scenario: "strip", Fault: &Strip{"STARTTLS", "AUTH"}},
		Rule{Scenario: "hide", Match: Match{Protocol: []string{"pop3"}}, Fault: &Hide{"STARTTLS"}},
	)
	for _, tc := range []struct {
		protocol, name string
		want           CapabilityFate
	}{
		{"smtp", "STARTTLS", CapabilityStripped}, {"pop3", "STLS", CapabilityHidden}, {"imap", "AUTH=PLAIN", CapabilityStripped},
		{"pop3", "SASL", CapabilityStripped}, {"imap", "IDLE", CapabilityShown}, {"smtp", "auth", CapabilityStripped},
	} {
		if f, _ := p.Conn(1, tc.protocol, localhost).Capability(tc.name); f != tc.want {
			t.Errorf("%s %s: %v", tc.protocol, tc.name, f)
		}
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	p := plan(
		Rule{Scenario: "pop only", Fault: &Login{Texts: Texts{"pop3": "-ERR [IN-USE] x"}}},
		Rule{Scenario: "bob", Match: Match{User: []string{"bob@*"}}, Times: 1, Fault: &Login{Texts: Texts{"smtp": "535 x", "imap": "NO x"}}},
	)
	if r := p.Conn(25, "smtp", localhost).Login(identity.Attempt{User: "alice@x"}); r != nil {
		t.Errorf("alice: %+v", r)
	}
	if r := p.Conn(25, "smtp", localhost).Login(identity.Attempt{User: "bob@x"}); r == nil || r.Replies["smtp"] != "535 x" || r.Injected != "bob" {
		t.Errorf("bob: %+v", r)
	}
	if r := p.Conn(25, "smtp", localhost).Login(identity.Attempt{User: "bob@x"}); r != nil {
		t.Errorf("bob again: %+v", r)
	}
	if r := p.Conn(110, "pop3", localhost).Login(identity.Attempt{User: "alice@x"}); r == nil || r.Injected != "pop only" {
		t.Errorf("pop3: %+v", r)
	}
}

func TestEditCountsReplies(t *testing.T) {
	t.Parallel()
	e := &EditReply{Find: "^(\\d+) .*", Put: "$1 x"}
	if err := e.Validate(); err != nil {
		t.Fatal(err)
	}
	c := plan(Rule{Match: Match{Command: []string{"UIDL"}}, Skip: 1, Times: 1, Fault: e}).Conn(110, "pop3", localhost)
	for i, want := range []string{"1 a", "1 x", "1 a"} {
		c.Event.Command = "UIDL"
		c.Command()
		for range 3 {
			if got, _ := c.Edit([]byte("1 a")); string(got) != want {
				t.Errorf("reply %d: %q, want %q", i+1, got, want)
			}
		}
	}
}

func TestLimitConnections(t *testing.T) {
	t.Parallel()
	f := &LimitConnections{Max: 2}
	if err := f.ValidateFor(Protocols{smtp.Protocol, imap.Protocol, pop3.Protocol}); err != nil {
		t.Fatal(err)
	}
	rule := Rule{Scenario: "limit", Fault: f}
	p := plan(rule)
	in := func(user string) (*Conn, bool) {
		c := p.Conn(993, "imap", localhost)
		return c, c.Admit(identity.Attempt{User: user}) == nil
	}
	a, okA := in("alice")
	_, okB := in("Alice")
	_, okC := in("alice")
	_, okBob := in("bob")
	if !okA || !okB || okC || !okBob {
		t.Fatalf("first %v, second %v, third %v, somebody else %v", okA, okB, okC, okBob)
	}
	if a.Admit(identity.Attempt{User: "alice"}) != nil {
		t.Error("a connection that has its place is refused at its second login")
	}
	if a.Admit(identity.Attempt{User: "carol"}) != nil {
		t.Error("a connection that changes its user is refused")
	}
	if _, ok := in("carol"); !ok {
		t.Error("carol has one place of two")
	}
	if _, ok := in("carol"); ok {
		t.Error("a connection that changed its user isn't counted as the new one's")
	}
	if a.Admit(identity.Attempt{User: "alice"}) != nil {
		t.Error("alice's place wasn't given back")
	}
	a.Close()
	a.Close()
	if _, ok := in("alice"); !ok {
		t.Error("no place after one has left")
	}
	if _, ok := in("alice"); ok {
		t.Error("closing twice made room twice")
	}
	p = plan(rule)
	if _, ok := in("alice"); !ok {
		t.Error("a new plan has old counts")
	}
}

func TestEveryKindHasAnExampleAndWords(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, k := range Kinds() {
		if k.Name == "" || k.Doc == "" || k.Example == "" || seen[k.Name] {
			t.Errorf("%q lacks something, or comes twice: %+v", k.Name, k)
		}
		seen[k.Name] = true
		f := k.New()
		if f.Kind().Name != k.Name || k.New() == nil {
			t.Errorf("%s makes a fault of the kind %s", k.Name, f.Kind().Name)
		}
		if e, ok := f.(Explainer); ok && k.Name != "connect" && e.Explain() == "" {
			t.Errorf("%s explains nothing", k.Name)
		}
		switch f.(type) {
		case ListenStage, AcceptStage, PaceStage, FirstStage, TLSStage, AdmitStage, StartStage, GreetStage, CapabilityStage, ListStage, CommandStage,
			UpgradeStage, BodyStage, EditStage, FinalStage, LoginStage, LimitStage, FolderStage, BounceStage, PauseStage, SayStage, ExpiryStage, FailStage, DeliveryStage,
			HierarchyStage, FillStage, RenumberStage, MeanwhileStage, IdleStage, OfferStage, OnlyStage, ProofStage, IssueStage, ChallengeStage:
		default:
			t.Errorf("%s acts in no stage", k.Name)
		}
	}
}
