package fault

// Capabilities replaces the whole capability list.
type Capabilities struct {
	Lists `smtp:"lines of the EHLO reply, without code" imap:"capability names" pop3:"lines of the CAPA reply"`
}

// Kind implements Fault.
func (*Capabilities) Kind() Kind {
	return Kind{
		Name:    "capabilities",
		Doc:     "The server advertises exactly this list, whatever it supports.",
		Example: "{imap: [IMAP4]}",
		New:     func() Fault { return new(Capabilities) },
		ForUser: Always,
	}
}

// ValidateFor requires at least one list.
func (f *Capabilities) ValidateFor(among Protocols) error { return some(f.Lists, among, "a list") }

// Instead implements ListStage.
func (f *Capabilities) Instead(protocol string) []string { return f.For(protocol) }

// Besides implements ListStage.
func (f *Capabilities) Besides(string) []string { return nil }

// Advertised implements Advertiser.
func (f *Capabilities) Advertised() Lists { return f.Lists }

// CheckRule refuses counters.
func (f *Capabilities) CheckRule(r *Rule) error { return r.uncounted() }
