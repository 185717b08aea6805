package fault

import "context"

// Users is what a server knows of users who have a plan of their own, and what it wants
// to be told of a connection. Functions may be nil.
type Users struct {
	Context func() context.Context                       // of the connection; nil: one that never ends
	Plan    func(ctx context.Context, user string) *Plan // nil for most users
	Joined  func(*Plan)                                  // told when the user's rules have joined a connection's
	Acted   func(Act)                                    // told of each act of a rule, in the connection's goroutine
}

// ctx is the context of what is asked for the connection.
func (c *Conn) ctx() context.Context {
	if c.users.Context == nil {
		return context.Background()
	}
	return c.users.Context()
}

// Claims says who wants to log in: the rules that this user has alone act from now on.
func (c *Conn) Claims(user string) {
	if c == nil {
		return
	}
	c.User = user
	c.join(user)
}

// Sends says who sends a message. Where nobody has logged in, which SMTP between servers
// never asks for, the sender counts as the user whose own rules act.
func (c *Conn) Sends(sender string) {
	if c != nil && c.User == "" {
		c.join(sender)
	}
}

// join puts the rules of the user's own plan before everybody's, and takes those of
// another user away.
func (c *Conn) join(user string) {
	if c.users.Plan == nil {
		return
	}
	var own *Plan
	if user != "" {
		own = c.users.Plan(c.ctx(), user)
	}
	if own == c.own {
		return
	}
	c.own = own
	c.set(append(own.touching(c.ctx, &c.Event), c.everybodys...))
	if own != nil && c.users.Joined != nil {
		c.users.Joined(own)
	}
}
