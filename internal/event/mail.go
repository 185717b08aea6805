package event

import "time"

// This file has what the layers below the dialogue decide: logins and stored messages.

// Login is one login attempt and its outcome.
type Login struct {
	User      string
	Mechanism string
	OK        bool
	Secure    bool   // inside TLS
	Injected  string // scenario that refused it
	// Password is a tag of the password: the same for the same password as long as mailrig runs. It tells
	// nothing else about it. "" when the server never saw one.
	Password string
	At       time.Duration // since the connection was accepted
}

// Stored is a message that the session put into mailboxes.
type Stored struct {
	MessageID  string   // the header field's value
	From       string   // reverse-path; "" by APPEND
	Recipients []string // mailboxes' addresses that have it
	Places     []Place  // where it is; may be empty for a store that doesn't say
	Bytes      int64    // as the client sent it
	Sum        string   // the same for the same bytes
	Secure     bool     // came inside TLS
	At         time.Duration
}

// Place is where a message was stored.
type Place struct {
	Account string
	Mailbox string
	UID     uint32
}

func (*Login) what() name  { return "login" }
func (*Stored) what() name { return "stored" }
