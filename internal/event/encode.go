package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// encoding is the version of what Encode writes. It rises when a field or a name changes its meaning, not when
// one is added: Decode passes over fields that it doesn't know. testdata/encoding.json has every field of every
// type as it is stored, so that none is renamed unnoticed.
const encoding = 1

// contents has a value of each type of content. A type that isn't among them can't be read back.
var contents = []What{
	&Hello{}, &Handshake{}, &Alert{}, &CloseNotify{},
	&Command{}, &Answer{}, &Finish{}, &Reply{}, &Body{}, &Overheard{},
	&Login{}, &Stored{},
	&Acted{}, &Delayed{}, &Silenced{}, &Cut{}, &Waiting{}, &ClearOnTLS{}, &BehindSTARTTLS{}, &Bouncing{}, &Noticed{}, &Setting{}, &Ended{},
}

// content makes an empty value of the type with a name; nil for a name that this version doesn't know.
func content(n name) What {
	for _, w := range contents {
		if w.what() == n {
			return reflect.New(reflect.TypeOf(w).Elem()).Interface().(What)
		}
	}
	return nil
}

// Encode writes a record down, to be kept or to be sent to another process. The form is JSON: the record's
// fields by their names, each event's content behind the name of its type. What is zero is left out.
func Encode(r *Record) ([]byte, error) {
	return json.Marshal(struct {
		Encoding int
		Record   *plainRecord
	}{encoding, (*plainRecord)(r)})
}

// Decode reads what Encode has written. It refuses newer encodings, and events of a type that it doesn't know:
// without them the rest would tell another story.
func Decode(b []byte) (*Record, error) {
	var kept struct {
		Encoding int
		Record   *plainRecord
	}
	if err := json.Unmarshal(b, &kept); err != nil {
		return nil, fmt.Errorf("a record that can't be read: %w", err)
	}
	switch {
	case kept.Encoding > encoding:
		return nil, fmt.Errorf("a record in encoding %d, and this mailrig reads encodings up to %d; read it with a newer one", kept.Encoding, encoding)
	case kept.Encoding < 1 || kept.Record == nil:
		return nil, errors.New("not a record of a connection: it has no encoding, or nothing else")
	}
	return (*Record)(kept.Record), nil
}

// plainRecord is a Record whose JSON has no zero fields.
type plainRecord Record

// MarshalJSON leaves out what is zero.
func (r *plainRecord) MarshalJSON() ([]byte, error) {
	b, err := json.Marshal((*Record)(r))
	if err != nil {
		return nil, err
	}
	return withoutZeros(b)
}

// withoutZeros takes fields out of an object that are zero: false, 0, "", null, and objects and lists of
// nothing else.
func withoutZeros(b []byte) ([]byte, error) {
	var v any
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if trim(v) == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(v)
}

// zeroTime is a time.Time that was never set, as JSON has it.
const zeroTime = "0001-01-01T00:00:00Z"

// trim takes zero fields out of objects, however deep, and returns nil for a value that is zero.
func trim(v any) any {
	switch x := v.(type) {
	case bool:
		if !x {
			return nil
		}
	case json.Number:
		if x == "0" {
			return nil
		}
	case string:
		if x == "" || x == zeroTime {
			return nil
		}
	case []any:
		for _, e := range x {
			trim(e) // an element that is zero keeps its place
		}
		if len(x) == 0 {
			return nil
		}
	case map[string]any:
		for k, e := range x {
			if trim(e) == nil {
				delete(x, k)
			}
		}
		if len(x) == 0 {
			return nil
		}
	}
	return v
}

// MarshalJSON writes the content behind the name of its type.
func (e Event) MarshalJSON() ([]byte, error) {
	if e.What == nil {
		return nil, errors.New("an event without content can't be encoded")
	}
	return json.Marshal(plainEvent{int64(e.At), e.Secure, e.By, e.What.what(), e.What})
}

// plainEvent is an Event in the encoding.
type plainEvent struct {
	At     int64
	Secure bool
	By     string
	What   name
	Is     any
}

// UnmarshalJSON reads an event. It fails for a type that isn't known.
func (e *Event) UnmarshalJSON(b []byte) error {
	var is json.RawMessage
	p := plainEvent{Is: &is}
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	what := content(p.What)
	if what == nil {
		return fmt.Errorf("an event is of the unknown type %q; read it with the mailrig that wrote it, or a newer one", p.What)
	}
	if len(is) > 0 {
		if err := json.Unmarshal(is, what); err != nil {
			return fmt.Errorf("an event of type %q: %w", p.What, err)
		}
	}
	*e = Event{At: time.Duration(p.At), Secure: p.Secure, By: p.By, What: what}
	return nil
}
