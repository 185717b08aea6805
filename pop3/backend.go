package pop3

import (
	"io"
	"strings"

	"github.com/emersion/go-sasl"
)

// Backend makes the sessions of a server. It is called from many goroutines.
type Backend interface {
	// NewSession is called when a connection begins, before the greeting, and
	// again after STLS, because what a client said in clear must not count any
	// more (RFC 2595 section 4). An error becomes the greeting, "-ERR ...", and
	// the connection is closed.
	NewSession(c *Conn) (Session, error)
}

// BackendFunc is a function that is a Backend.
type BackendFunc func(c *Conn) (Session, error)

// NewSession calls f.
func (f BackendFunc) NewSession(c *Conn) (Session, error) { return f(c) }

// Session is one client's session. The engine calls it from one goroutine, in
// this order: Login until it succeeds (or a SASL server of AuthSession), Messages
// once, Open and Delete any number of times, Update at most once, Logout once.
type Session interface {
	// Login is USER and PASS. When it succeeds the session holds the maildrop's
	// exclusive lock (RFC 1939 section 4); ErrInUse says that another one does.
	Login(user, password string) error

	// Messages returns the maildrop as it is from now to the end of the session.
	// The first one is message number 1. The slice isn't changed by the engine.
	Messages() ([]Message, error)

	// Open returns the bytes of message n for RETR and TOP. The engine closes it.
	// An io.WriterTo is used when there is one. An error from Read or WriteTo
	// closes the connection, because POP3 has no other way to say that a message
	// isn't complete.
	Open(n int) (io.ReadCloser, error)

	// Delete is asked whether message n may be marked as deleted. It removes
	// nothing: the engine keeps the marks, and RSET never reaches the session.
	Delete(n int) error

	// Update is the UPDATE state: QUIT after a login. It removes the marked
	// messages, given in ascending order; there may be none. Without QUIT it isn't
	// called, and nothing may be removed (RFC 1939 section 6).
	Update(deleted []int) error

	// Logout ends the session, whatever became of it, and releases the lock. It
	// is called before the reply to QUIT is sent, so that a client that connects
	// again at once finds its maildrop free.
	Logout()
}

// AuthSession is a session with SASL (RFC 5034).
type AuthSession interface {
	Session

	// AuthMechanisms are the names for CAPA, in upper case.
	AuthMechanisms() []string

	// Auth begins an exchange. mech is in upper case. When the returned server
	// is done without an error, the session is logged in just as after Login.
	Auth(mech string) (sasl.Server, error)
}

// Message is one message of a maildrop.
type Message struct {
	// Size is the number of octets that RETR sends, without byte-stuffing and
	// the terminating line. A message that doesn't end in CRLF is sent with one,
	// which counts: see WireSize.
	Size int64

	// UID is the unique-id of UIDL: 1 to 70 characters from 0x21 to 0x7E, never
	// used for another message of this maildrop (RFC 1939 section 7).
	UID string
}

// Error is a negative reply in the backend's words.
type Error struct {
	Code string // response code without brackets, such as "IN-USE" or "SYS/TEMP"; "" for none (RFC 2449 section 8)
	Text string // one line; controls become spaces
}

// Errors for the common cases. Make others with &Error{...}.
var (
	ErrAuthFailed error = &Error{Code: "AUTH", Text: "Authentication failed"}               // RFC 3206 section 4
	ErrInUse      error = &Error{Code: "IN-USE", Text: "Mailbox locked by another session"} // RFC 2449 section 8.1.2
	ErrNoMessage  error = &Error{Text: "No such message"}
)

// Error returns what stands behind "-ERR " on the wire.
func (e *Error) Error() string {
	if e.Code == "" {
		return e.Text
	}
	return strings.TrimRight("["+e.Code+"] "+e.Text, " ")
}
