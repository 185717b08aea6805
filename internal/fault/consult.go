package fault

// This file defines how a connection consults its rules. One order holds for all kinds of fault: the rules of the user
// first, then everybody's; of each, the scenarios in the order in which they were given, and the rules of a scenario as
// they stand in it. What can be decided only once is decided by the first rule that fits; it is counted, and the rules
// behind it aren't even asked (first). What can be done together is done by every rule that fits (all).

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
	r.acted.Store(true)
	if c.users.Acted != nil {
		c.users.Acted(Act{r.Scenario, r.place, r.Kind(), c.Event.Command})
	}
	return r.Scenario
}

// each calls do for every rule that fits now and has the stage S, in order, until do returns true. Counting is up to
// do.
func each[S any](c *Conn, do func(r *rule, s S) (enough bool)) {
	if c == nil {
		return
	}
	for _, r := range c.rules {
		if s, ok := r.Fault.(S); ok && r.Match.matches(&c.Event) && r.open(c) && do(r, s) {
			return
		}
	}
}

// standing is each for kinds without counters, which are asked again and again and must always answer the same.
func standing[S any](c *Conn, do func(r *rule, s S) (enough bool)) {
	each(c, func(r *rule, s S) bool {
		if !r.stands(c) {
			return false
		}
		r.acted.Store(true) // as far as anybody can tell
		return do(r, s)
	})
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

// settings collects what rules set, each setting by the first rule that has it. set fills in what one rule sets. with
// adds to old what it doesn't have yet. A rule that adds nothing isn't counted. settings returns the scenario of the
// last rule that added something.
func settings[S any, A comparable](c *Conn, set func(S, *A), with func(old, mine A) A) (a A, by string) {
	each(c, func(r *rule, s S) bool {
		var mine A
		set(s, &mine)
		if more := with(a, mine); more != a && r.take(c) {
			a, by = more, c.acts(r)
		}
		return false
	})
	return a, by
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
