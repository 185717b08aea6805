// Package protocol says what a mail protocol is, to everything that must know: its words, its replies, its
// framing and its doors. Each protocol is a value, made in a folder of its own (smtp, imap, pop3); package all
// lists the product's. The gate, faults, transcripts, check, diagnose, the doors' table and the scenarios' lint
// ask these values, so that none of them has a protocol's name in it.
//
// To add a protocol: a folder with words.go, replies.go, framing.go and doors.go, a row in package all, and an
// engine where the server assembles.
package protocol

import (
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
)

// Protocol is one protocol.
type Protocol struct {
	Name  string // in scenarios, flags and JSON: smtp
	Title string // for people: SMTP
	// Receives says that clients fetch mail by it; otherwise they send.
	Receives bool
	// StartTLS is the command that begins TLS: STARTTLS or STLS.
	StartTLS string

	Words   Words
	Replies Replies
	Framing func(Port) Framing
	// Uses names the extensions that a command line uses by its verb or its arguments, and that clients may use
	// only where they are listed. Each is a list of names, of which one must be listed; the first is the usual
	// one. nil: the protocol has none.
	Uses func(Line) [][]string
	// ListsMore says that a server may list more capabilities once the client has logged in.
	ListsMore bool
	// ListOptional says that a client may do without the list of capabilities.
	ListOptional bool
	// Told returns what the lines of a reply tell that a client can't know but from there. nil: nothing.
	Told  func(lines []string) Told
	Doors []Door
	// Refusals are the usual replies of a server that refuses, in the form that Replies.Write
	// takes.
	Refusals map[Reason]string

	// Idle is how long a client may say nothing, MaxLine how long a line of its may be, in bytes with its end.
	Idle    time.Duration
	MaxLine int
}

// Word is what is known of a command.
type Word struct {
	Verb string // upper case; a sub-command belongs to it: UID FETCH
	// Secret says what of its arguments is a credential.
	Secret event.Secret
	// Login says that it is a login, or the part of one that carries the password.
	Login bool
	// Digest says that its credential proves that the client knows the password, and doesn't show it.
	Digest bool
	// Asks says that it asks for the capabilities, Leaves that it ends the connection in peace.
	Asks, Leaves bool
	// Polite says that it doesn't do what a client has come for: it asks, waits, begins TLS or leaves.
	Polite bool
	// Mail says that a message or literal of the client's belongs to it.
	Mail bool
	// GoAhead says that the message may be sent only when the server has said so.
	GoAhead bool
	// Needs is the capability that must be listed for it, and without which it is refused; "" for none. Where
	// Unless is listed, it is forbidden.
	Needs, Unless string
	// State is where it may be used.
	State State
	// Opens says that clients of this protocol begin with it and those of others don't: where it comes to
	// another protocol's door, it tells whose client that is.
	Opens bool
}

// State says in which states of a connection a command may come, as a set.
type State int

// The states.
const (
	InClear   State = 1 << iota // before TLS
	NoLogin                     // before a login has succeeded
	LoggedIn                    // after
	Selected                    // with a mailbox open
	InMessage                   // between the commands of a transaction

	Anywhere State = 0 // no restriction
)

// Words is a protocol's list of commands.
type Words []Word

// Find returns the word with a verb, in whatever letters; ok is false for a verb that the protocol doesn't have.
func (w Words) Find(verb string) (word Word, ok bool) {
	i := slices.IndexFunc(w, func(x Word) bool { return strings.EqualFold(x.Verb, verb) })
	if i < 0 {
		return Word{Verb: strings.ToUpper(verb)}, false
	}
	return w[i], true
}

// Line is a command line taken apart.
type Line struct {
	Tag  string // of a protocol that has tags
	Verb string // upper case, with its sub-command
	Args string // what follows, without the line end
}

// Replies is what the server says, in one protocol's form.
type Replies interface {
	event.Reader

	// Command takes a client's line apart; it never fails: what isn't there is "".
	Command(line string) Line
	// List returns the capabilities that the lines of a reply to a verb list, upper case, with their
	// parameters; ok is false where there is no list.
	List(verb string, lines []string) (names []string, ok bool)

	// Write makes a reply for the wire from a scenario's text: one status, its lines separated by \n.
	Write(tag, text string) []byte
	// Greeting is Write for what a server says first.
	Greeting(text string) []byte
	// Positive reports whether a text for Write says that the command was done.
	Positive(text string) bool
	// Closes reports whether a server that says this closes the connection, in a greeting or later.
	Closes(text string, greeting bool) bool
	// Check says what is wrong with a scenario's text for Write, or nil.
	Check(text string, greeting bool) error
	// IsCommand reports whether a line, heard out of context, may be shown as a command of the protocol rather
	// than as a line of a login exchange.
	IsCommand(line string) bool
	// Canned returns a reply of the gate's own, as it goes over the wire; nil where the protocol says nothing.
	Canned(c Canned, tag, domain string) []byte
}

// Told is what a reply tells by name.
type Told struct {
	Mailboxes []string
	// Referred are users and mailboxes in addresses of other servers, to which the reply sends the client.
	Referred []string
}

// Canned names a reply that the gate gives in any protocol.
type Canned int

// The canned replies.
const (
	IdleTooLong Canned = iota
	TooMuchData
	TooManyConnections
	UnknownCommand // also for a command whose capability a scenario hides
	ShuttingDown
	GoAhead // for TLS
)

// Door is one standard port with its one correct behaviour.
type Door struct {
	Port     int    // its identity, wherever it really listens
	Service  string // IANA service name
	Security Security
	// Login says that mail is taken only from who has logged in.
	Login bool
	// Suggest says that settings are advised to use this door, for its kind of encryption.
	Suggest bool
}

// Security is how a door speaks TLS.
type Security string

// The kinds of security.
const (
	STARTTLS         Security = "starttls"          // clear; TLS on request
	STARTTLSRequired Security = "starttls-required" // clear; TLS before anything else
	TLS              Security = "tls"               // from the first byte
)

// Door returns the protocol's suggested door with TLS from the first byte, or with STARTTLS; 0 for none.
func (p *Protocol) Door(fromFirstByte bool) int {
	for _, d := range p.Doors {
		if d.Suggest && (d.Security == TLS) == fromFirstByte {
			return d.Port
		}
	}
	return 0
}

// Find returns the protocol with a name.
func Find(list []*Protocol, name string) *Protocol {
	for _, p := range list {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Masker hides the credentials of all these protocols' commands, whichever of them is spoken.
func Masker(list []*Protocol) *event.Masker {
	verbs := map[string]event.Secret{}
	for _, p := range list {
		for _, w := range p.Words {
			if w.Secret != event.NoSecret {
				verbs[w.Verb] = w.Secret
			}
		}
	}
	return event.NewMasker(verbs)
}
