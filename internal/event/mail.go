package event

import "time"

// This file defines what the layers above the dialogue decide: logins and stored messages.

// Login is one login attempt and its outcome.
type Login struct {
	User      string
	Mechanism string
	OK        bool
	Secure    bool   // inside TLS
	Exposed   bool   // the client sent the password or token itself
	Injected  string // the scenario that refused it
	// Password is an opaque tag of the password. Equal passwords have equal tags while mailrig runs; the tag reveals
	// nothing else. It is "" if the server never saw a password.
	Password string
	NotUTF8  bool          // the password isn't in UTF-8
	Token    string        // what is wrong with the token of a refused login, like expired; otherwise ""
	At       time.Duration // since the connection was accepted
}

// Stored is a message that the session has put into mailboxes.
type Stored struct {
	MessageID  string   // value of the header field
	From       string   // reverse-path; "" for APPEND
	Recipients []string // addresses of the mailboxes that received it
	Places     []Place  // where it is stored; empty if the store doesn't say
	Bytes      int64    // size as the client sent it
	Sum        string   // equal for equal bytes
	Form       *Form    // what is unusual about its form; nil: nothing
	Secure     bool     // came inside TLS
	At         time.Duration
}

// Form is what is unusual about the form of a message. Package message finds it (message.Form).
type Form struct {
	Missing  []string // fields that a message should have: From, Date, Message-ID
	Repeated []string // fields that a message may have once, and has more often
	Bcc      string   // value of the Bcc field
	Date     string   // value of the Date field, if nobody can read it
	EightBit bool     // the header has a byte above 127
	Boundary string   // boundary of a multipart message whose end isn't there
}

// Place is where a message was stored.
type Place struct {
	Account string
	Mailbox string
	UID     uint32
}

func (*Login) what() name  { return "login" }
func (*Stored) what() name { return "stored" }
