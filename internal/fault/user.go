package fault

import (
	"context"
	"strings"
)

// Users connects a connection with the plans that single users have. All functions may be nil.
type Users struct {
	Context func() context.Context                       // ends with the connection; nil: never ends
	Plan    func(ctx context.Context, user string) *Plan // nil for most users
	Next    func(ctx context.Context, user string) *Plan // for this login only; asked once for each user; nil for most
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

// join puts the rules of the user's own plan before everybody's, and removes those of any other user.
func (c *Conn) join(user string) {
	if c.users.Plan == nil {
		return
	}
	own, next := (*Plan)(nil), c.next
	if user != "" {
		own = c.users.Plan(c.ctx(), user)
	}
	if c.users.Next != nil && !strings.EqualFold(user, c.nextFor) {
		c.nextFor, next = user, nil
		if user != "" {
			next = c.users.Next(c.ctx(), user)
		}
	}
	if own == c.own && next == c.next {
		return
	}
	c.own, c.next = own, next
	theirs := Join(next, own)
	c.set(append(theirs.touching(c.ctx, &c.Event), c.everybodys...))
	if theirs != nil && c.users.Joined != nil {
		c.users.Joined(theirs)
	}
}
