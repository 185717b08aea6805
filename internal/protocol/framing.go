package protocol

import (
	"errors"
	"io"
	"net"
	"sync"

	"github.com/mailrig/mailrig/internal/event"
)

// Framing finds the boundaries in one protocol's dialogue: where a client's unit begins and ends, where an engine's
// reply ends, and where the capability list is. It knows boundaries, not meaning, except where an engine would get the
// meaning wrong; then it answers in the engine's place. When in doubt it passes bytes through. Each phase of a connection, before and after STARTTLS, has a fresh Framing.
//
// The engine's goroutine calls Read, without the Port's lock. All other methods are called with the lock held.
type Framing interface {
	// Read gives the engine its next unit. It copies bytes into p, or returns (0, nil) when it has called Port.Pass or
	// when the unit has already been answered. An error ends the phase.
	Read(p []byte) (int, error)
	// Write takes the engine's output. p is one complete line; where complete is false, or InBody reports true, it is
	// any run of bytes. Write returns how many bytes it took. The caller presents the rest again, together with later
	// output.
	Write(p []byte, complete bool) (int, error)
	// InBody reports whether the engine is in the middle of a literal or a message.
	InBody() bool
	// GreetingEnds reports whether this line is the last one of the engine's greeting.
	GreetingEnds(line []byte) bool
	// EditGreeting edits the capability list in a line of the engine's greeting, if the line has one. by is the scenario
	// that has changed it, or "".
	EditGreeting(line []byte) (edited []byte, by string)
	// LoggedIn tells the framing that the connection begins logged in. It is called before the greeting.
	LoggedIn()
}

// Messages is a Framing that can give out a message by itself, as the client meant it and not as it was sent. The
// engine's adapter reads it, on the goroutine on which the engine would read; afterwards the engine finds an empty
// message.
type Messages interface {
	// BeginMessage reports whether the engine is about to read a message that ReadMessage can read instead.
	BeginMessage() bool
	// ReadMessage reads from the message. It returns io.EOF only at its end. What isn't read is discarded.
	ReadMessage(p []byte) (int, error)
}

// Port is what the gate gives a framing: the client's bytes, a way to write to the client and to the engine, and the
// scenario's decisions about both. The reading methods handle the end of the connection themselves. When one returns an
// error, the gate has already answered a timeout or a flood in the protocol's words, and the framing just passes the
// error on.
type Port interface {
	// Locker guards the state that a framing's Read and Write share.
	sync.Locker

	ClientSide
	EngineSide
	Matching

	// Secure reports whether this phase is inside TLS. Offers reports whether the client may begin TLS by command now.
	Secure() bool
	Offers() bool
	// NeedsTLS and NeedsLogin report what the client must do before it may log in or send mail.
	NeedsTLS() bool
	NeedsLogin() bool
	// NeedsSASL reports whether no command may log in that carries the password.
	NeedsSASL() bool
	// MaxBytes is the largest message that the configuration and the scenario allow, in bytes; 0 means no limit.
	MaxBytes() int64
	// TooLarge tells that a message is refused because it is larger than that. It returns the scenario that set the
	// limit, or "".
	TooLarge() (by string)
	// Domain is the server's own name.
	Domain() string
	// Qualify appends the server's domain to an address that has no domain.
	Qualify(address string) string
}

// Spool is a message that a framing gathers. It is small in memory, however large the message is.
type Spool interface {
	// Write fails with an error that is ErrNoRoom if there is no room for more.
	io.Writer
	// Size is how many bytes have been written.
	Size() int64
	// Reader returns what has been written, from the beginning. Nothing may be written after that.
	Reader() (io.Reader, error)
	Close() error
}

// ErrNoRoom says that a Spool has no room. It is temporary.
var ErrNoRoom = errors.New("no room for a message")

// ClientSide is the part of a Port that faces the client.
type ClientSide interface {
	// Line reads one line with its line end, at most limit bytes. It reads a longer line to its end and returns long,
	// and some of the line's first and last bytes. The line is valid until the next read. secret says that the line
	// belongs to a login exchange: if the line never ends, none of it is recorded.
	Line(limit int, secret bool) (line []byte, long bool, err error)
	// Upload reads bytes of a message or literal into p: at least one, at most n, and only what has arrived. It records
	// them. If secret is set, it records only that the last byte (the n-th) has arrived. If a scenario cuts the upload,
	// the cut happens here.
	Upload(p []byte, n int64, secret bool) (int, error)
	// Peek waits for n bytes. Buffered returns the bytes that have arrived. Neither consumes them.
	Peek(n int) ([]byte, error)
	Buffered() []byte
	// Swallow reads and discards n bytes, so that gate and client stay in step.
	Swallow(n int64, secret bool) error
	// BeginUpload is called before the first byte of a message (dotted: as in SMTP's DATA, leading dots are doubled), Uploaded after the last one. Uploaded waits if a
	// scenario delays the final reply, and no longer than the client does: the message has come whole, so the engine
	// gets it and stores it, whether anybody still waits for the reply or not. GiveUpUpload is called when the last
	// byte won't come; it does nothing if no upload has begun.
	BeginUpload(dotted bool)
	Uploaded(event.Lines)
	GiveUpUpload()
	// Spool returns a place for a message that the framing must hold for a while. A connection has one: it ends the one
	// before. It also ends with the connection.
	Spool(expected int64) Spool

	// Record records a command line with its line end, and returns a copy that stays valid until the next Line.
	// followed says that the next bytes belong to the same command.
	Record(line []byte, show Show, followed bool) []byte
	// Answer records a line of a login exchange, and returns the line for the engine. settled says that the client
	// acknowledges a refusal with it: whatever the client says then, except "*", the engine gets base64 of any of it, so
	// that it goes on to refuse. (Clients send an empty line, AQ==, the byte 1, or their whole command again.) Finish records the line that ends a lasting command, like DONE. Rest
	// records what follows the first line of a command.
	Answer(line []byte) (answer []byte, settled bool)
	Finish(line []byte)
	Rest(line []byte, secret bool)
	// Notice records a fact about the client. MessageIn and MessageOut count a message.
	Notice(event.Sign)
	MessageIn()
	MessageOut()

	// Say sends a reply of the framing's own, after the replies that are still due. by is the scenario behind it, or
	// "".
	Say(reply []byte, by string) error
	// Close sends a last reply and closes the connection so that the reply isn't lost. Read must return its error.
	Close(reply []byte) error
	// Upgrade does STARTTLS: it sends the positive reply, does the handshake and starts a fresh engine. Read must
	// return its error.
	Upgrade(tag string) error
	// Layer inserts a layer between TLS and the lines, such as COMPRESS (RFC 4978). From then on the dialogue goes
	// through the connection that wrap returns.
	Layer(wrap func(net.Conn) net.Conn) error
}

// EngineSide is the part of a Port that faces the engine. All its methods except Pass and the last four are called with
// the lock held.
type EngineSide interface {
	// Pass gives the engine its next unit.
	Pass(unit []byte)
	// Tell passes a line from the engine to the client, edited by the scenario. by is the scenario that already made
	// the line up; "" means that the engine said it.
	Tell(line []byte, by string) error
	// RefusedBy returns the scenario whose refusal this line of the engine's repeats, or "". last says that the reply
	// ends with this line.
	RefusedBy(last bool) string
	// BeginDownload is called before the first byte of a whole message. Download passes bytes of a message or literal
	// to the client.
	BeginDownload()
	Download(b []byte) error
	// Replaced reports whether a scenario has another reply for the command that the engine is answering. Replace sends
	// that reply; NotReplaced drops it.
	Replaced() bool
	Replace() error
	NotReplaced()
	// CutReply reports whether a scenario cuts the connection in place of the final reply to a message.
	CutReply() bool
	// Capabilities edits a list of capabilities as the scenario wants, and returns the scenario that did.
	Capabilities(names []string) (edited []string, by string)
	// Knows reports whether the engine has a command. Beside reports whether a handler beside the engine answers it.
	// RunBeside runs that handler; the line's arguments hold literals as they came, like "{3}\r\nabc". Adds lists the
	// capabilities that such commands bring. None of these four needs the lock.
	Knows(verb string) bool
	Beside(verb string) bool
	Adds() []string
	RunBeside(Line) error
}

// Matching is how a framing asks the scenario's rules about a command.
type Matching interface {
	// Active reports whether any rule can act on this connection. If not, the framing needn't build an About.
	Active() bool
	// Ask asks the scenario about the command that was recorded last. handled says that the engine must not see the
	// command, because it has been answered or because the connection has ended (with an error). A command whose
	// capability is hidden is handled too, or the capability of a parameter.
	Ask(About) (handled bool, err error)
	// Injected returns the reply that Ask sent in the engine's place, or "".
	Injected() string
	// Claims names the user who is about to log in. Sends names the sender of the message that begins.
	Claims(user string)
	Sends(sender string)
	// Begun says whether the last command really began a message. If it didn't, the previous message goes on.
	Begun(bool)
	// Taken says that the last command's recipient was accepted. EndMail says that the transaction is over.
	Taken()
	EndMail()
}

// About is what a command is about. Rules match on it.
type About struct {
	Tag       string // "" in a protocol without tags
	Verb      string
	Sender    string   // of the message that begins
	Recipient string   // that the command names
	Begins    bool     // the command begins a message: Sender is set, and no recipient is known yet
	Ends      bool     // the command abandons the transaction
	Mailboxes []string // that the command names; otherwise the selected one
	Uses      []string // capabilities that the command's parameters need
	Args      string   // what follows the verb on the command's first line
	Messages  string   // the set of message numbers that the command names, like 1:3
	UIDs      string   // the same, of UIDs
}

// Show says how much of a command line may be recorded.
type Show int

// How much is recorded.
const (
	ShowMasked  Show = iota // the line, without what could be a credential (Masker)
	ShowAll                 // the line is a command of the protocol and not a login: all that the command's grammar allows
	ShowNothing             // only that a line came: it may belong to a login exchange
)
