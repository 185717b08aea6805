package fault

import "github.com/mailrig/mailrig/internal/protocol"

// Greeting replaces the server's greeting.
type Greeting struct {
	Texts
	Raw string `yaml:"raw" doc:"instead of these: exactly these bytes, in any protocol, with \\r\\n where a line ends"`
}

// Kind implements Fault.
func (*Greeting) Kind() Kind {
	return Kind{
		Name:    "greeting",
		Doc:     "The server greets with this line.",
		Example: `{smtp: "220 proxy.example ESMTP"}`,
		New:     func() Fault { return new(Greeting) },
	}
}

// ValidateFor checks that each text can be sent as a greeting.
func (f *Greeting) ValidateFor(among Protocols) error {
	if f.Raw != "" {
		return checkRaw(f.Raw, f.Texts, among)
	}
	if err := some(f.Texts, among, "a greeting"); err != nil {
		return err
	}
	return checkTexts(f.Texts, among, checkGreeting)
}

// Greet implements GreetStage.
func (f *Greeting) Greet(g *Greet, protocol string) bool {
	g.Line, g.Raw = f.For(protocol), f.Raw
	return g.Line+g.Raw != ""
}

// CheckRule refuses conditions that nobody can know yet.
func (f *Greeting) CheckRule(r *Rule) error { return r.early() }

// ActsIn implements Spoken. Raw bytes work in all protocols.
func (f *Greeting) ActsIn(p *protocol.Protocol) bool { return f.Raw != "" || f.Texts.ActsIn(p) }
