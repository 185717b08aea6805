package diagnose

import "slices"

// A finding about a session that is still open may turn out to be wrong: the client may
// yet do what it seems to have left undone. This file has the values of Row.Early, for
// the rows that needn't wait until their sessions have ended.

// always is for what nothing that comes later can undo, such as a password that has been
// sent in clear.
func always(*Case) bool { return true }

// unlessSending is for findings about mail that doesn't get out. They may be told while
// a mail program stays connected to its mailbox, and not while a session is open in which
// it may still send.
func unlessSending(c *Case) bool {
	return !slices.ContainsFunc(c.Sessions, func(s *Facts) bool { return !s.receives() && s.End.IsZero() })
}
