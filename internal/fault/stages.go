package fault

import (
	"time"

	"github.com/mailrig/mailrig/internal/login"
)

// The stages. A kind implements the interfaces of those it acts on. Each method
// gets what has been decided so far and changes it.
type (
	listenStage interface{ listen() ListenMode }
	acceptStage interface{ accept() AcceptMode }
	tlsStage    interface{ tls(*TLS) }
	greetStage  interface{ greet(*Greet, string) }
	capsStage   interface {
		capability(name string) CapabilityFate
	}
	commandStage interface {
		command(*Action, *Event) bool // false: has nothing to say to this protocol, don't count
	}
	bodyStage  interface{ body() Body }
	loginStage interface {
		login(*Conn, login.Attempt) *login.Refusal
	}
)

// ListenMode is what becomes of a TCP connection before anybody accepts it.
type ListenMode string

// The listen modes.
const (
	ListenOpen   ListenMode = ""
	ListenRefuse ListenMode = "refuse" // connection refused
	ListenDrop   ListenMode = "drop"   // no answer: the client's connect times out
)

// AcceptMode is what becomes of a connection that was accepted.
type AcceptMode string

// The accept modes.
const (
	AcceptServe  AcceptMode = ""
	AcceptSilent AcceptMode = "silent" // nothing is ever said
	AcceptClose  AcceptMode = "close"  // FIN at once
	AcceptReset  AcceptMode = "reset"  // RST at once
)

// TLS says how a connection's TLS departs from the door's own.
type TLS struct {
	Mode        SecurityMode // "" as the door has it
	Certificate string       // certificate profile, "" the right one
	By          string
}

// SecurityMode is what a door speaks first.
type SecurityMode string

// The security modes.
const (
	SpeakTLS   SecurityMode = "tls"
	SpeakClear SecurityMode = "clear"
)

// Greet says how the greeting departs from the engine's own.
type Greet struct {
	Delay time.Duration
	Line  string // "" the engine's own
	By    string
}

// CapabilityFate says what becomes of one capability.
type CapabilityFate int

// The fates, the worse the greater.
const (
	CapabilityShown    CapabilityFate = iota
	CapabilityStripped                // not listed, yet served
	CapabilityHidden                  // not listed, and its command refused
)

// End says how a connection ends.
type End string

// The ends.
const (
	EndNone  End = ""
	EndClose End = "close" // FIN
	EndReset End = "reset" // RST
)

// Action is what to do with a command instead of, or before, giving it to the
// engine.
type Action struct {
	Delay   time.Duration
	DelayBy string
	Reply   string // answer with this and keep it from the engine
	End     End
	By      string
}

// Body is what to do with a message that the client sends.
type Body struct {
	After int64 // cut after so many bytes
	End   End   // EndNone: nothing
	By    string
}

// stateful is a kind that keeps counts of its own; each Plan gets a fresh one.
type stateful interface{ fresh() any }
