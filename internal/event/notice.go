package event

import "time"

// This file defines what a scenario or mailrig did, and what the gate noticed about the client.

// Acted says that a scenario's rule acted. The event's By names the scenario.
type Acted struct {
	Rule    int    // the rule's index in the scenario, from 0
	Kind    string // kind of the fault
	Command string // the command being answered; "" if there is none
}

// Delayed says that a scenario makes the client wait.
type Delayed struct {
	Of  Delay
	For time.Duration
}

// Delay names what is delayed.
type Delay string

// What can be delayed.
const (
	DelayedGreeting   Delay = "greeting"
	DelayedReply      Delay = "reply"
	DelayedFinalReply Delay = "final-reply" // the reply to a message, after its last byte
)

// Silenced says that a scenario has stopped the server from saying anything.
type Silenced struct {
	Moment Moment
	// Instead says that the door should have dropped the connection, and that this operating system can't.
	Instead bool
}

// Cut says that a scenario has ended the connection.
type Cut struct {
	Moment Moment
	How    string // close, reset, truncate, garbage or alert
}

// Moment names the part of a connection in which something happened.
type Moment string

// The parts of a connection.
const (
	AtAccept    Moment = "accept"
	AtHandshake Moment = "handshake"
	AtDialogue  Moment = "dialogue"
)

// Waiting says that mailrig has been waiting for the client for some time.
type Waiting struct {
	For   Awaited
	Since time.Duration // since the connection was accepted
}

// Awaited names what mailrig is waiting for.
type Awaited string

// What mailrig can wait for.
const (
	AwaitsHello Awaited = "hello" // a ClientHello
)

// ClearOnTLS says that the client spoke in clear where TLS must begin. Its words aren't recorded, because they may hold
// a password.
type ClearOnTLS struct {
	StartTLS bool   // after STARTTLS, rather than on a door that begins with TLS
	Protocol string // the protocol of the first bytes, like HTTP or SMTP; "" if unknown
}

// What ClearOnTLS.Protocol says of clients that speak no mail protocol.
const (
	HTTP  = "HTTP"  // a web client that has connected to the wrong port
	PROXY = "PROXY" // a balancer that puts the PROXY protocol's header in front
)

// BehindSTARTTLS says that clear text came between STARTTLS and the handshake (RFC 3207 section 4.2).
type BehindSTARTTLS struct {
	Bytes int
	Kept  bool // a scenario runs it inside TLS, as a vulnerable server would; otherwise mailrig dropped it
}

// Bouncing says that mailrig will send a report about a failed delivery.
type Bouncing struct {
	Recipient string // who couldn't be reached
	Sender    string // who will get the report
	After     time.Duration
}

// Noticed is a fact about the client, or about mailrig, that has no details.
type Noticed struct {
	Sign Sign
}

// Sign names such a fact.
type Sign string

// The facts.
const (
	SpokeEarly       Sign = "spoke-early"       // bytes came before the greeting was sent
	Pipelined        Sign = "pipelined"         // a command came before the reply to the previous one
	TookInjected     Sign = "took-injected"     // the client took a reply that was injected behind STARTTLS for the real one
	BareLF           Sign = "bare-lf"           // a line of a message ends with LF alone
	UnstuffedDot     Sign = "unstuffed-dot"     // a line of a message begins with a dot that wasn't doubled
	TLSOnClearPort   Sign = "tls-on-clear-port" // a ClientHello where clear text must begin
	Knocked          Sign = "knocked"           // somebody tried to connect to a door that drops connections
	Acknowledged     Sign = "acknowledged"      // the client answered an OAuth login's error as its mechanism requires
	NotAcknowledged  Sign = "not-acknowledged"  // the client answered it with something else
	SpoiltProof      Sign = "spoilt-proof"      // a scenario made the server's nonce or proof in a login exchange wrong
	TrustedProof     Sign = "trusted-proof"     // the client went on after that as if nothing were wrong
	LineTooLong      Sign = "line-too-long"     // a command line above the limit
	HeaderLine       Sign = "header-line"       // what came in place of a command begins like the header of a message
	TurnedAway       Sign = "turned-away"       // too many connections were already open
	NotIntroduced    Sign = "not-introduced"    // a balancer has said nothing of its client (the PROXY protocol)
	LeftWaiting      Sign = "left-waiting"      // the client left while a scenario held the reply back
	WentOn           Sign = "went-on"           // the client had waited for a late reply, and then sent something all the same
	MuteIdle         Sign = "mute-idle"         // a scenario suppresses all updates during IDLE
	DeliveryLost     Sign = "delivery-lost"     // a scenario loses the accepted message, for one recipient
	DeliveryRepeated Sign = "delivery-repeated" // a scenario delivers it several times
	DeliveryLate     Sign = "delivery-late"     // a scenario delivers it later
	CaptivePortal    Sign = "captive-portal"    // a scenario answered like a captive portal
)

// Setting is a property that a scenario has chosen for the connection.
type Setting struct {
	Name SettingName
	Text string // a profile, a mode or a user
	N    int64  // a number of bytes, recipients or messages
	Each time.Duration
	// Numbers are the sequence numbers of messages in the selected mailbox, for SetExpunge.
	Numbers []uint32
}

// SettingName names such a property.
type SettingName string

// The properties.
const (
	SetCertificate    SettingName = "certificate"     // Text: the certificate profile
	SetPace           SettingName = "pace"            // N bytes at a time, with a pause of Each
	SetFirst          SettingName = "first"           // Text: "tls" or "clear", the opposite of what the door is for
	SetMessageLimit   SettingName = "message-limit"   // N bytes
	SetRecipientLimit SettingName = "recipient-limit" // N recipients
	SetUser           SettingName = "preauth"         // Text: the user as whom the connection begins logged in
	SetFill           SettingName = "fill"            // N messages, made up, in INBOX
	SetRenumber       SettingName = "renumber"        // N: how much higher UIDs are than at other logins
	SetExpunge        SettingName = "expunge"         // Numbers: the messages that another session expunges
	SetDeliver        SettingName = "deliver"         // N messages that another session delivers
)

// Ended says who ended the connection, and how.
type Ended struct {
	By  EndedBy
	How How
}

// How says how a connection ended on the wire.
type How string

// The ways a connection can end, whichever side ended it. "" means that the way is unknown.
const (
	ByFIN       How = "fin"       // closed in order; inside TLS, mailrig sends close_notify first
	ByReset     How = "reset"     // with an RST
	ByTruncated How = "truncated" // with a FIN from mailrig inside TLS, without close_notify
)

func (*Acted) what() name          { return "acted" }
func (*Delayed) what() name        { return "delayed" }
func (*Silenced) what() name       { return "silenced" }
func (*Cut) what() name            { return "cut" }
func (*Waiting) what() name        { return "waiting" }
func (*ClearOnTLS) what() name     { return "clear-on-tls" }
func (*BehindSTARTTLS) what() name { return "behind-starttls" }
func (*Bouncing) what() name       { return "bouncing" }
func (*Noticed) what() name        { return "noticed" }
func (*Setting) what() name        { return "setting" }
func (*Ended) what() name          { return "ended" }
