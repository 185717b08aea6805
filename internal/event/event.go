// Package event keeps what happened on a connection as typed records: who connected to which door, the
// ClientHello and how the handshake came out, every command with the reply to it, logins, stored messages,
// what a scenario did, and how it ended.
//
// The gate and the session record through a Recorder while the connection lives. A Journal keeps the records
// of open connections and a bounded ring of those that have ended; the findings' watcher, "wait", the HTTP API
// and the console read it and subscribe to it.
//
// Records hold facts and the bytes of the dialogue, never sentences. The readable dialogue, the one-line
// summary and the session's JSON are renderings in package transcript; diagnose takes its facts from the
// records. To record something new, add a type that implements What, its name to the encoding (encode.go) and
// its words to package transcript.
//
// Credentials are masked before they are recorded (mask.go). Everything is bounded: events, text, logins,
// messages; see recorder.go.
package event

import "time"

// Event is one thing that happened on a connection.
type Event struct {
	At     time.Duration // since the connection was accepted
	Secure bool          // inside TLS
	By     string        // the scenario that made it happen; "" for the real thing
	What   What
}

// What is the typed content of an event: a pointer to one of the structs of this package.
type What interface{ what() name }

// name identifies a type of content in the encoding. Names are never reused.
type name string

// Side is an end of a connection.
type Side string

// The sides.
const (
	Client Side = "client"
	Server Side = "server"
)

// EndedBy says who ended a connection.
type EndedBy string

// The ways in which a connection ends.
const (
	EndedByClient   EndedBy = "client"   // FIN or RST from the client
	EndedByServer   EndedBy = "server"   // QUIT, LOGOUT, or the protocol's own reasons
	EndedByScenario EndedBy = "scenario" // a fault cut it
	EndedByTimeout  EndedBy = "timeout"  // idle, or the handshake never came
	EndedByShutdown EndedBy = "shutdown" // mailrig stopped
)

// Record is everything recorded of one connection. A record that a Journal returns is a snapshot; it isn't to
// be changed.
type Record struct {
	ID       string // opaque
	Door     int    // standard port number, the door's identity
	Service  string // IANA service name
	Protocol string // name of the protocol
	Security string // starttls, starttls-required or tls
	Client   string // address and port of the client
	Server   string // address and port that it connected to
	Start    time.Time
	End      time.Time // zero while the connection is open

	Scenarios []string // active when the connection was accepted, then those of its user alone
	Injected  []string // scenarios that really acted, in order of their first act

	// What follows sums the events up, so that it holds also where events were left out.

	TLS      *TLS     // nil: TLS was never tried
	Logins   []Login  // the first ones, and the last
	Messages []Stored // what the client brought, in order; the first so many
	Counts   Counts
	EndedBy  EndedBy // "" while the connection is open

	Events []Event
	// Elided counts events left out in the middle of a long session; ElidedAt is the index of the first event
	// behind them.
	Elided   int
	ElidedAt int
}

// Counts sums a record up.
type Counts struct {
	Commands    int
	MessagesIn  int   // accepted by SMTP or APPEND
	MessagesOut int   // bodies sent by RETR, TOP or FETCH
	BytesIn     int64 // decrypted
	BytesOut    int64
}

// Last returns when the last recorded thing happened.
func (r *Record) Last() time.Time {
	if !r.End.IsZero() {
		return r.End
	}
	return r.LastWord()
}

// LastWord returns when the last event was recorded, leaving out the end of TLS and of the connection.
func (r *Record) LastWord() time.Time {
	for i := len(r.Events) - 1; i >= 0; i-- {
		switch r.Events[i].What.(type) {
		case *CloseNotify, *Ended:
		default:
			return r.Start.Add(r.Events[i].At)
		}
	}
	return r.Start
}

// First returns the first event of a type that the record still has, like First[*Cut](r).
func First[W What](r *Record) (what W, at Event, ok bool) {
	for _, e := range r.Events {
		if w, is := e.What.(W); is {
			return w, e, true
		}
	}
	return what, at, false
}

// Has reports whether the record has an event of a type.
func Has[W What](r *Record) bool {
	_, _, ok := First[W](r)
	return ok
}

// Noticed reports whether a sign was noticed.
func (r *Record) Noticed(s Sign) bool {
	for _, e := range r.Events {
		if n, ok := e.What.(*Noticed); ok && n.Sign == s {
			return true
		}
	}
	return false
}
