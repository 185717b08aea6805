package pop3

import (
	"io"
	"strings"

	"github.com/emersion/go-sasl"
)

// Backend makes the sessions of a server. Many goroutines call it.
type Backend interface {
	// NewSession is called when a connection begins, before the greeting. It is called again after STLS, because what a
	// client said in clear must not count any more (RFC 2595 section 4). An error becomes the greeting, "-ERR ...", and
	// the connection is closed.
	NewSession(c *Conn) (Session, error)
}

// BackendFunc is a function that implements Backend.
type BackendFunc func(c *Conn) (Session, error)

// NewSession calls f.
func (f BackendFunc) NewSession(c *Conn) (Session, error) { return f(c) }

// Session is one client's session. The engine calls it from one goroutine, in this order: Login until it succeeds (or a
// SASL server from AuthSession), Messages once, Open and Delete any number of times, Update at most once, Logout once.
type Session interface {
	// Login handles USER and PASS. When it succeeds, the session holds the maildrop's exclusive lock (RFC 1939 section
	// 4). It returns ErrInUse if another session holds the lock.
	Login(user, password string) error

	// Messages returns the maildrop as it stays until the end of the session. The first message is number 1. The engine
	// doesn't change the slice.
	Messages() ([]Message, error)

	// Open returns the bytes of message n for RETR and TOP. The engine closes the reader, and uses its io.WriterTo if
	// there is one. An error from Read or WriteTo closes the connection, because POP3 has no other way to say that a
	// message isn't complete.
	Open(n int) (io.ReadCloser, error)

	// Delete says whether message n may be marked as deleted. It removes nothing: the engine keeps the marks, and RSET
	// never reaches the session.
	Delete(n int) error

	// Update is the UPDATE state: a QUIT after a login. It removes the marked messages, which are given in ascending
	// order; there may be none. Without QUIT it isn't called, and nothing may be removed (RFC 1939 section 6).
	Update(deleted []int) error

	// Logout ends the session, whatever its outcome, and releases the lock. It is called before the reply to QUIT is
	// sent, so that a client which reconnects at once finds its maildrop free.
	Logout()
}

// AuthSession is a session with SASL (RFC 5034).
type AuthSession interface {
	Session

	// AuthMechanisms returns the names for CAPA, in upper case.
	AuthMechanisms() []string

	// Auth begins an exchange. mech is in upper case. When the returned server is done without an error, the session is
	// logged in just as after Login.
	Auth(mech string) (sasl.Server, error)
}

// LoginSession is a session that decides by which commands a client may log in. Without it, USER and PASS are permitted,
// and APOP isn't.
type LoginSession interface {
	Session

	// TakesPassword reports whether USER and PASS may be used. CAPA lists USER then.
	TakesPassword() bool

	// Stamp returns the challenge for APOP, with its angle brackets (RFC 1939 section 7). It returns the same one as long
	// as the connection lasts, STLS included, because only the greeting shows it. "" says that APOP isn't offered.
	Stamp() string

	// APOP handles the command. digest has 32 characters: the MD5 sum of stamp and password, in hexadecimal if the client
	// keeps to the RFC. The errors are those of Login.
	APOP(user, digest string) error
}

// Message is one message of a maildrop.
type Message struct {
	// Size is the number of octets that RETR sends, without byte-stuffing and the terminating line. A message that
	// doesn't end in CRLF is sent with one, which counts; see WireSize.
	Size int64

	// UID is the unique-id for UIDL: 1 to 70 characters from 0x21 to 0x7E, never used for another message of this
	// maildrop (RFC 1939 section 7).
	UID string
}

// Error is a negative reply in the backend's words.
type Error struct {
	Code string // response code without brackets, such as "IN-USE" or "SYS/TEMP" (RFC 2449 section 8); "" for none
	Text string // one line; control characters become spaces
}

// Errors for the common cases. For others, use &Error{...}.
var (
	ErrAuthFailed error = &Error{Code: "AUTH", Text: "Authentication failed"}               // RFC 3206 section 4
	ErrInUse      error = &Error{Code: "IN-USE", Text: "Mailbox locked by another session"} // RFC 2449 section 8.1.2
	ErrNoMessage  error = &Error{Text: "No such message"}
)

// Error returns what follows "-ERR " on the wire.
func (e *Error) Error() string {
	if e.Code == "" {
		return e.Text
	}
	return strings.TrimRight("["+e.Code+"] "+e.Text, " ")
}
