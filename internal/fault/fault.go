// Package fault holds everything that mailrig can do wrong on purpose.
//
// A kind of fault is one file: a type whose exported fields are its YAML, its Kind (name, documentation, example), and
// the stages in which it acts. A stage is a one-method interface in stages.go (listen, accept, TLS, greeting,
// capabilities, command, body, login). A kind implements the stages in which it acts. Authors of scenarios never meet
// the word "stage". Optional interfaces in answers.go say more about a kind: what it does in words, how long it makes a
// client wait, in which protocols it acts.
//
// A Rule is an optional Match, optional counters and one fault. Compile turns rules into a Plan. Plan.Conn returns the
// view of one connection, which the gate and the session ask. Protocol code never knows that a fault exists. Every
// method of a Conn may be called on a nil Conn. A user may have a Plan of its own, whose rules join the connection's
// once the user is known.
//
// A fault holds only settings. Once it has been read and validated, it never changes, and plans share it. What a rule
// remembers is in the plan's Counters.
//
// To add a kind, write one file with the type and add one row to Kinds. A kind that exists only in a test is a value of
// the same interface outside this package.
package fault

import (
	"fmt"
	"net/netip"
)

// Fault holds the settings of one kind. It is a pointer that its Kind's New returned.
type Fault interface{ Kind() Kind }

// Kind describes a kind of fault, for loading, explaining and documenting scenarios.
type Kind struct {
	Name    string // YAML key
	Doc     string // what it does, in one sentence
	Example string // an example value in YAML
	New     func() Fault
	ForUser ForUser
	Counts  bool // it counts by Per on its own, without skip and times
}

// ForUser says whether rules of a kind can act for one user alone. The user is known only at the login, so nothing
// before it can depend on the user.
type ForUser int

// The values of ForUser.
const (
	Never     ForUser = iota // it acts, or is announced to clients, before the login
	ByCommand                // depends on the command that the rule matches: not before the login
	Always                   // it acts at the login or after it
)

// Per says for what a rule's counters count separately.
type Per string

// The values of Per.
const (
	PerScenario   Per = ""           // one counter while the scenario is active
	PerConnection Per = "connection" // begins anew with every connection
	PerClient     Per = "client"     // per client address
	PerUser       Per = "user"       // per user name of the login
	PerEnvelope   Per = "envelope"   // per combination of sender, recipient and client address
)

// Pers lists the values that a scenario may give.
var Pers = []Per{PerConnection, PerClient, PerUser, PerEnvelope}

// Event describes the moment at which rules are consulted.
type Event struct {
	Door       int
	Protocol   string
	Client     netip.Addr
	Secure     bool
	Command    string // in upper case; "" if the moment isn't a command's
	User       string
	Sender     string
	Recipient  string   // of RCPT; "" if the moment concerns a whole message
	Recipients []string // accepted for the message so far
	Mailboxes  []string // IMAP: the mailboxes that the command is about
	Mechanism  string
	Arguments  string    // of the command
	Messages   string    // the set of message numbers that the command names
	UIDs       string    // the set of UIDs that the command names
	Content    *Contents // of the message that has just come; nil: none has
	Hello      bool      // the client's ClientHello has come, and ServerName is what it asks for
	ServerName string
}

// ValueError says that a value isn't one of the known ones. The loader adds a "did you mean".
type ValueError struct {
	Value string
	Known []string
	Open  bool // Known are only examples; there are others
}

func (e *ValueError) Error() string { return fmt.Sprintf("%q isn't one of %v", e.Value, e.Known) }
