package fault

// Strip takes capabilities out of the lists, as a middlebox does; the server
// still serves who asks.
type Strip []string

// Kind implements Fault.
func (*Strip) Kind() Kind {
	return Kind{
		Name:    "strip",
		Doc:     "Something on the path removes these capabilities from the lists; the server would still serve them.",
		Example: "[STARTTLS]",
		New:     func() Fault { return new(Strip) },
		ForUser: Always,
	}
}

// Validate wants at least one name.
func (f *Strip) Validate() error { return someNames(*f) }

// Capability implements CapabilityStage.
func (f *Strip) Capability(name string) CapabilityFate {
	if covers(*f, name) {
		return CapabilityStripped
	}
	return CapabilityShown
}

// Conceals implements Concealer; a name that no server has is a slip of the pen.
func (f *Strip) Conceals() []string { return *f }

// CheckRule refuses counters.
func (f *Strip) CheckRule(r *Rule) error { return r.uncounted() }
