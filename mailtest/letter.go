package mailtest

import (
	"context"

	"github.com/mailrig/mailrig/server"
)

// Letter is a message as a person reads it.
type Letter = server.Letter

// Letter returns the message as a person reads it: the decoded header, Text, HTML, Links, Codes and Attachments.
func (m Message) Letter() *Letter { return server.LetterOf(m.Raw) }

// Text returns the message's plain text, decoded. If there is none, it is made from the HTML.
func (m Message) Text() string { return m.Letter().Text }

// HTML returns the message's HTML, decoded, or "".
func (m Message) HTML() string { return m.Letter().HTML }

// Links returns the URLs in the text and in the HTML's <a href>, in order, each once.
func (m Message) Links() []string { return m.Letter().Links }

// Codes returns what looks like a one-time code in the text, the likeliest first.
func (m Message) Codes() []string { return m.Letter().Codes }

// Reset forgets all mail (and loads the seed again), all ended sessions and all findings, and starts the counters of the
// active scenarios again.
func (r *Rig) Reset() {
	r.t.Helper()
	if err := r.s.Reset(); err != nil {
		r.t.Fatalf("mailtest: %v", err)
	}
}

// ResetUser forgets the mail in all mailboxes of one user, loads the user's part of the seed again, and restarts the
// counters of the scenarios that are active for this user only. The user need not exist.
func (r *Rig) ResetUser(address string) {
	r.t.Helper()
	if err := r.s.ResetUser(context.Background(), address); err != nil {
		r.t.Fatalf("mailtest: %v", err)
	}
}
