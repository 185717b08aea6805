package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// encoding is the version of the form that Encode writes. Raise it when a field or a name changes its meaning, not when
// one is added: Decode ignores fields that it doesn't know. testdata/encoding.json holds every field of every type as
// it is stored, so a test fails when one is renamed.
const encoding = 1

// contents holds one value of each type of content. Decode can't read a type that isn't listed here.
var contents = []What{
	&Hello{}, &Handshake{}, &Alert{}, &CloseNotify{},
	&Command{}, &Answer{}, &Finish{}, &Reply{}, &Body{}, &Overheard{},
	&Login{}, &Stored{},
	&TokenRequest{}, &TokenUse{},
	&Acted{}, &Delayed{}, &Silenced{}, &Cut{}, &Waiting{}, &ClearOnTLS{}, &BehindSTARTTLS{}, &Bouncing{}, &Noticed{}, &Setting{}, &Ended{},
}

// content returns an empty value of the type with this name, or nil if this version doesn't know the name.
func content(n name) What {
	for _, w := range contents {
		if w.what() == n {
			return reflect.New(reflect.TypeOf(w).Elem()).Interface().(What)
		}
	}
	return nil
}

// Encode encodes a record so that it can be stored or sent to another process. The form is JSON: the record's fields by
// their names, and each event's content next to the name of its type. Zero fields are left out.
func Encode(r *Record) ([]byte, error) {
	return json.Marshal(struct {
		Encoding int
		Record   *plainRecord
	}{encoding, (*plainRecord)(r)})
}

// Decode reads what Encode has written. It refuses a newer encoding. It also refuses an event of an unknown type,
// because the record without that event would tell a different story.
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

// MarshalJSON leaves out zero fields.
func (r *plainRecord) MarshalJSON() ([]byte, error) {
	b, err := json.Marshal((*Record)(r))
	if err != nil {
		return nil, err
	}
	return withoutZeros(b)
}

// withoutZeros removes zero fields from a JSON object: false, 0, "", null, and objects and lists that hold nothing
// else.
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

// zeroTime is the JSON form of a time.Time that was never set.
const zeroTime = "0001-01-01T00:00:00Z"

// trim removes zero fields from objects at any depth. It returns nil for a zero value.
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
			trim(e) // a zero element keeps its place
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

// MarshalJSON writes the content next to the name of its type.
func (e Event) MarshalJSON() ([]byte, error) {
	if e.What == nil {
		return nil, errors.New("an event without content can't be encoded")
	}
	return json.Marshal(plainEvent{int64(e.At), e.Secure, e.By, e.What.what(), e.What})
}

// plainEvent is an Event as it is encoded.
type plainEvent struct {
	At     int64
	Secure bool
	By     string
	What   name
	Is     any
}

// UnmarshalJSON reads an event. It fails if the type is unknown.
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
