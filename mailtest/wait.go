package mailtest

import (
	"context"
	"strconv"
	"time"

	"github.com/mailrig/mailrig/server"
)

// MessageMatch is something that must be true of a message.
type MessageMatch struct{ m server.Matcher }

// To matches a message in this address's mailbox.
func To(address string) MessageMatch { return MessageMatch{server.Matcher{Key: "to", Value: address}} }

// From matches this address as the envelope's sender, or this text in the From field.
func From(text string) MessageMatch { return MessageMatch{server.Matcher{Key: "from", Value: text}} }

// Subject matches this text in the decoded subject, in any case.
func Subject(text string) MessageMatch {
	return MessageMatch{server.Matcher{Key: "subject", Value: text}}
}

// Body matches this text in a decoded text part, in any case.
func Body(text string) MessageMatch { return MessageMatch{server.Matcher{Key: "body", Value: text}} }

// Folder matches a message in a folder with this name.
func Folder(name string) MessageMatch {
	return MessageMatch{server.Matcher{Key: "folder", Value: name}}
}

// SessionMatch is something that must be true of a session.
type SessionMatch struct{ m server.Matcher }

// Door matches a session on this door, by its standard port number.
func Door(port int) SessionMatch {
	return SessionMatch{server.Matcher{Key: "door", Value: strconv.Itoa(port)}}
}

// LoggedIn matches a session in which a login succeeded.
func LoggedIn() SessionMatch { return SessionMatch{server.Matcher{Key: "login", Value: "ok"}} }

// Refused matches a session with logins of which none succeeded.
func Refused() SessionMatch { return SessionMatch{server.Matcher{Key: "login", Value: "refused"}} }

// AsUser matches a session in which this user tried to log in.
func AsUser(name string) SessionMatch {
	return SessionMatch{server.Matcher{Key: "user", Value: name}}
}

// Encrypted matches a session inside TLS.
func Encrypted() SessionMatch { return SessionMatch{server.Matcher{Key: "tls", Value: "yes"}} }

// Ended matches a session that has ended.
func Ended() SessionMatch { return SessionMatch{server.Matcher{Key: "ended", Value: "yes"}} }

// WaitMessage returns the first message in any mailbox that all of these match. It may be there already. If none
// arrives within timeout, the test fails and says what arrived instead.
func (r *Rig) WaitMessage(timeout time.Duration, match ...MessageMatch) Message {
	r.t.Helper()
	c := server.Condition{What: server.Messages}
	for _, m := range match {
		c.Match = append(c.Match, m.m)
	}
	o, ok := r.wait(timeout, c)
	if !ok || len(o.Messages) == 0 {
		return Message{}
	}
	return r.message(&o.Messages[0])
}

// WaitSession returns the first session, ended or open, that all of these match. It may be there already. If none
// begins within timeout, the test fails and says which ones did.
func (r *Rig) WaitSession(timeout time.Duration, match ...SessionMatch) *Session {
	r.t.Helper()
	c := server.Condition{What: server.Sessions}
	for _, m := range match {
		c.Match = append(c.Match, m.m)
	}
	o, ok := r.wait(timeout, c)
	if !ok || len(o.Sessions) == 0 {
		return nil
	}
	return o.Sessions[0]
}

func (r *Rig) wait(timeout time.Duration, c server.Condition) (o server.Outcome, ok bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	o, err := r.s.Wait(ctx, c)
	switch {
	case err != nil:
		r.t.Fatalf("mailtest: %v", err)
	case !o.Met:
		r.t.Fatalf("mailtest: %s", o.Text)
	}
	return o, err == nil && o.Met
}
