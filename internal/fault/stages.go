package fault

import (
	"cmp"
	"time"

	"github.com/mailrig/mailrig/internal/identity"
)

// The stages. A kind implements the interfaces of the stages in which it acts. Most methods receive what has been
// decided so far, and change it.
type (
	// ListenStage acts on a door as a whole.
	ListenStage interface{ Listen() ListenMode }
	// AcceptStage acts on a connection that was just accepted.
	AcceptStage interface{ Accept() AcceptMode }
	// PaceStage slows down what the server sends.
	PaceStage interface{ Pace(*Pace) }
	// FirstStage decides what a door speaks first.
	FirstStage interface{ First() SecurityMode }
	// TLSStage acts on a handshake that is about to begin.
	TLSStage interface{ TLS(*TLS) }
	// StartStage decides in which state the engine begins.
	StartStage interface{ Start(*Start) }
	// GreetStage acts on the greeting. It returns false if it has nothing to say in this protocol; the match then isn't
	// counted.
	GreetStage interface {
		Greet(g *Greet, protocol string) bool
	}
	// CapabilityStage decides about one capability.
	CapabilityStage interface {
		Capability(name string) CapabilityFate
	}
	// ListStage changes a capability list: Instead replaces what the server itself advertises (nil: it doesn't), Besides
	// is added to what there is.
	ListStage interface {
		Instead(protocol string) []string
		Besides(protocol string) []string
	}
	// PauseStage delays the reply to a command.
	PauseStage interface{ Pause() time.Duration }
	// SayStage sends lines before the reply to a command; "" means none.
	SayStage interface{ Says(protocol string) string }
	// CommandStage decides what becomes of a command. It returns false if it has nothing to say now; the match then
	// isn't counted.
	CommandStage interface {
		Command(a *Answer, e *Event, n Counts) bool
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
	// FinalStage delays the reply to a message.
	FinalStage interface{ Final() time.Duration }
	// LoginStage decides about a login whatever the password is: it refuses it, or keeps the rules behind it from doing
	// so (decided without a refusal).
	LoginStage interface {
		Login(e *Event, a identity.Attempt) (no *identity.Refusal, decided bool)
	}
	// OnlyStage says which ways to log in the server advertises, in place of the usual ones.
	OnlyStage interface{ Only() []string }
	// ProofStage reports whether this part of the server's side of a login exchange is wrong.
	ProofStage interface{ Spoils(identity.ProofPart) bool }
	// ChallengeStage reports whether a refused token gets the refusal without a challenge.
	ChallengeStage interface{ Omits() bool }
	// OfferStage advertises mechanisms besides the usual ones.
	OfferStage interface{ Offers() []string }
	// FailStage advertises mechanisms at which every login fails. Such a kind also refuses the login (LoginStage).
	FailStage interface{ Fails() []string }
	// PasswordStage reads a password as the server does.
	PasswordStage interface {
		Password(sent string) string
	}
	// AdmitStage refuses a login that is right in every other way. nil means that it doesn't.
	AdmitStage interface {
		Admit(a identity.Attempt, n Counts) *identity.Refusal
	}
	// LimitStage lowers the engine's limits.
	LimitStage interface{ Limit(*Limits) }
	// FolderStage gives folders to accounts.
	FolderStage interface{ Folders() []Folder }
	// HierarchyStage changes the form of mailbox names.
	HierarchyStage interface {
		Hierarchy() (delimiter byte, prefix string)
	}
	// FillStage makes an INBOX large.
	FillStage interface {
		Fill(user string, n Counts) Filling
	}
	// RenumberStage moves the UIDs of messages, this far.
	RenumberStage interface{ Renumber() uint32 }
	// MeanwhileStage lets another session change the selected mailbox.
	MeanwhileStage interface{ Meanwhile(*Meanwhile) }
	// IdleStage acts on IDLE.
	IdleStage interface {
		Idle() (after time.Duration, then string)
	}
	// ExpiryStage ends the connection by the clock, unless the client says something before. age is the connection's.
	ExpiryStage interface {
		Expires(age time.Duration, protocol string) Expiry
	}
	// DeliveryStage says what becomes of an accepted message.
	DeliveryStage interface{ Deliver() Fate }
	// IssueStage changes what the issuer of tokens does.
	IssueStage interface{ Issue(*Issuer) }
	// BounceStage lets an accepted message bounce later.
	BounceStage interface{ Bounce() Bounce }
)

// ListenMode is what happens to a TCP connection before anybody accepts it.
type ListenMode string

// The listen modes.
const (
	ListenOpen   ListenMode = ""
	ListenRefuse ListenMode = "refuse" // connection refused
	ListenDrop   ListenMode = "drop"   // no answer: the client's connect times out
)

// AcceptMode is what happens to a connection after it was accepted.
type AcceptMode string

// The accept modes.
const (
	AcceptServe  AcceptMode = ""
	AcceptSilent AcceptMode = "silent" // nothing is ever said
	AcceptClose  AcceptMode = "close"  // FIN at once
	AcceptReset  AcceptMode = "reset"  // RST at once
	AcceptPortal AcceptMode = "portal" // an HTTP redirect, as a captive portal sends
)

// Pace says how fast the server's bytes are sent. The zero Pace means as fast as possible.
type Pace struct {
	Bytes int           // how many at a time
	Every time.Duration // pause between two pieces
	By    string
}

// TLS says how a connection's TLS differs from the door's own.
type TLS struct {
	Certificate string // certificate profile; "" means the correct certificate

	MinVersion, MaxVersion uint16 // crypto/tls numbers; 0 means the usual ones
	NoCommonCipher         bool
	ClientCertificate      bool // the client must present one
	ServerName             bool // the client must send SNI

	Handshake HandshakeFate
	Alert     uint8 // for HandshakeAlert
	By        string
}

// with adds what t doesn't have yet. Versions belong together, and so do a fate and its alert.
func (t TLS) with(more TLS) TLS {
	t.Certificate = cmp.Or(t.Certificate, more.Certificate)
	if t.MinVersion == 0 && t.MaxVersion == 0 {
		t.MinVersion, t.MaxVersion = more.MinVersion, more.MaxVersion
	}
	t.NoCommonCipher = t.NoCommonCipher || more.NoCommonCipher
	t.ClientCertificate = t.ClientCertificate || more.ClientCertificate
	t.ServerName = t.ServerName || more.ServerName
	if t.Handshake == HandshakeDone {
		t.Handshake, t.Alert = more.Handshake, more.Alert
	}
	return t
}

// SecurityMode is what a door speaks first.
type SecurityMode string

// The security modes.
const (
	SpeakTLS   SecurityMode = "tls"
	SpeakClear SecurityMode = "clear"
)

// HandshakeFate is what happens to a TLS handshake.
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
	User string // IMAP: the user who is already logged in (PREAUTH); "" means nobody
	By   string
}

// Greet says how the greeting differs from the engine's own.
type Greet struct {
	Delay   time.Duration
	DelayBy string
	Line    string // "" means the engine's own
	Raw     string // exactly these bytes, in place of Line
	By      string
}

// CapabilityFate says what happens to one capability.
type CapabilityFate int

// The fates. A greater number is worse.
const (
	CapabilityShown    CapabilityFate = iota
	CapabilityStripped                // not advertised, but served
	CapabilityHidden                  // not advertised, and its command refused
)

// End says how a connection ends.
type End string

// The ways a connection can end.
const (
	EndNone     End = ""
	EndClose    End = "close"    // FIN, after close_notify inside TLS
	EndReset    End = "reset"    // RST
	EndTruncate End = "truncate" // FIN without TLS's close_notify
	EndSilence  End = "silence"  // stays open, and the server never says anything again
	EndVanish   End = "vanish"   // the link is dead: nothing comes through in either direction, and nobody is told
)

// Action says what to do about a command before and instead of giving it to the engine.
type Action struct {
	Delay   time.Duration
	DelayBy string
	Say     []Said // sent before the reply
	Answer
	By string // scenario of the Answer
}

// Answer is what becomes of a command instead of what the engine would do.
type Answer struct {
	Reply   string // answer with this, and keep the command from the engine
	Raw     string // exactly these bytes, in place of Reply; {tag} is replaced by IMAP's tag
	Replace string // let the engine carry it out, and answer with this
	End     End    // after the reply, or at once
}

// Said is a text that a scenario says.
type Said struct{ Text, By string }

// Upgrade says what happens around STARTTLS.
type Upgrade struct {
	Raw    string // exactly these bytes in place of the positive reply; {tag} is replaced by IMAP's tag
	Inject string // sent in clear after the positive reply, in the same segment
	Keep   bool   // clear text pipelined behind STARTTLS runs inside TLS
	By     string
}

// with adds what u doesn't have yet.
func (u Upgrade) with(more Upgrade) Upgrade {
	u.Raw, u.Inject, u.Keep = cmp.Or(u.Raw, more.Raw), cmp.Or(u.Inject, more.Inject), u.Keep || more.Keep
	return u
}

// Place is where a connection may be cut.
type Place string

// The places.
const (
	InUpload   Place = "upload"   // a message that the client sends: DATA, BDAT, APPEND
	InDownload Place = "download" // a message that the server sends: RETR, TOP, a FETCH literal
	InReply    Place = "reply"    // the message is stored, and its reply never comes
)

// Cut ends a connection in the middle of something.
type Cut struct {
	After int64 // bytes of it that pass before the cut
	End   End   // EndNone: don't cut
	By    string
}

// Limits are lower than the server's own. 0 means the server's own. A limit that is announced is no act; what is refused
// because of it is.
type Limits struct {
	MessageBytes int64
	Recipients   int
	BytesBy      string // the scenario that sets MessageBytes
	RecipientsBy string // the scenario that sets Recipients
}

// Bytes returns the limit in force on a message, in bytes, where the rig's own limit is own. by is the scenario that
// sets it, or "" if the rig's own is the smaller one. 0 means no limit.
func (l Limits) Bytes(own int64) (limit int64, by string) {
	if l.MessageBytes <= 0 || own > 0 && own < l.MessageBytes {
		return own, ""
	}
	return l.MessageBytes, l.BytesBy
}

// Bounce says how a delivery bounces later.
type Bounce struct {
	After  time.Duration
	Status string // enhanced status code (RFC 3463), like 5.1.1
	Text   string // SMTP reply of the host that refused it, like 550 5.1.1 User unknown
	By     string
}
