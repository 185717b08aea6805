package protocol

import (
	"io"
	"net"

	"github.com/mailrig/mailrig/internal/event"
)

// Framing finds the boundaries of one protocol's dialogue: where the client's units begin and end, where the
// engine's replies do, where the capability list is. It finds boundaries, not meaning. There is a fresh one for
// each phase of a connection, before and after STARTTLS.
//
// Read is called by the engine's goroutine, without the Port's lock. The other methods are called with it.
type Framing interface {
	// Read gives the engine its next unit: bytes into p, or none (0, nil) after Port.Pass or when the unit was
	// answered otherwise. An error ends the phase.
	Read(p []byte) (int, error)
	// Write takes the engine's output: one complete line or, where that isn't complete or InBody holds, any
	// bytes. It returns how many it took, and gets the rest again with what comes.
	Write(p []byte, complete bool) (int, error)
	// InBody reports whether the engine is in the middle of a literal or a message.
	InBody() bool
	// GreetingEnds reports whether this line of the engine's greeting is its last.
	GreetingEnds(line []byte) bool
	// EditGreeting edits the capability list that a line of the engine's greeting may have.
	EditGreeting(line []byte) []byte
	// LoggedIn is told that the connection begins logged in.
	LoggedIn()
}

// Port is what the gate gives a framing: the client's bytes, the way to the client and to the engine, and the
// scenario's say in both. Reading methods handle the end of the connection themselves: time-outs and floods
// have been answered in the protocol's words when they return an error, which the framing passes on.
type Port interface {
	// Lock guards what a framing's two sides share.
	Lock()
	Unlock()

	// --- the client's bytes

	// Line reads a line of at most limit bytes with its end; a longer one is read to its end, and returned as
	// long and empty. The line is valid until the next read. secret says that it belongs to a login exchange:
	// nothing of it is recorded if it never ends.
	Line(limit int, secret bool) (line []byte, long bool, err error)
	// Upload reads up to len(p), and n, bytes of a message or literal, no more than have come, and records
	// them. A cut that a scenario wants (see BeginUpload) happens here.
	Upload(p []byte, n int64) (int, error)
	// Peek returns n bytes that come next, waiting for them, and Buffered those that have come, without
	// taking them. Take takes n of them and records them as part of a message.
	Peek(n int) ([]byte, error)
	Buffered() []byte
	Take(n int) error
	// Swallow reads n bytes that nobody wants, to stay in step. secret keeps them out of the record.
	Swallow(n int64, secret bool) error
	// BeginUpload is called before the first byte of a message, and Uploaded behind the last one: it waits if a
	// scenario has the final reply come late, and reports whether the client is still there.
	BeginUpload()
	Uploaded(event.Lines) bool

	// --- the dialogue

	// Command records a command line and asks the scenario about it. handled says that the engine is not to
	// see it: it has been answered, or the connection has ended (with an error).
	Command(c Command) (handled bool, err error)
	// Answer records a line of a login exchange, Finish one that ends a command that lasts, and Rest what
	// follows the first line of a command.
	Answer(line []byte)
	Finish(line []byte)
	Rest(line []byte, secret bool)
	// Notice records a fact.
	Notice(event.Sign)
	// Injected returns what a scenario last answered in the engine's place, "" for nothing.
	Injected() string

	// Say sends a reply of the framing's own to the client, in its turn.
	Say(reply []byte) error
	// Close sends a last reply and closes without losing it; it returns io.EOF.
	Close(reply []byte) error
	// Pass gives the engine its next unit.
	Pass(unit []byte)
	// Upgrade does STARTTLS: the positive reply, the handshake, a fresh engine. It returns what Read must.
	Upgrade(reply []byte, tag string) error
	// Layer puts a layer between TLS and the lines, like COMPRESS (RFC 4978): from now on the dialogue goes
	// through what wrap makes of the connection.
	Layer(wrap func(net.Conn) net.Conn) error

	// --- what the engine says; with the lock held

	// Tell passes a line of the engine's to the client, edited as the scenario wants it. last says that the
	// reply to the command ends here.
	Tell(line []byte, last bool) error
	// TellFrom is Tell for a line that a scenario has made up or edited; "" for nobody.
	TellFrom(line []byte, by string) error
	// Download passes bytes of a message or literal to the client. BeginDownload is called before the first
	// byte of a whole message.
	Download(b []byte) error
	BeginDownload()
	// Replaced reports whether a scenario has another reply for the command that the engine now answers; Replace
	// says it.
	Replaced() bool
	Replace() error
	// Delivered is called with the final reply to a message: it counts the message if ok, and reports whether
	// a scenario cuts the connection instead of the reply.
	Delivered(ok bool) (cut bool)
	// Capabilities edits a list of capabilities as the scenario wants it, and returns who did.
	Capabilities(names []string) (edited []string, by string)

	// --- what the connection is

	Secure() bool    // inside TLS
	Offers() bool    // TLS may be begun by command, and isn't yet
	MaxBytes() int64 // bound of a message, by configuration and scenario; 0: none
	Domain() string  // the server's own
	// Canonical is an address with the server's domain for one that has none, in lower case.
	Canonical(address string) string
	// Knows reports whether the engine has a command; Extra whether something beside the engine answers it.
	Knows(verb string) bool
	Extra(verb string) bool
	// Answer beside the engine: see Extra.
	RunExtra(c Command) error

	// --- what rules may match on

	Claims(user string)                   // who says to be logging in
	Sends(sender string)                  // of the message that begins; "" ends the transaction
	Recipient(address string, taken bool) // named for the message; taken: accepted
	Mailboxes(names []string)             // that the command is about
	Active() bool                         // whether any rule may match at all
}

// Command is a command line as the framing has it.
type Command struct {
	Line
	Raw []byte // the line with its end; valid until the next read
	// Masked is what may be recorded of Raw where it isn't Raw with its credentials masked; nil for that.
	Masked []byte
	// Plain says that Raw surely holds no credential.
	Plain bool
}

// EOF is what Read returns when the phase is over.
var EOF = io.EOF
