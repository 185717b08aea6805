package fault

// Hide makes the server lack capabilities. It neither advertises nor serves them.
type Hide []string

// Kind implements Fault.
func (*Hide) Kind() Kind {
	return Kind{
		Name:    "hide",
		Doc:     "The server lacks these capabilities: it doesn't advertise them, and refuses their commands and parameters.",
		Example: "[STARTTLS]",
		New:     func() Fault { return new(Hide) },
		ForUser: Always,
	}
}

// Validate requires at least one name.
func (f *Hide) Validate() error { return someNames(*f) }

// Capability implements CapabilityStage.
func (f *Hide) Capability(name string) CapabilityFate {
	if covers(*f, name) {
		return CapabilityHidden
	}
	return CapabilityShown
}

// Conceals implements Concealer. A name that no server advertises is probably misspelt.
func (f *Hide) Conceals() []string { return *f }

// CheckRule refuses counters.
func (f *Hide) CheckRule(r *Rule) error { return r.uncounted() }
