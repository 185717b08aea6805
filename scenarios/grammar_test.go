package scenarios

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/protocol"
)

// Shout is a kind of fault that exists only here. It answers in capitals.
type Shout struct {
	fault.Texts `gopher:"what is said aloud"`
	Again       int `yaml:"again" doc:"how often more"`
}

func (*Shout) Kind() fault.Kind {
	return fault.Kind{Name: "shout", Doc: "The server shouts.", Example: `{smtp: "550 no"}`, New: func() fault.Fault { return new(Shout) }, ForUser: fault.ByCommand}
}

func (f *Shout) Validate() error {
	if f.Again < 0 {
		return errors.New("again: can't be negative")
	}
	return nil
}

func (f *Shout) Command(a *fault.Answer, e *fault.Event, _ fault.Counts) bool {
	a.Reply = strings.Repeat(strings.ToUpper(f.For(e.Protocol)), 1+f.Again)
	return a.Reply != ""
}

func (f *Shout) Waits() time.Duration { return time.Second }

// gopher is a protocol that exists only here. A reply begins with "aye" or "nay".
var gopher = &protocol.Protocol{
	Name: "gopher", Replies: gopherReplies{},
	Words: protocol.Words{{Verb: "DIG"}},
	Doors: []protocol.Door{{Port: 70, Service: "gopher"}},
}

type gopherReplies struct{ protocol.Replies }

func (gopherReplies) Check(text string, _ bool) error {
	if !strings.HasPrefix(text, "aye") && !strings.HasPrefix(text, "nay") {
		return errors.New("a gopher says aye or nay")
	}
	return nil
}
func (gopherReplies) Positive(text string) bool { return strings.HasPrefix(text, "aye") }

func withGopher() *Grammar {
	g := Standard()
	g.Kinds = append(g.Kinds, (*Shout)(nil).Kind())
	g.Protocols = append(g.Protocols, gopher)
	return g
}

const gopherRules = `rules:
  - {match: {door: 70}, greeting: {gopher: aye hello}}
  - {match: {protocol: gopher, command: DIG, user: alice}, times: 1, reply: nay hole}
  - {match: {door: 70, command: DIG}, delay-reply: 3s}
  - {match: {door: 70, command: DIG}, say: {gopher: hm, smtp: hm}}
  - {match: {command: [DIG, MAIL]}, shout: {gopher: no way, smtp: 550 no, again: 1}}
  - {match: {door: 70}, login: {gopher: nay}}
`

// TestAnotherGrammar checks that a rig may have another protocol and another kind of fault. Everything that a scenario
// can do about replies, greetings and delays works there, and nothing has to know them.
func TestAnotherGrammar(t *testing.T) {
	t.Parallel()
	g := withGopher()
	s, err := g.Parse("x.yaml", []byte(head+gopherRules))
	if err != nil {
		t.Fatal(err)
	}
	plan := Compile([]*Scenario{s})
	c := plan.Conn(70, "gopher", netip.MustParseAddr("127.0.0.1"))
	if got := c.Greeting(); got.Line != "aye hello" || got.By != "x" {
		t.Errorf("greeting: %+v", got)
	}
	c.Event.Command, c.User = "DIG", "alice"
	for _, want := range []string{"nay hole", "NO WAYNO WAY"} {
		a := c.Command()
		if a.Reply != want {
			t.Errorf("reply: %+v, want %q", a, want)
		}
	}
	c.User = ""
	if a := c.Command(); a.Delay != 3*time.Second || len(a.Say) != 1 || a.Say[0].Text != "hm" {
		t.Errorf("delay and say: %+v", a)
	}
	if r := &s.Rules[4]; !r.ForUser() || r.Waits() != time.Second || r.Kind() != "shout" {
		t.Errorf("the kind isn't asked: %v %v %v", r.ForUser(), r.Waits(), r.Kind())
	}

	words := strings.Join(strings.Fields(s.Explain()), " ")
	for _, want := range []string{
		"On door 70: the server greets with this line (aye hello).",
		"On every door, when the client sends DIG or MAIL: the server shouts (smtp: 550 no; gopher: no way; again: 1).",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("not explained: %s\nin %s", want, words)
		}
	}
	schema := string(g.JSONSchema())
	for _, want := range []string{`"shout"`, "what is said aloud", "smtp, imap, pop3 or gopher"} {
		if !strings.Contains(schema, want) {
			t.Errorf("the schema lacks %s", want)
		}
	}
}

// TestTheLoaderAsksTheProtocols checks that the loader asks the protocols what can be matched, hidden and cut, and
// knows none of them by name.
func TestTheLoaderAsksTheProtocols(t *testing.T) {
	t.Parallel()
	p := *gopher
	p.Title, p.Receives, p.Mailboxes, p.Capabilities = "Gopher", true, true, []string{"DEEP"}
	g := Standard()
	g.Protocols = append(g.Protocols, &p)
	for rule, want := range map[string]string{
		"{match: {door: 70, mailbox: Den}, delay-reply: 1s}": "",
		"{match: {door: 70}, hide: [DEEP]}":                  "",
		"{match: {door: 70}, cut: {in: download}}":           "",
		"{match: {door: 25, mailbox: Den}, delay-reply: 1s}": "mailbox is known in IMAP and Gopher only, and the rule only meets smtp",
		"{match: {door: 70, sender: me}, delay-reply: 1s}":   "sender is known in SMTP only, and the rule only meets gopher",
		"{match: {door: 70}, hide: [DEPE]}":                  "did you mean DEEP?",
		"{match: {door: 70}, cut: {in: upload}}":             "does something in smtp and imap only",
		"{match: {door: 70}, limit-recipients: 1}":           "does something in smtp only",
	} {
		_, err := g.Parse("x.yaml", []byte(head+"rules: ["+rule+"]"))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s\ngot  %v\nwant %s", rule, err, want)
		}
	}
}

// TestMistakesInAnotherGrammar checks that mistakes in another grammar are reported as in the standard one.
func TestMistakesInAnotherGrammar(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]string{
		"{match: {door: 70}, greeting: {gohper: aye}}":                     `greeting has no key "gohper"; did you mean gopher?`,
		"{match: {door: 70}, greeting: {gopher: hello}}":                   "greeting: a gopher says aye or nay",
		"{match: {door: 70}, greeting: {smtp: 220 hello}}":                 "does something in smtp only",
		"{match: {door: 70, command: RCPT}, delay-reply: 1s}":              "RCPT is a command of smtp, and the rule only meets gopher",
		"{match: {door: 25, command: DIG}, delay-reply: 1s}":               "DIG is a command of gopher, and the rule only meets smtp",
		"{match: {door: 70}, login: {gopher: aye}}":                        `gopher: "aye" wouldn't refuse the login`,
		"{match: {door: 71}, delay-reply: 1s}":                             "the doors are 25, 70, 110",
		"{match: {protocol: gophr}, delay-reply: 1s}":                      "did you mean gopher?",
		"{match: {command: DIG}, shout: {again: -1}}":                      "shout: again: can't be negative",
		"{match: {command: DIG}, shuot: {gopher: no}}":                     "did you mean shout?",
		"{match: {command: DIG}, say: {}}":                                 "say: give lines for at least one of smtp, imap, pop3 and gopher",
		"{match: {door: 70, command: DIG}, shout: {smtp: a, pop3: b}}":     "does something in smtp and pop3 only",
		"{match: {door: 70}, per: user, shout: {gopher: a, again: \"1\"}}": "has nothing to count",
	} {
		_, err := withGopher().Parse("x.yaml", []byte(head+"rules: ["+rule+"]"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", rule, err, want)
		}
	}
	_, err := Parse("x.yaml", []byte(head+gopherRules))
	if err == nil || !strings.Contains(err.Error(), "70 isn't a door") || !strings.Contains(err.Error(), `no key "shout"`) {
		t.Errorf("the standard grammar knows what it can't: %v", err)
	}
	if slices.ContainsFunc(fault.Kinds(), func(k fault.Kind) bool { return k.Name == "shout" }) {
		t.Error("the product's kinds have changed")
	}
}
