// Package event stores what happened on a connection as typed records: who connected to which door, the ClientHello and
// the outcome of the handshake, every command and its reply, logins, stored messages, what a scenario did, and how the
// connection ended.
//
// The gate and the session record through a Recorder while the connection is open. A Journal keeps the records of open
// connections and a bounded ring of ended ones. The findings' watcher, "wait", the HTTP API and the console read it and
// subscribe to it.
//
// Records hold facts and the bytes of the dialogue, never sentences. Package transcript renders the dialogue, the
// one-line summary and the session's JSON from them; package diagnose takes its facts from them.
//
// To record something new, add a type that implements What, list it in contents (encode.go), bound its text (size.go)
// and give it words in package transcript.
//
// Credentials are masked before they are recorded (mask.go). Every list and every text has a bound (recorder.go).
package event

import "time"

// Event is one thing that happened on a connection.
type Event struct {
	At     time.Duration // since the connection was accepted
	Secure bool          // inside TLS
	By     string        // the scenario that made it happen; "" if no scenario did
	What   What
}

// What is the typed content of an event: a pointer to one of the structs in this package.
type What interface{ what() name }

// name identifies a type of content in the encoding. Never reuse a name.
type name string

// ByAddress stands in Event.By, in place of a scenario's name, where the client asked for the fault itself: by the sender's or
// recipient's address, or by the user name.
const ByAddress = "by-address"

// Side is one end of a connection.
type Side string

// The two ends of a connection.
const (
	Client Side = "client"
	Server Side = "server"
)

// EndedBy says who ended a connection.
type EndedBy string

// The ways a connection can end.
const (
	EndedByClient   EndedBy = "client"   // FIN or RST from the client
	EndedByServer   EndedBy = "server"   // QUIT, LOGOUT, or another reason in the protocol
	EndedByScenario EndedBy = "scenario" // a fault cut it
	EndedByTimeout  EndedBy = "timeout"  // the client was idle too long, or never began the handshake
	EndedByShutdown EndedBy = "shutdown" // mailrig stopped
)

// Record is everything recorded about one connection. A record that a Journal returns is a snapshot: don't change it.
type Record struct {
	ID       string // opaque
	Door     int    // standard port number, the door's identity
	Service  string // IANA service name
	Protocol string // name of the protocol
	Security string // "starttls", "starttls-required" or "tls"
	Client   string // address and port of the client
	Server   string // address and port that the client connected to
	Start    time.Time
	End      time.Time // zero while the connection is open

	Scenarios []string // active when the connection was accepted, then those of its user alone
	Injected  []string // scenarios that really acted, in the order in which they first acted

	// The fields below sum the events up. They stay right when events are left out.

	TLS      *TLS     // nil: the client never tried TLS
	Logins   []Login  // the first 100; beyond that, the last one replaces the 100th
	Messages []Stored // what the client brought, in order; the first 100
	Counts   Counts
	EndedBy  EndedBy // "" while the connection is open
	// Offered are the ways to log in that the server would list now, as its list of capabilities names them: the client
	// may never have asked.
	Offered []string

	Events []Event
	// Elided counts the events left out in the middle of a long session. ElidedAt is the index of the first event after
	// the gap.
	Elided   int
	ElidedAt int
}

// Counts holds a record's totals.
type Counts struct {
	Commands    int
	MessagesIn  int   // accepted by SMTP or APPEND
	MessagesOut int   // messages sent in reply to RETR, TOP or FETCH
	BytesIn     int64 // in bytes, after decryption
	BytesOut    int64
}

// Last returns the time of the last recorded event.
func (r *Record) Last() time.Time {
	if !r.End.IsZero() {
		return r.End
	}
	return r.LastWord()
}

// LastWord returns the time of the last event before the end of TLS and of the connection. It ignores the acts of
// rules.
func (r *Record) LastWord() time.Time {
	for i := len(r.Events) - 1; i >= 0; i-- {
		switch r.Events[i].What.(type) {
		case *CloseNotify, *Ended, *Acted:
		default:
			return r.Start.Add(r.Events[i].At)
		}
	}
	return r.Start
}

// First returns the first event of a type that the record still holds, as in First[*Cut](r).
func First[W What](r *Record) (what W, at Event, ok bool) {
	for _, e := range r.Events {
		if w, is := e.What.(W); is {
			return w, e, true
		}
	}
	return what, at, false
}

// Has reports whether the record holds an event of a type.
func Has[W What](r *Record) bool {
	_, _, ok := First[W](r)
	return ok
}

// Noticed reports whether the record holds this sign.
func (r *Record) Noticed(s Sign) bool {
	for _, e := range r.Events {
		if n, ok := e.What.(*Noticed); ok && n.Sign == s {
			return true
		}
	}
	return false
}
