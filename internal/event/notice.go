package event

import "time"

// This file has what a scenario or the rig did, and what the gate noticed of the client.

// Acted says that a rule of a scenario acted. The scenario is the event's By.
type Acted struct {
	Rule    int    // its place in the scenario, from 0
	Kind    string // of the fault
	Command string // the command that is being answered; "" where there is none
}

// Delayed says that a scenario makes the client wait.
type Delayed struct {
	Of  Delay
	For time.Duration
}

// Delay names what comes late.
type Delay string

// The delays.
const (
	DelayedGreeting   Delay = "greeting"
	DelayedReply      Delay = "reply"
	DelayedFinalReply Delay = "final-reply" // to a message, after its last byte
)

// Silenced says that a scenario says nothing any more.
type Silenced struct {
	Moment Moment
	// Instead says that the door should have dropped the connection and that this system can't.
	Instead bool
}

// Cut says that a scenario has ended the connection.
type Cut struct {
	Moment Moment
	How    string // close, reset, truncate, garbage or alert
}

// Moment says in which part of a connection something happened.
type Moment string

// The moments.
const (
	AtAccept    Moment = "accept"
	AtHandshake Moment = "handshake"
	AtDialogue  Moment = "dialogue"
)

// Waiting says that the rig has been waiting for the client for some time.
type Waiting struct {
	For   Awaited
	Since time.Duration // since the connection was accepted
}

// Awaited names what the rig waits for.
type Awaited string

// What the rig waits for.
const (
	AwaitsHello   Awaited = "hello"   // a ClientHello
	AwaitsCommand Awaited = "command" // the client's next line
)

// ClearOnTLS says that the client spoke in clear where TLS must begin. What it said isn't recorded: it may be
// a password.
type ClearOnTLS struct {
	StartTLS bool   // behind STARTTLS, not on a door that begins with TLS
	Protocol string // whose words the first bytes are, like HTTP or SMTP; "" for unknown
}

// HTTP is the protocol of web clients that have come to the wrong port; see ClearOnTLS.
const HTTP = "HTTP"

// BehindSTARTTLS says that clear text came between STARTTLS and the handshake (RFC 3207 section 4.2).
type BehindSTARTTLS struct {
	Bytes int
	Kept  bool // a scenario has it run inside TLS, as a vulnerable server would; else it was dropped
}

// Bouncing says that a report of a failed delivery will follow.
type Bouncing struct {
	Recipient string // who can't be reached
	Sender    string // who gets the report
	After     time.Duration
}

// Noticed is a fact about the client, or about the rig, that needs no details.
type Noticed struct {
	Sign Sign
}

// Sign names a fact.
type Sign string

// The signs.
const (
	SpokeEarly      Sign = "spoke-early"       // bytes came before the greeting was sent
	Pipelined       Sign = "pipelined"         // a command came before the reply to the one before it
	TookInjected    Sign = "took-injected"     // the client took what was injected behind STARTTLS for the reply
	BareLF          Sign = "bare-lf"           // a line of a message ends with LF alone
	UnstuffedDot    Sign = "unstuffed-dot"     // a line of a message begins with a dot that wasn't doubled
	TLSOnClearPort  Sign = "tls-on-clear-port" // TLS where clear text must begin
	Knocked         Sign = "knocked"           // somebody tried to connect to a door that drops
	Acknowledged    Sign = "acknowledged"      // the client answered the error of an OAuth login as its mechanism wants
	NotAcknowledged Sign = "not-acknowledged"  // ... with something else
	LineTooLong     Sign = "line-too-long"     // a command line over the bound
	TurnedAway      Sign = "turned-away"       // too many connections were open
	MuteIdle        Sign = "mute-idle"         // a scenario has IDLE tell nothing
	CaptivePortal   Sign = "captive-portal"    // answered like a captive portal
)

// Setting is a property of the connection that a scenario has chosen.
type Setting struct {
	Name SettingName
	Text string // a profile, a mode, a user
	N    int64  // bytes, recipients or messages
	Each time.Duration
	// Numbers are those of messages in the selected mailbox, with SetExpunge.
	Numbers []uint32
}

// SettingName names a setting.
type SettingName string

// The settings.
const (
	SetCertificate    SettingName = "certificate"     // Text: the profile
	SetPace           SettingName = "pace"            // N bytes, each so long after the other
	SetFirst          SettingName = "first"           // Text: tls or clear, against the door's nature
	SetMessageLimit   SettingName = "message-limit"   // N bytes
	SetRecipientLimit SettingName = "recipient-limit" // N recipients
	SetUser           SettingName = "preauth"         // Text: begins logged in as this user
	SetFill           SettingName = "fill"            // N messages, made up, in INBOX
	SetExpunge        SettingName = "expunge"         // Numbers: what another session expunges
	SetDeliver        SettingName = "deliver"         // N messages that another session delivers
)

// Ended says how the connection ended.
type Ended struct {
	By EndedBy
}

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
