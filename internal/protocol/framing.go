package protocol

import (
	"net"
	"sync"

	"github.com/mailrig/mailrig/internal/event"
)

// Framing finds the boundaries of one protocol's dialogue: where the client's units begin and end, where the
// engine's replies do, where the capability list is. It finds boundaries, not meaning; in doubt it passes bytes
// through. There is a fresh one for each phase of a connection, before and after STARTTLS.
//
// Read is called by the engine's goroutine, without the Port's lock. The other methods are called with it.
type Framing interface {
	// Read gives the engine its next unit: bytes into p, or none (0, nil) when Port.Pass was called or the unit
	// was answered otherwise. An error ends the phase.
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
	// LoggedIn is told, before the greeting, that the connection begins logged in.
	LoggedIn()
}

// Port is what the gate gives a framing: the client's bytes, the way to the client and to the engine, and the
// scenario's say in both. Methods that read handle the end of the connection themselves: a time-out or a flood
// has been answered in the protocol's words when they return an error, which the framing passes on.
type Port interface {
	// Locker guards what a framing's two sides share.
	sync.Locker

	ClientSide
	EngineSide
	Matching

	// Secure reports whether this phase is inside TLS, Offers whether TLS may be begun by command now.
	Secure() bool
	Offers() bool
	// MaxBytes is the bound of a message, by configuration and scenario; 0 means none.
	MaxBytes() int64
	// Domain is the server's own name.
	Domain() string
	// Qualify returns an address with the server's domain, if it has none.
	Qualify(address string) string
}

// ClientSide is a Port's side to the client.
type ClientSide interface {
	// Line reads a line of at most limit bytes with its end. A longer one is read to its end, and returned as
	// long and empty. The line is valid until the next read. secret says that it belongs to a login exchange:
	// nothing of it is recorded if it never ends.
	Line(limit int, secret bool) (line []byte, long bool, err error)
	// Upload reads bytes of a message or literal, at least one, at most len(p) and n, and no more than have
	// come. It records them, or, of a secret, only that its last byte, the n-th, has come. A cut that a
	// scenario wants happens here.
	Upload(p []byte, n int64, secret bool) (int, error)
	// Peek waits for n bytes, and Buffered returns those that have come; neither takes them.
	Peek(n int) ([]byte, error)
	Buffered() []byte
	// Swallow reads n bytes that nobody wants, to stay in step.
	Swallow(n int64, secret bool) error
	// BeginUpload is called before the first byte of a message, and Uploaded behind the last one: it waits if
	// a scenario has the final reply come late, and reports whether the client is still there.
	BeginUpload()
	Uploaded(event.Lines) bool

	// Record records a command line with its end, and returns it so that it stays valid until the next Line.
	// followed says that what comes next belongs to the command, and isn't another one.
	Record(line []byte, show Show, followed bool) []byte
	// Answer records a line of a login exchange, Finish one that ends a command that lasts, and Rest what
	// follows the first line of a command.
	Answer(line []byte)
	Finish(line []byte)
	Rest(line []byte, secret bool)
	// Notice records a fact, MessageIn and MessageOut count a message.
	Notice(event.Sign)
	MessageIn()
	MessageOut()

	// Say sends a reply of the framing's own, in its turn; by is the scenario that wants it, "" for none.
	Say(reply []byte, by string) error
	// Close sends a last reply and closes without losing it. It returns what Read must.
	Close(reply []byte) error
	// Upgrade does STARTTLS: the positive reply, the handshake, a fresh engine. It returns what Read must.
	Upgrade(tag string) error
	// Layer puts a layer between TLS and the lines, like COMPRESS (RFC 4978): from now on the dialogue goes
	// through what wrap makes of the connection.
	Layer(wrap func(net.Conn) net.Conn) error
}

// EngineSide is a Port's side to the engine. Its methods, but for Pass, are called with the lock held.
type EngineSide interface {
	// Pass gives the engine its next unit.
	Pass(unit []byte)
	// Tell passes a line of the engine's to the client, edited as the scenario wants it; by is who has made it
	// up already, "" for the engine.
	Tell(line []byte, by string) error
	// RefusedBy returns the scenario whose refusal the engine repeats with this line, "" for none; last says
	// that the reply ends with it.
	RefusedBy(last bool) string
	// BeginDownload is called before the first byte of a whole message, and Download passes bytes of a message
	// or literal to the client.
	BeginDownload()
	Download(b []byte) error
	// Replaced reports whether a scenario has another reply for the command that the engine answers now.
	// Replace says it; NotReplaced forgets it.
	Replaced() bool
	Replace() error
	NotReplaced()
	// CutReply reports whether a scenario cuts the connection instead of the final reply to a message.
	CutReply() bool
	// Capabilities edits a list of capabilities as the scenario wants it, and returns who did.
	Capabilities(names []string) (edited []string, by string)
	// Knows reports whether the engine has a command. Beside reports whether something beside the engine
	// answers it, and RunBeside has it answered: the line's arguments hold literals as they came, "{3}\r\nabc".
	// Adds lists the capabilities of such commands. None of the four needs the lock.
	Knows(verb string) bool
	Beside(verb string) bool
	Adds() []string
	RunBeside(Line) error
}

// Matching is what a Port's scenario may match on.
type Matching interface {
	// Active reports whether any rule may act, so that About is worth its cost.
	Active() bool
	// Ask asks the scenario about the command that was recorded last. handled says that the engine is not to
	// see it: it has been answered, or the connection has ended, with an error. A command whose capability is
	// hidden is handled too.
	Ask(About) (handled bool, err error)
	// Injected returns what Ask has answered in the engine's place, "" for nothing.
	Injected() string
	// Claims says who is about to log in, and Sends who sends the message that begins.
	Claims(user string)
	Sends(sender string)
	// Begun says whether the message of the last command has really begun; if not, the one before goes on.
	Begun(bool)
	// Taken says that the recipient of the last command was accepted, EndMail that the transaction is over.
	Taken()
	EndMail()
}

// About is what a command is about, for rules that match on it.
type About struct {
	Verb      string
	Sender    string   // of a message that begins
	Recipient string   // named for the message
	Begins    bool     // a message begins: Sender counts, and no recipient is named yet
	Ends      bool     // the transaction is given up
	Mailboxes []string // that the command names, else the selected one
}

// Show says how much of a command line may be recorded.
type Show int

// The ways.
const (
	ShowMasked  Show = iota // with its credentials masked
	ShowAll                 // as it is: it holds none
	ShowNothing             // only that it came: it may be a line of a login exchange
)
