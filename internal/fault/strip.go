package fault

// Strip removes capabilities from the lists, as a middlebox does. The server still serves a client that uses them.
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

// Validate requires at least one name.
func (f *Strip) Validate() error { return someNames(*f) }

// Capability implements CapabilityStage.
func (f *Strip) Capability(name string) CapabilityFate {
	if covers(*f, name) {
		return CapabilityStripped
	}
	return CapabilityShown
}

// Conceals implements Concealer. A name that no server advertises is probably misspelt.
func (f *Strip) Conceals() []string { return *f }

// CheckRule refuses counters.
func (f *Strip) CheckRule(r *Rule) error { return r.uncounted() }
