package bounce

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mailrig/mailrig/internal/state"
)

// kind is the kind of the records of all that is pending.
const kind = "delivery"

// encoding is the version of the records' form. Raise it when a field changes its meaning, not when one is added.
const encoding = 1

// record is what is to be delivered: one of the two. As it is kept, it is a line of JSON, and the message's bytes follow.
type record struct {
	Encoding int
	Report   *report `json:",omitempty"`
	Held     *Held   `json:",omitempty"`
}

// report is a report that is to be written.
type report struct {
	Message Message
	Failure Failure
}

// add keeps a record.
func (r record) add(ctx context.Context, st state.Store, due time.Time, raw []byte) error {
	r.Encoding = encoding
	head, err := json.Marshal(r)
	if err != nil {
		return err
	}
	data := append(append(head, '\n'), raw...)
	_, err = st.Apply(ctx, state.Create(kind, rand.Text(), data).At(due))
	return err
}

// decode reads a record.
func decode(data []byte) (r record, raw []byte, err error) {
	head, raw, _ := bytes.Cut(data, []byte{'\n'})
	if err := json.Unmarshal(head, &r); err != nil {
		return record{}, nil, err
	}
	switch {
	case r.Encoding != encoding:
		return record{}, nil, fmt.Errorf("it is in encoding %d, and this mailrig reads %d", r.Encoding, encoding)
	case (r.Report == nil) == (r.Held == nil):
		return record{}, nil, errors.New("it is neither a report nor a message")
	}
	return r, raw, nil
}
