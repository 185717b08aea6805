package diagnose

import "slices"

// Predicates about mail that was sent, and on which port.

// submissionDoors are the ports on which a client should submit its mail.
var submissionDoors = []int{587, 465, 2525}

func mailSentInClear(c *Case) []Evidence { return c.each((*Facts).mailInClear) }

// mailSent finds a message that the server accepted in the end.
func mailSent(c *Case) []Evidence { return c.each(func(f *Facts) bool { return f.delivered() > 0 }) }

// sends reports whether the client is one that sends: it sent at a correct server, or it tries to here.
func sends(c *Case) bool {
	if c.Control != nil {
		return slices.ContainsFunc(c.Control, func(f *Facts) bool { return f.delivered() > 0 })
	}
	return c.any(func(f *Facts) bool { return !f.receives() })
}

// usedSubmissionDoor finds a message accepted on 587, 465 or 2525, from a client that had logged in, inside TLS.
func usedSubmissionDoor(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.delivered() > 0 && slices.Contains(submissionDoors, f.Door) && f.onTLS() && f.loggedIn()
	})
}
