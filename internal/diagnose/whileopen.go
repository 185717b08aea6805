package diagnose

import (
	"slices"
	"time"
)

// A finding about an open session may turn out to be wrong: the client may still do what it seems to have left out.
// This file defines the values of Row.Early, for rows that needn't wait for the session to end.

// always is for what no later event can undo, such as a password sent in clear.
func always(*Case) bool { return true }

// unlessSending is for findings about mail that can't be sent. They may be told while a mail program stays connected to
// its mailbox, but not while a session is open in which it may still send.
func unlessSending(c *Case) bool {
	return !slices.ContainsFunc(c.Sessions, func(s *Facts) bool { return !s.receives() && s.End.IsZero() })
}

// lastsLong is how long a client must be silent before what its open session shows is told: by then a mail program has gone
// on, if it goes on by itself.
const lastsLong = 5 * time.Second

// settled reports whether what a session shows may be told: it has ended, or the client has been silent for some time.
func (c *Case) settled(f *Facts) bool {
	return !f.End.IsZero() || c.Over || c.silent(f)
}

// silent reports whether nothing has happened in an open session for some time.
func (c *Case) silent(f *Facts) bool {
	return f.End.IsZero() && c.Now.Sub(f.LastWord()) >= lastsLong
}

// waitingForReply finds a client that waits for a reply, while a scenario holds it back.
func waitingForReply(c *Case) []Evidence {
	return c.eachWords(func(f *Facts) map[string]string {
		if !c.silent(f) || len(f.Steps) == 0 {
			return nil
		}
		s := f.Steps[len(f.Steps)-1]
		if !s.Silenced && !s.Delayed || s.answered() {
			return nil
		}
		f.shown = s
		return map[string]string{"command": s.Verb}
	})
}
