package diagnose

import "slices"

// A finding about an open session may turn out to be wrong: the client may still do what it seems to have left out.
// This file defines the values of Row.Early, for rows that needn't wait for the session to end.

// always is for what no later event can undo, such as a password sent in clear.
func always(*Case) bool { return true }

// unlessSending is for findings about mail that can't be sent. They may be told while a mail program stays connected to
// its mailbox, but not while a session is open in which it may still send.
func unlessSending(c *Case) bool {
	return !slices.ContainsFunc(c.Sessions, func(s *Facts) bool { return !s.receives() && s.End.IsZero() })
}
