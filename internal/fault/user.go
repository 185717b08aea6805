package fault

import (
	"context"
	"slices"
	"strings"
)

// Users connects a connection with the plans that single users have. All functions may be nil.
type Users struct {
	Context func() context.Context                       // ends with the connection; nil: never ends
	Plan    func(ctx context.Context, user string) *Plan // nil for most users
	Next    func(ctx context.Context, user string) *Plan // for this login only; what it returns is kept, and not asked for again; nil for most
	Joined  func(*Plan)                                  // called when the user's rules have joined the connection's
	Acted   func(Act)                                    // called for each act of a rule, on the connection's goroutine
}

// ctx returns the context for questions on the connection's behalf.
func (c *Conn) ctx() context.Context {
	if c.users.Context == nil {
		return context.Background()
	}
	return c.users.Context()
}

// Claims says who wants to log in. From now on this user's own rules act.
func (c *Conn) Claims(user string) {
	if c == nil {
		return
	}
	c.User = user
	c.join(user)
}

// Sends says who sends a message. If nobody has logged in (SMTP between servers has no login), the sender counts as the
// user whose own rules act.
func (c *Conn) Sends(sender string) {
	if c != nil && c.User == "" {
		c.join(sender)
	}
}

// theirs is what a user brings to a connection: at least one plan.
type theirs struct {
	own   *Plan   // the user's own; nil: none
	next  *Plan   // for this login only; nil: none
	rules []*rule // of both, those that can act on the connection
}

// join puts the rules that the user brings before everybody's, and removes those of any other user.
func (c *Conn) join(user string) {
	if c.users.Plan == nil {
		return
	}
	t := c.brings(user)
	if t == c.theirs {
		return
	}
	c.theirs = t
	if t == nil {
		c.set(c.everybodys)
		return
	}
	c.set(slices.Concat(t.rules, c.everybodys))
	if c.users.Joined != nil {
		c.users.Joined(Join(t.next, t.own))
	}
}

// brings returns what a user brings to the connection; nil is nothing. A user who comes back, as after STARTTLS, brings
// the same as before, and isn't counted again. Only a plan of the user's own may be another one by then.
func (c *Conn) brings(user string) *theirs {
	again := strings.EqualFold(user, c.claimant)
	c.claimant = user
	if user == "" {
		return nil
	}
	own, next := c.users.Plan(c.ctx(), user), (*Plan)(nil)
	name := strings.ToLower(user)
	before := c.brought(name)
	switch {
	case before != nil && before.own == own:
		return before
	case before != nil:
		next = before.next
	case c.users.Next != nil && !again:
		next = c.users.Next(c.ctx(), user)
	}
	if own == nil && next == nil {
		return nil
	}
	t := &theirs{own: own, next: next, rules: Join(next, own).touching(c.ctx, &c.Event)}
	kept := c.keep()
	if kept.brought == nil {
		kept.brought = map[string]*theirs{}
	}
	kept.brought[name] = t
	return t
}

// brought returns what a user, whose name is in lower case, has brought to the connection.
func (c *Conn) brought(user string) *theirs {
	if c.kept == nil {
		return nil
	}
	return c.kept.brought[user]
}
