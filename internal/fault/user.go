package fault

import "slices"

// Users is what a server knows of users who have a plan of their own.
type Users struct {
	Plan   func(user string) *Plan // nil for most users
	Joined func(*Plan)             // told when the user's rules have joined a connection's
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
		own = c.users.Plan(user)
	}
	if own == c.own {
		return
	}
	c.own = own
	c.set(append(own.touching(&c.Event), c.everybodys...))
	if own != nil && c.users.Joined != nil {
		c.users.Joined(own)
	}
}

// beforeLogin are the commands of a client that nobody knows yet.
var beforeLogin = []string{"EHLO", "HELO", "LHLO", "STARTTLS", "STLS", "AUTH", "LOGIN", "AUTHENTICATE", "USER", "APOP"}

// ForUser tells if the rule can act for one user alone. Who a client is comes out at its
// login: whatever happens before can't depend on it.
func (r *Rule) ForUser() bool {
	early := func(c string) bool {
		return slices.ContainsFunc(beforeLogin, func(b string) bool { return SameCommand(b, c) })
	}
	switch r.Fault.(type) {
	case mechanismStage:
		return false // they are listed before the login
	case commandStage, editStage, meanwhileStage:
		if len(r.Match.Command) > 0 && !slices.ContainsFunc(r.Match.Command, func(c string) bool { return !early(c) }) {
			return false
		}
	case capsStage, listStage, bodyStage, finalStage, loginStage, admitStage, limitStage, folderStage, bounceStage,
		hierarchyStage, fillStage, idleStage:
	default:
		return false // connect, TLS, greeting and what else comes first
	}
	return len(r.Match.User) == 0 || slices.ContainsFunc(r.Match.User, func(u string) bool { return u != "" })
}
