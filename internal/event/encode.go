package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Version is the version of the encoding. It rises when a field or a name changes its meaning, not when one is
// added: a decoder passes over fields that it doesn't know. testdata/encoding.json has all of it as it is
// stored, so that a field that is renamed by mistake is noticed.
const Version = 1

// names are the types of content by their names in the encoding. A name that has been stored is never given to
// another type.
var names = map[name]func() What{
	"acted":           func() What { return new(Acted) },
	"alert":           func() What { return new(Alert) },
	"answer":          func() What { return new(Answer) },
	"behind-starttls": func() What { return new(BehindSTARTTLS) },
	"body":            func() What { return new(Body) },
	"bouncing":        func() What { return new(Bouncing) },
	"clear-on-tls":    func() What { return new(ClearOnTLS) },
	"close-notify":    func() What { return new(CloseNotify) },
	"command":         func() What { return new(Command) },
	"cut":             func() What { return new(Cut) },
	"delayed":         func() What { return new(Delayed) },
	"ended":           func() What { return new(Ended) },
	"finish":          func() What { return new(Finish) },
	"handshake":       func() What { return new(Handshake) },
	"hello":           func() What { return new(Hello) },
	"login":           func() What { return new(Login) },
	"noticed":         func() What { return new(Noticed) },
	"overheard":       func() What { return new(Overheard) },
	"reply":           func() What { return new(Reply) },
	"setting":         func() What { return new(Setting) },
	"silenced":        func() What { return new(Silenced) },
	"stored":          func() What { return new(Stored) },
	"waiting":         func() What { return new(Waiting) },
}

// encodedEvent is an Event as it is stored.
type encodedEvent struct {
	At     time.Duration   `json:"at"` // nanoseconds
	Secure bool            `json:"secure,omitempty"`
	By     string          `json:"by,omitempty"`
	Name   name            `json:"name"`
	What   json.RawMessage `json:"what"`
}

// MarshalJSON encodes an event by the name of its content.
func (e Event) MarshalJSON() ([]byte, error) {
	if e.What == nil {
		return nil, errors.New("an event without content can't be encoded")
	}
	n := e.What.what()
	if names[n] == nil {
		return nil, fmt.Errorf("events of type %q have no decoder: add it to the names in encode.go", n)
	}
	what, err := json.Marshal(e.What)
	if err != nil {
		return nil, err
	}
	return json.Marshal(encodedEvent{e.At, e.Secure, e.By, n, what})
}

// UnmarshalJSON decodes what MarshalJSON encoded.
func (e *Event) UnmarshalJSON(b []byte) error {
	var in encodedEvent
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	fresh := names[in.Name]
	if fresh == nil {
		return fmt.Errorf("an event is of the unknown type %q; read it with the mailrig that wrote it, or a newer one", in.Name)
	}
	what := fresh()
	if len(in.What) == 0 || bytes.Equal(in.What, []byte("null")) {
		return fmt.Errorf("an event of type %q has no content; the record is damaged", in.Name)
	}
	if err := json.Unmarshal(in.What, what); err != nil {
		return fmt.Errorf("an event of type %q: %w", in.Name, err)
	}
	*e = Event{At: in.At, Secure: in.Secure, By: in.By, What: what}
	return nil
}

// encodedRecord is a Record as it is stored.
type encodedRecord struct {
	Version int             `json:"version"`
	Record  json.RawMessage `json:"record"`
}

// Encode returns a record as it is stored, as JSON on one line.
func Encode(r *Record) ([]byte, error) {
	record, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return json.Marshal(encodedRecord{Version, record})
}

// Decode reads what Encode returned. It refuses records of a newer version, and events that it doesn't know.
func Decode(b []byte) (*Record, error) {
	var in encodedRecord
	if err := json.Unmarshal(b, &in); err != nil {
		return nil, fmt.Errorf("not a record of a connection: %w", err)
	}
	switch {
	case in.Version < 1 || len(in.Record) == 0:
		return nil, errors.New("not a record of a connection: it has no version, or nothing else")
	case in.Version > Version:
		return nil, fmt.Errorf("the record has version %d, and this mailrig reads versions up to %d; read it with a newer one", in.Version, Version)
	}
	r := new(Record)
	if err := json.Unmarshal(in.Record, r); err != nil {
		return nil, fmt.Errorf("read the record of a connection: %w", err)
	}
	return r, nil
}
