package fault

// Add advertises capabilities that the server may not have.
type Add struct {
	Lists `smtp:"lines of the EHLO reply, without code" imap:"capability names" pop3:"lines of the CAPA reply"`
}

// Kind implements Fault.
func (*Add) Kind() Kind {
	return Kind{
		Name:    "add",
		Doc:     "The server also advertises these, whether or not it supports them.",
		Example: "{smtp: [AUTH GSSAPI]}",
		New:     func() Fault { return new(Add) },
		ForUser: Always,
	}
}

// ValidateFor requires at least one list.
func (f *Add) ValidateFor(among Protocols) error { return some(f.Lists, among, "a list") }

// Instead implements ListStage.
func (f *Add) Instead(string) []string { return nil }

// Besides implements ListStage.
func (f *Add) Besides(protocol string) []string { return f.For(protocol) }

// Advertised implements Advertiser.
func (f *Add) Advertised() Lists { return f.Lists }

// CheckRule refuses counters.
func (f *Add) CheckRule(r *Rule) error { return r.uncounted() }
