package active

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/mailrig/mailrig/scenarios"
)

// encoding is the version of the records' form. Raise it when a field changes its meaning, not when one is added.
const encoding = 1

// record is what is active, or coming, for everybody or for one user.
type record struct {
	Encoding  int
	Scenarios []kept
	Run       string // the name of this activation, for those who count together; a new one has another
	Left      int    `json:",omitempty"` // connections, of what is coming
}

// kept is a scenario. One of the catalogue has no text: whoever reads the record may have a better one of that name.
type kept struct {
	Name string
	File string `json:",omitempty"`
	Text string `json:",omitempty"`
}

// newRun returns a name that no other activation has.
func newRun() string { return strings.ToLower(rand.Text()[:16]) }

// encode writes a record. A scenario that was made in Go, and isn't of the catalogue, can't be kept.
func encode(now seenRecord) ([]byte, error) {
	r := record{Encoding: encoding, Run: now.run, Left: now.left}
	for _, s := range now.list {
		if s.Text() == "" && s.Group == "" {
			return nil, fmt.Errorf("the scenario %s was made without a text, so it can't be kept; use one that was parsed", s.Name)
		}
		r.Scenarios = append(r.Scenarios, kept{s.Name, s.File, s.Text()})
	}
	return json.Marshal(r)
}

// decode reads a record. The scenarios that can't be read any more are left out, and are in the error.
func (k *Kept) decode(data []byte) (now seenRecord, err error) {
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return now, err
	}
	if r.Encoding != encoding {
		return now, fmt.Errorf("it is in encoding %d, and this mailrig reads %d", r.Encoding, encoding)
	}
	var errs []error
	for _, s := range r.Scenarios {
		var sc *scenarios.Scenario
		var err error
		if s.Text == "" {
			sc, err = k.cfg.Find(s.Name)
		} else {
			sc, err = k.cfg.Parse(s.File, []byte(s.Text))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.Name, err))
			continue
		}
		now.list = append(now.list, sc)
	}
	now.run, now.left = r.Run, r.Left
	return now, errors.Join(errs...)
}
