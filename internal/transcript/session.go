// Package transcript renders the records of connections (package event) for people and as JSON: the session as GET
// /api/v1/sessions shows it, its one-line summary, and its dialogue line by line.
//
// The HTTP API, the page, mailtest, "trial" and the console call it. Nothing parses these texts to find out what
// happened: code that wants to know reads the records.
//
// words.go has the words for each kind of event. To render a new kind, add its words there; if it is more than a
// remark, add a case in units.go.
package transcript

import (
	"time"

	"github.com/mailrig/mailrig/internal/event"
)

// Session is one connection, from accept to close, in the form of the JSON API.
type Session struct {
	ID       string    `json:"id"`
	Door     int       `json:"door"`     // standard port number, the door's identity
	Service  string    `json:"service"`  // IANA service name
	Protocol string    `json:"protocol"` // smtp, imap or pop3; oauth for a request to the issuer
	Security string    `json:"security"` // "starttls", "starttls-required" or "tls"; "clear" for one that came by HTTP
	Client   string    `json:"client"`   // address and port of the client
	Server   string    `json:"server"`   // address and port that the client connected to
	Start    time.Time `json:"start"`
	End      time.Time `json:"end,omitzero"` // zero while the connection is open

	TLS       *TLS     `json:"tls,omitempty"` // nil: the client never tried TLS
	Logins    []Login  `json:"logins"`
	Scenarios []string `json:"scenarios"` // active when the connection was accepted, then those of its user alone
	Injected  []string `json:"injected"`  // scenarios that really acted, in the order in which they first acted
	EndedBy   EndedBy  `json:"ended_by,omitempty"`
	Counts    Counts   `json:"counts"`
	Messages  []Stored `json:"messages"` // what the client brought, in order; the first 100

	Units  []Unit `json:"units"`
	Elided int    `json:"elided,omitempty"` // units left out in the middle of a long session
	// ElidedAt is the index of the first unit after the gap.
	ElidedAt int `json:"elided_at,omitempty"`

	record *event.Record
}

// EndedBy says who ended a connection.
type EndedBy = event.EndedBy

// The ways a connection can end.
const (
	EndedByClient   = event.EndedByClient
	EndedByServer   = event.EndedByServer
	EndedByScenario = event.EndedByScenario
	EndedByTimeout  = event.EndedByTimeout
	EndedByShutdown = event.EndedByShutdown
)

// Counts holds a session's totals.
type Counts struct {
	Commands    int   `json:"commands"`
	MessagesIn  int   `json:"messages_in"`  // accepted by SMTP or APPEND
	MessagesOut int   `json:"messages_out"` // messages sent in reply to RETR, TOP or FETCH
	BytesIn     int64 `json:"bytes_in"`     // in bytes, after decryption
	BytesOut    int64 `json:"bytes_out"`
}

// TLS is what is known about a connection's TLS, whether it was established or failed.
type TLS struct {
	Version     string `json:"version,omitempty"` // "TLS 1.3"
	Cipher      string `json:"cipher,omitempty"`
	ServerName  string `json:"server_name,omitempty"` // SNI as sent; "" if there was none
	Certificate string `json:"certificate,omitempty"` // profile of the certificate that the server presented
	Hello       bool   `json:"hello"`                 // a ClientHello came
	StartTLS    bool   `json:"starttls"`              // begun by command, not with the first byte
	Established bool   `json:"established"`           // the handshake completed on mailrig's side
	Error       string `json:"error,omitempty"`
	Alert       int    `json:"alert,omitempty"` // number of the alert that the client sent (RFC 8446 section 6)
	AlertName   string `json:"alert_name,omitempty"`
}

// Login is one login attempt.
type Login struct {
	User      string `json:"user"`
	Mechanism string `json:"mechanism"`
	OK        bool   `json:"ok"`
	Secure    bool   `json:"secure"`             // inside TLS
	Injected  string `json:"injected,omitempty"` // the scenario that refused it
	// Password is an opaque tag. Equal passwords have equal tags while mailrig runs; the tag reveals nothing else.
	Password string `json:"password_tag,omitempty"`
	// Exposed says that the client sent the password or token itself, inside TLS or not.
	Exposed bool `json:"exposed"`
	// Token says what is wrong with the token of a refused login, like expired.
	Token string        `json:"token,omitempty"`
	At    time.Duration `json:"at"` // since the connection was accepted, in nanoseconds
}

// Stored is a message that the session has put into a mailbox.
type Stored struct {
	MessageID  string        `json:"message_id,omitempty"` // value of the header field
	From       string        `json:"from,omitempty"`       // reverse-path; "" for APPEND
	Recipients []string      `json:"recipients"`           // addresses of the mailboxes that received it
	Bytes      int64         `json:"bytes"`                // size as the client sent it
	Sum        string        `json:"sum"`                  // equal for equal bytes
	Secure     bool          `json:"secure"`               // came inside TLS
	At         time.Duration `json:"at"`                   // since the connection was accepted, in nanoseconds
}

// Direction says who spoke.
type Direction string

// The possible speakers.
const (
	FromClient Direction = "client"
	FromServer Direction = "server"
	FromRig    Direction = "rig" // a remark that mailrig makes
)

// Kind says what a unit is.
type Kind string

// The kinds of units.
const (
	Command Kind = "command" // a line from the client
	Reply   Kind = "reply"   // one or more lines from the server
	Data    Kind = "data"    // a message body or a literal, shortened
	Auth    Kind = "auth"    // a line of a login exchange, masked
	Note    Kind = "note"    // a remark: TLS is up, clear text dropped, why it ended
)

// Unit is one thing that somebody said.
type Unit struct {
	At       time.Duration `json:"at"` // since the connection was accepted, in nanoseconds
	From     Direction     `json:"from"`
	Kind     Kind          `json:"kind"`
	Text     string        `json:"text"`             // without the last line end; shortened if Bytes is larger
	Bytes    int64         `json:"bytes"`            // the real size
	Secure   bool          `json:"secure,omitempty"` // inside TLS
	Injected string        `json:"injected,omitempty"`
	Event    Event         `json:"event,omitempty"` // what a note is about, for programs
}

// Event tells programs what a note tells people.
type Event string

// The events that have a name.
const (
	SpokeEarly      Event = "spoke-early"       // bytes came before the greeting was sent
	Pipelined       Event = "pipelined"         // a command came before the reply to the previous one
	BehindSTARTTLS  Event = "behind-starttls"   // clear text came between STARTTLS and the handshake
	TookInjected    Event = "took-injected"     // the client took a reply that was injected behind STARTTLS for the real one
	BareLF          Event = "bare-lf"           // a line of a message ends with LF alone
	UnstuffedDot    Event = "unstuffed-dot"     // a line of a message begins with a dot that wasn't doubled
	Delayed         Event = "delayed"           // a scenario makes the client wait
	Silent          Event = "silent"            // a scenario has stopped the server from saying anything
	Cut             Event = "cut"               // a scenario has ended the connection
	ClearOnTLSPort  Event = "clear-on-tls-port" // clear text where TLS must begin; the text names its protocol
	TLSOnClearPort  Event = "tls-on-clear-port" // a ClientHello where clear text must begin
	NoHello         Event = "no-hello"          // nothing has come on a TLS port for 3 s
	Knocked         Event = "knocked"           // somebody tried to connect to a door that drops connections
	Acknowledged    Event = "acknowledged"      // the client answered an OAuth login's error as its mechanism requires
	NotAcknowledged Event = "not-acknowledged"  // the client answered it with something else
	TokenRequest    Event = "token-request"     // a request to the issuer, and what came of it
	TokenRefused    Event = "token-refused"     // what the issuer knows of a token that a door refused
	SpoiltProof     Event = "spoilt-proof"      // a scenario made the server's nonce or proof in a login exchange wrong
	TrustedProof    Event = "trusted-proof"     // the client went on after that as if nothing were wrong
)
