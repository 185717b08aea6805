package fault

// This file defines how a connection consults its rules.

// Act says that a rule acted at some moment.
type Act struct {
	Scenario string
	Rule     int    // the rule's index in the scenario, from 0
	Kind     string // kind of its fault
	Command  string // the command that it answers; "" if the moment isn't a command's
}

// acts reports that a rule acts now, and returns its scenario. Every answer of a Conn passes through here, except
// standing conditions: capabilities, limits, the form of names.
func (c *Conn) acts(r *rule) (by string) {
	if c.users.Acted != nil {
		c.users.Acted(Act{r.Scenario, r.place, r.Kind(), c.Event.Command})
	}
	return r.Scenario
}

// each calls do for every rule that matches now and has the stage S, in order, until do returns true. Counting is up to
// do.
func each[S any](c *Conn, do func(r *rule, s S) (enough bool)) {
	if c == nil {
		return
	}
	for _, r := range c.rules {
		if s, ok := r.Fault.(S); ok && r.Match.matches(&c.Event) && do(r, s) {
			return
		}
	}
}

// all lets every rule with the stage S change something, as its counters allow. It returns the scenario of the last
// one.
func all[S any](c *Conn, change func(S)) (by string) {
	each(c, func(r *rule, s S) bool {
		if r.take(c) {
			change(s)
			by = c.acts(r)
		}
		return false
	})
	return by
}

// first returns the answer of the first rule that has one and whose counters allow it, and the rule's scenario.
func first[S, A any](c *Conn, ask func(S) (A, bool)) (answer A, by string) {
	each(c, func(r *rule, s S) bool {
		a, ok := ask(s)
		if !ok || !r.take(c) {
			return false
		}
		answer, by = a, c.acts(r)
		return true
	})
	return answer, by
}

// has reports whether any rule of the connection has the stage S, whatever it matches.
func has[S any](c *Conn) bool {
	if c == nil {
		return false
	}
	for _, r := range c.rules {
		if _, ok := r.Fault.(S); ok {
			return true
		}
	}
	return false
}
