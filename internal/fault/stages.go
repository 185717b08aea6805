package fault

import (
	"time"

	"github.com/mailrig/mailrig/internal/identity"
)

// The stages. A kind implements the interfaces of those it acts on. Most methods get
// what has been decided so far and change it.
type (
	// ListenStage acts on a door as a whole.
	ListenStage interface{ Listen() ListenMode }
	// AcceptStage acts on a connection that was just accepted.
	AcceptStage interface{ Accept() AcceptMode }
	// PaceStage slows down what the server sends.
	PaceStage interface{ Pace(*Pace) }
	// FirstStage says what a door speaks first.
	FirstStage interface{ First() SecurityMode }
	// TLSStage acts on a handshake that is about to begin.
	TLSStage interface{ TLS(*TLS) }
	// StartStage says in which state the engine begins.
	StartStage interface{ Start(*Start) }
	// GreetStage acts on the greeting. False: has nothing to say to this protocol, don't count.
	GreetStage interface {
		Greet(g *Greet, protocol string) bool
	}
	// CapabilityStage decides about one capability.
	CapabilityStage interface {
		Capability(name string) CapabilityFate
	}
	// ListStage changes a list of capabilities.
	ListStage interface {
		List(names []string, protocol string) []string
	}
	// CommandStage acts on a command. False: has nothing to say now, don't count.
	CommandStage interface {
		Command(a *Action, e *Event, n Counts) bool
	}
	// UpgradeStage acts around STARTTLS.
	UpgradeStage interface {
		Upgrade(u *Upgrade, protocol string)
	}
	// BodyStage acts on a message on its way.
	BodyStage interface {
		Body(in Place) (Cut, bool)
	}
	// EditStage changes a line of the engine's reply.
	EditStage interface {
		Edit(line []byte) (edited []byte, did bool)
	}
	// FinalStage makes the reply to a message late.
	FinalStage interface{ Final() time.Duration }
	// LoginStage refuses a login whatever the password; nil: doesn't.
	LoginStage interface {
		Login(e *Event, a identity.Attempt) *identity.Refusal
	}
	// OfferStage offers mechanisms besides the usual ones.
	OfferStage interface{ Offers() []string }
	// AdmitStage refuses a login that is right in every other way; nil: doesn't.
	AdmitStage interface {
		Admit(a identity.Attempt, n Counts) *identity.Refusal
	}
	// LimitStage makes the engine's limits smaller.
	LimitStage interface{ Limit(*Limits) }
	// FolderStage gives accounts folders.
	FolderStage interface{ Folders() []Folder }
	// HierarchyStage gives mailbox names another form.
	HierarchyStage interface {
		Hierarchy() (delimiter byte, prefix string)
	}
	// FillStage makes an INBOX large.
	FillStage interface {
		Fill(user string, n Counts) Filling
	}
	// MeanwhileStage lets another session change the selected mailbox.
	MeanwhileStage interface{ Meanwhile(*Meanwhile) }
	// IdleStage acts on IDLE.
	IdleStage interface{ Idle() (mute bool) }
	// BounceStage lets an accepted message come back.
	BounceStage interface{ Bounce() Bounce }
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
	AcceptPortal AcceptMode = "portal" // an HTTP redirect, as a captive portal sends
)

// Pace says how fast the server's bytes go out; the zero Pace is as fast as can be.
type Pace struct {
	Bytes int           // so many at a time
	Every time.Duration // with this pause between
	By    string
}

// TLS says how a connection's TLS departs from the door's own.
type TLS struct {
	Certificate string // certificate profile, "" the right one

	MinVersion, MaxVersion uint16 // of crypto/tls, 0 the usual
	NoCommonCipher         bool
	ClientCertificate      bool // one is demanded
	ServerName             bool // a handshake without a name is refused

	Handshake HandshakeFate
	Alert     uint8 // with HandshakeAlert
	By        string
}

// SecurityMode is what a door speaks first.
type SecurityMode string

// The security modes.
const (
	SpeakTLS   SecurityMode = "tls"
	SpeakClear SecurityMode = "clear"
)

// HandshakeFate is what becomes of a TLS handshake.
type HandshakeFate string

// The fates of a handshake.
const (
	HandshakeDone    HandshakeFate = ""
	HandshakeStall   HandshakeFate = "stall"   // no answer to the ClientHello
	HandshakeGarbage HandshakeFate = "garbage" // an answer that isn't TLS
	HandshakeClose   HandshakeFate = "close"   // FIN instead of an answer
	HandshakeReset   HandshakeFate = "reset"   // RST instead of an answer
	HandshakeAlert   HandshakeFate = "alert"   // a fatal alert
)

// Start says in which state a connection begins.
type Start struct {
	User string // IMAP: logged in already (PREAUTH); "" not
	By   string
}

// Greet says how the greeting departs from the engine's own.
type Greet struct {
	Delay   time.Duration
	DelayBy string
	Line    string // "" the engine's own
	Raw     string // as Line, but these very bytes and no more
	By      string
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
	EndNone     End = ""
	EndClose    End = "close"    // FIN, inside TLS after close_notify
	EndReset    End = "reset"    // RST
	EndTruncate End = "truncate" // FIN without TLS's close_notify
	EndSilence  End = "silence"  // stays open, and nothing is ever said again
)

// Action is what to do with a command instead of, before, or after giving it to the
// engine.
type Action struct {
	Delay   time.Duration
	DelayBy string
	Say     []Said // said before the reply
	Reply   string // answer with this and keep the command from the engine
	Raw     string // as Reply, but these very bytes; {tag} is IMAP's tag
	Replace string // let the engine do it, and answer with this instead
	End     End    // then, or at once
	By      string // whose Reply, Replace or End it is
}

// Said is something that a scenario says.
type Said struct{ Text, By string }

// Upgrade is what happens around STARTTLS.
type Upgrade struct {
	Raw    string // these very bytes instead of the positive reply; {tag} is IMAP's tag
	Inject string // sent in clear behind the positive reply, in one segment with it
	Keep   bool   // clear text pipelined behind STARTTLS is run inside TLS
	By     string
}

// Place is where a connection may be cut.
type Place string

// The places.
const (
	InUpload   Place = "upload"   // a message that the client sends: DATA, BDAT, APPEND
	InDownload Place = "download" // a message that the server sends: RETR, TOP, a FETCH literal
	InReply    Place = "reply"    // the message is stored, its reply never comes
)

// Cut ends a connection in the middle of something.
type Cut struct {
	After int64 // bytes of it that still go through
	End   End   // EndNone: don't
	By    string
}

// Limits are smaller than the server's own; 0 is the server's own.
type Limits struct {
	MessageBytes int64
	Recipients   int
	By           string
}

// Bounce is a delivery that comes back later.
type Bounce struct {
	After  time.Duration
	Status string // RFC 3463, like 5.1.1
	Text   string // SMTP reply of the host that refused, like 550 5.1.1 User unknown
	By     string
}
