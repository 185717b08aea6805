// Package fault holds everything that mailrig can do wrong on purpose.
//
// A kind of fault is one file: a type whose exported fields are its YAML, its
// Kind (name, documentation, example), and the stages it takes part in. A stage
// is a one-method interface in stages.go (listen, accept, TLS, greeting,
// capabilities, command, body, login); a kind implements those it acts on, and
// nobody who writes a scenario learns the word "stage". What else may be asked of
// a kind (what it does in words, how long it makes a client wait, in which
// protocols it acts) is an optional interface in answers.go.
//
// A Rule is an optional Match, optional counters and one fault. Compile makes a
// Plan of rules; Plan.Conn gives the view of one connection, which the gate and
// the login layer ask. Nobody else asks: protocol code never knows that a fault
// exists. Every method of a Conn may be called on a nil Conn. A user may have a
// Plan of its own, whose rules join a connection's when the user is known.
//
// A fault is only settings: once it has been read and validated it never
// changes, and plans share it. What a rule has to remember stands in the plan's
// Counters.
//
// To add a kind: one file with the type, and one row in Kinds. A kind that exists
// only in a test is a value of the same interface, outside this package.
package fault

import (
	"fmt"
	"net/netip"
)

// Fault is one kind's settings: a pointer that its Kind's New made.
type Fault interface{ Kind() Kind }

// Kind describes a kind of fault to those who load, explain and document
// scenarios.
type Kind struct {
	Name    string // the YAML key
	Doc     string // what it does, one sentence
	Example string // its value in YAML
	New     func() Fault
	ForUser ForUser
	Counts  bool // it counts by itself what Per says, without skip and times
}

// ForUser says whether rules of a kind can act for one user alone. Who a client is
// comes out at its login: whatever happens before can't depend on it.
type ForUser int

// The answers.
const (
	Never     ForUser = iota // it acts, or is told to clients, before the login
	ByCommand                // as the command that the rule matches: those before the login can't
	Always                   // it acts at the login or after it
)

// Per says what a rule's counters count separately.
type Per string

// What counters may be kept for.
const (
	PerScenario   Per = ""           // one counter for as long as the scenario is active
	PerConnection Per = "connection" // starts anew with every connection
	PerClient     Per = "client"     // client address
	PerUser       Per = "user"       // user name of the login
	PerEnvelope   Per = "envelope"   // sender, recipient and client address together
)

// Pers lists what a scenario may write.
var Pers = []Per{PerConnection, PerClient, PerUser, PerEnvelope}

// Event is a moment in which rules are consulted.
type Event struct {
	Door       int
	Protocol   string
	Client     netip.Addr
	Secure     bool
	Command    string // upper case; "" when the moment isn't a command's
	User       string
	Sender     string
	Recipient  string   // of RCPT; "" when the moment is about a whole message
	Recipients []string // accepted for the message so far
	Mailboxes  []string // IMAP: that the command is about
	Mechanism  string
}

// ValueError says that a value isn't among those that can be. Who loads a
// scenario adds which one was perhaps meant.
type ValueError struct {
	Value string
	Known []string
	Open  bool // Known are examples: there are others
}

func (e *ValueError) Error() string { return fmt.Sprintf("%q isn't one of %v", e.Value, e.Known) }
