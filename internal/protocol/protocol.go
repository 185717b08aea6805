// Package protocol defines what a mail protocol is: its words, its replies, its framing and its doors. Each protocol is
// a value, built in a package of its own (smtp, imap, pop3); package all lists the ones mailrig serves. The gate, the
// faults, check, diagnose, the table of doors and the scenarios' lint ask these values, so none of them names a
// protocol.
//
// To add a protocol, write a package with words.go, replies.go, framing.go and engine.go, add a row to package all, and
// give the server its engine. server/toy_test.go does this for a protocol that exists only in the test.
package protocol

import (
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
)

// Protocol describes one protocol.
type Protocol struct {
	Name  string // in scenarios, flags and JSON: smtp
	Title string // for people: SMTP
	// Receives says that clients fetch mail with it. Otherwise they send with it.
	Receives bool
	// StartTLS is the command that begins TLS: STARTTLS or STLS.
	StartTLS string

	Words   Words
	Replies Replies
	Framing func(Port) Framing
	// Greeting returns what the engine of a server with this name says first, with its line end. The gate then needs no
	// engine for a client that says nothing. nil means that only the engine knows.
	Greeting func(domain string) []byte
	// Uses names the extensions that a command line uses, by its verb or its arguments, and that a client may use only
	// if the server advertises them. Each extension is a list of capability names: one of them must be advertised, and
	// the first is the usual one. nil means that the protocol has no extensions.
	Uses func(Line) [][]string
	// Flaw returns what is wrong with the form of a command line, or nil if nothing can be seen. It sees what servers
	// refuse, and little that they don't. nil means that it knows no flaws.
	Flaw func(Line) *Flaw
	// Named returns what the arguments of a command line name. nil means nothing that rules match on.
	Named func(Line) Named
	// ListsMore says that a server may advertise more capabilities after the client has logged in.
	ListsMore bool
	// Logins returns how a list of capabilities names ways to log in: these SASL mechanisms and, if password is set, the
	// command that carries the password. nil means that the protocol has no logins.
	Logins func(mechanisms []string, password bool) []string
	// ListOptional says that a client may work without asking for the capability list.
	ListOptional bool
	// Told returns the names that a client can learn only from the lines of this reply. nil means none.
	Told  func(lines []string) Told
	Doors []Door
	// Rank orders protocols with the same purpose. Clients prefer the lowest.
	Rank int
	// Envelopes says that messages have senders and recipients that rules can match. Mailboxes says that commands name
	// mailboxes, or act on a selected one.
	Envelopes, Mailboxes bool
	// Capabilities are the names that servers advertise, mailrig or others. They come from IANA's registries and from a
	// few providers. nil means that they aren't known.
	Capabilities []string
	// Connections is how many simultaneous connections a large provider allows one user. 0 means that no limit is
	// known.
	Connections int
	// Refusals are the usual replies to what the server refuses, as texts for Replies.Write.
	Refusals map[Reason]string

	// Idle is how long a client may stay silent. MaxLine is the longest line that it may send, in bytes, including the
	// line end.
	Idle    time.Duration
	MaxLine int
}

// Word describes a command.
type Word struct {
	Verb string // upper case; includes a sub-command, as in UID FETCH
	// Secret says which of the arguments are credentials.
	Secret event.Secret
	// Shows returns what may be recorded of the arguments of a command that has no Secret: those that its grammar
	// allows, and event.Mask for the others, among which a password may be. nil: all of them, because they may be any
	// text.
	Shows func(args string) string
	// Login says that the command is a login, or the step of one that carries the password.
	Login bool
	// Digest says that the credential proves knowledge of the password without revealing it.
	Digest bool
	// Asks says that the command requests the capability list. Leaves says that it ends the connection in an orderly
	// way.
	Asks, Leaves bool
	// MustWait says that the reply decides what a client may send next, so that it must come before the client's next
	// command.
	MustWait bool
	// Polite says that the command isn't what a client connects for: it asks, waits, begins TLS or leaves.
	Polite bool
	// Mail says that a message or a literal from the client belongs to the command.
	Mail bool
	// GoAhead says that the client must wait for the server's go-ahead before it sends the message.
	GoAhead bool
	// Needs is the capability that must be advertised; without it the command is refused. "" means none. If Unless is
	// advertised, the command is forbidden.
	Needs, Unless string
	// State is the set of states in which the command is allowed.
	State State
	// Opens says that clients of this protocol begin with this command, and clients of no other protocol do. At another
	// protocol's door it shows what kind of client has connected.
	Opens bool
}

// Flaw is what is wrong with the form of a command line.
type Flaw struct {
	What    string // a sentence without its full stop
	Section string // where the right form is defined: RFC 9051 section 4.3
	Do      string // what the client should do instead; completes "let it ..."
	// Tolerated says that many servers understand the command all the same.
	Tolerated bool
}

// State is a set of connection states in which a command may be used.
type State int

// The states of a connection.
const (
	InClear   State = 1 << iota // before TLS
	NoLogin                     // before a login has succeeded
	LoggedIn                    // after a login has succeeded
	Selected                    // with a mailbox open
	InMessage                   // between the commands of a transaction

	Anywhere State = 0 // no restriction
)

// Words is a protocol's list of commands.
type Words []Word

// Find returns the word with this verb, in any case. ok is false if the protocol has no such verb; word then holds only
// the verb.
func (w Words) Find(verb string) (word Word, ok bool) {
	i := slices.IndexFunc(w, func(x Word) bool { return x.Verb == verb })
	if i < 0 {
		i = slices.IndexFunc(w, func(x Word) bool { return strings.EqualFold(x.Verb, verb) })
	}
	if i < 0 {
		return Word{Verb: strings.ToUpper(verb)}, false
	}
	return w[i], true
}

// Replies reads and writes what a server says in one protocol.
type Replies interface {
	event.Reader

	// Command splits a client's line. It never fails: a part that is missing is "".
	Command(line string) Line
	// List returns the capabilities in the reply to verb, in upper case and with their parameters. ok is false if the
	// reply holds no list.
	List(verb string, lines []string) (names []string, ok bool)

	// Write turns a scenario's text into a reply for the wire. The text has one status; its lines are separated by \n.
	Write(tag, text string) []byte
	// Greeting does the same for the first thing a server says.
	Greeting(text string) []byte
	// Positive reports whether this text says that the command succeeded.
	Positive(text string) bool
	// Closes reports whether a server that says this text closes the connection, as a greeting or later.
	Closes(text string, greeting bool) bool
	// Check reports what is wrong with a scenario's text for Write, or returns nil.
	Check(text string, greeting bool) error
	// IsCommand reports whether a line that was heard out of context may be shown as a command. Otherwise it might be
	// part of a login exchange.
	IsCommand(line string) bool
	// Canned returns a reply of the gate's own, ready for the wire. nil means that the protocol says nothing here.
	Canned(c Canned, tag, domain string) []byte
}

// Told holds the names that a reply tells a client.
type Told struct {
	Mailboxes []string
	// Referred are users and mailboxes on other servers, to which the reply refers the client.
	Referred []string
}

// Canned names a reply that the gate gives in any protocol.
type Canned int

// The canned replies.
const (
	IdleTooLong Canned = iota
	TooMuchData
	TooManyConnections
	UnknownCommand   // also for a command whose capability a scenario hides
	UnknownParameter // likewise for a parameter
	ShuttingDown
	GoAhead // to begin TLS
)

// Door is one standard port and the correct behaviour of a server on it.
type Door struct {
	Port     int    // the door's identity, whatever port it listens on
	Service  string // IANA service name
	Security Security
	// Login says that the door accepts mail only after a login.
	Login bool
	// Suggest says that mailrig advises settings with this door for this kind of encryption.
	Suggest bool
}

// Security says how a door begins TLS.
type Security string

// The kinds of security.
const (
	STARTTLS         Security = "starttls"          // clear text; TLS on request
	STARTTLSRequired Security = "starttls-required" // clear text; TLS before anything else
	TLS              Security = "tls"               // TLS from the first byte
)

// Words says it as a settings screen does.
func (s Security) Words() string {
	switch s {
	case TLS:
		return "SSL/TLS"
	case STARTTLS:
		return "STARTTLS offered"
	case STARTTLSRequired:
		return "STARTTLS required"
	default:
		return string(s)
	}
}

// Door returns the port of the suggested door with TLS from the first byte, or of the one with STARTTLS. It returns 0
// if the protocol has none.
func (p *Protocol) Door(fromFirstByte bool) int {
	for _, d := range p.Doors {
		if d.Suggest && (d.Security == TLS) == fromFirstByte {
			return d.Port
		}
	}
	return 0
}

// Find returns the protocol with this name, or nil.
func Find(list []*Protocol, name string) *Protocol {
	for _, p := range list {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// CodeIn returns the response code at the beginning of a text: the first word in brackets (RFC 9051 section 7.1, RFC
// 2449 section 8). It returns "" if there is none.
func CodeIn(text string) string {
	rest, ok := strings.CutPrefix(text, "[")
	if !ok {
		return ""
	}
	code, _, _ := strings.Cut(rest, "]")
	code, _, _ = strings.Cut(code, " ")
	return code
}
