// Package transcript renders what was recorded of connections (package event) for people and for JSON: the
// session as GET /api/v1/sessions shows it, its summary on one line, and its dialogue line by line.
//
// Nothing reads these texts to find out what happened: whoever wants to know that reads the records. The words
// for each kind of event are in words.go.
package transcript

import (
	"time"

	"github.com/mailrig/mailrig/internal/event"
)

// Session is one connection, from accept to close.
type Session struct {
	ID       string    `json:"id"`
	Door     int       `json:"door"`     // standard port number, the door's identity
	Service  string    `json:"service"`  // IANA service name
	Protocol string    `json:"protocol"` // smtp, imap or pop3
	Security string    `json:"security"` // starttls, starttls-required or tls
	Client   string    `json:"client"`   // address of the client
	Server   string    `json:"server"`   // address it connected to
	Start    time.Time `json:"start"`
	End      time.Time `json:"end,omitzero"` // zero while the connection is open

	TLS       *TLS     `json:"tls,omitempty"` // nil: never tried
	Logins    []Login  `json:"logins"`
	Scenarios []string `json:"scenarios"` // active when the connection was accepted, then those of its user alone
	Injected  []string `json:"injected"`  // scenarios that really acted, in order of their first act
	EndedBy   EndedBy  `json:"ended_by,omitempty"`
	Counts    Counts   `json:"counts"`
	Messages  []Stored `json:"messages"` // what it brought, in order; the first so many

	Units  []Unit `json:"units"`
	Elided int    `json:"elided,omitempty"` // units left out in the middle of a long session
	// ElidedAt is the index of the first unit behind those that are left out.
	ElidedAt int `json:"elided_at,omitempty"`

	record *event.Record
}

// EndedBy says who ended a connection.
type EndedBy = event.EndedBy

// The ways in which a connection ends.
const (
	EndedByClient   = event.EndedByClient
	EndedByServer   = event.EndedByServer
	EndedByScenario = event.EndedByScenario
	EndedByTimeout  = event.EndedByTimeout
	EndedByShutdown = event.EndedByShutdown
)

// Counts sums a session up.
type Counts struct {
	Commands    int   `json:"commands"`
	MessagesIn  int   `json:"messages_in"`  // accepted by SMTP or APPEND
	MessagesOut int   `json:"messages_out"` // bodies sent by RETR, TOP or FETCH
	BytesIn     int64 `json:"bytes_in"`     // decrypted
	BytesOut    int64 `json:"bytes_out"`
}

// TLS is what is known of a connection's TLS, established or failed.
type TLS struct {
	Version     string `json:"version,omitempty"` // "TLS 1.3"
	Cipher      string `json:"cipher,omitempty"`
	ServerName  string `json:"server_name,omitempty"` // SNI as sent, "" for none
	Certificate string `json:"certificate,omitempty"` // certificate profile presented
	Hello       bool   `json:"hello"`                 // a ClientHello came
	StartTLS    bool   `json:"starttls"`              // by command, not from the first byte
	Established bool   `json:"established"`           // the handshake completed on our side
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
	Injected  string `json:"injected,omitempty"` // scenario that refused it
	// Password is the same for the same password, as long as mailrig runs, and tells
	// nothing else about it.
	Password string        `json:"password_tag,omitempty"`
	At       time.Duration `json:"at"` // since the session's start, nanoseconds
}

// Stored is a message that the session put into a mailbox.
type Stored struct {
	MessageID  string        `json:"message_id,omitempty"` // the header field's value
	From       string        `json:"from,omitempty"`       // reverse-path; "" by APPEND
	Recipients []string      `json:"recipients"`           // mailboxes' addresses that have it
	Bytes      int64         `json:"bytes"`                // as the client sent it
	Sum        string        `json:"sum"`                  // the same for the same bytes
	Secure     bool          `json:"secure"`               // came inside TLS
	At         time.Duration `json:"at"`                   // since the session's start, nanoseconds
}

// Direction says who spoke.
type Direction string

// The directions.
const (
	FromClient Direction = "client"
	FromServer Direction = "server"
	FromRig    Direction = "rig" // a remark of mailrig's own
)

// Kind says what a unit is.
type Kind string

// The kinds of units.
const (
	Command Kind = "command" // a line of the client's
	Reply   Kind = "reply"   // one or more lines of the server's
	Data    Kind = "data"    // a message body, a literal; shortened
	Auth    Kind = "auth"    // a line of a login exchange, masked
	Note    Kind = "note"    // a remark: TLS is up, plaintext dropped, why it ended
)

// Unit is one thing said.
type Unit struct {
	At       time.Duration `json:"at"` // since the session's start, nanoseconds
	From     Direction     `json:"from"`
	Kind     Kind          `json:"kind"`
	Text     string        `json:"text"`             // without the last line end; shortened, see Bytes
	Bytes    int64         `json:"bytes"`            // how many bytes it really was
	Secure   bool          `json:"secure,omitempty"` // inside TLS
	Injected string        `json:"injected,omitempty"`
	Event    Event         `json:"event,omitempty"` // what a note is about, where programs want to know
}

// Event says to programs what a note says to people.
type Event string

// The events.
const (
	SpokeEarly      Event = "spoke-early"       // bytes came before the greeting was sent
	Pipelined       Event = "pipelined"         // a command came before the reply to the one before it
	BehindSTARTTLS  Event = "behind-starttls"   // clear text came between STARTTLS and the handshake
	TookInjected    Event = "took-injected"     // the client went on as if what was injected behind STARTTLS were the reply
	BareLF          Event = "bare-lf"           // a line of a message ends with LF alone
	UnstuffedDot    Event = "unstuffed-dot"     // a line of a message begins with a dot that wasn't doubled
	Delayed         Event = "delayed"           // a scenario makes the client wait
	Silent          Event = "silent"            // a scenario says nothing any more
	Cut             Event = "cut"               // a scenario has ended the connection
	ClearOnTLSPort  Event = "clear-on-tls-port" // clear text where TLS must begin; the text says whose
	TLSOnClearPort  Event = "tls-on-clear-port" // TLS where clear text must begin
	NoHello         Event = "no-hello"          // nothing came on a TLS port for some seconds
	Knocked         Event = "knocked"           // somebody tried to connect to a door that drops
	Acknowledged    Event = "acknowledged"      // the client answered the error of an OAuth login as its mechanism wants
	NotAcknowledged Event = "not-acknowledged"  // ... with something else
)
