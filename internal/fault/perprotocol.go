package fault

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/protocol"
)

// PerProtocol holds one value for each protocol, by the protocol's name. A fault's struct embeds it, and each
// protocol's name is a key of the fault's YAML. The struct tag of the embedded field documents the keys: smtp:"an SMTP
// reply".
//
// The reader of the YAML decides which names there are (see Protocols).
type PerProtocol[T any] map[string]T

// Texts are what a server says in each protocol. Lists are its capabilities.
type (
	Texts = PerProtocol[string]
	Lists = PerProtocol[[]string]
)

// For returns the protocol's value, or the zero value.
func (p PerProtocol[T]) For(protocol string) T { return p[protocol] }

// Protocols lists the protocols that have a value, in no particular order.
func (p PerProtocol[T]) Protocols() (names []string) {
	for name, v := range p {
		if !empty(v) {
			names = append(names, name)
		}
	}
	return names
}

// ActsIn implements Spoken for the kinds that embed it.
func (p PerProtocol[T]) ActsIn(in *protocol.Protocol) bool { return !empty(p[in.Name]) }

func empty(v any) bool {
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Slice && r.Len() == 0 || r.IsZero()
}

// fillIn adds the usual text for each protocol that has none.
func fillIn(t *Texts, usual Texts) {
	if *t == nil {
		*t = Texts{}
	}
	for name, text := range usual {
		if (*t)[name] == "" {
			(*t)[name] = text
		}
	}
}

// usual returns the replies with which each protocol usually refuses a login for this reason.
func usual(reason protocol.Reason, among Protocols) Texts {
	t := Texts{}
	for _, p := range among {
		if text := p.Refusals[reason]; text != "" {
			t[p.Name] = text
		}
	}
	return t
}

// refusalOf returns a refusal in a scenario's words.
func refusalOf(t Texts) *identity.Refusal { return &identity.Refusal{Replies: t} }

// some requires a value for at least one protocol.
func some[T any](p PerProtocol[T], among Protocols, what string) error {
	if len(p.Protocols()) == 0 {
		return fmt.Errorf("give %s for at least one of %s", what, join(among.Names()))
	}
	return nil
}

// checkTexts checks each text with the rules of its protocol.
func checkTexts(t Texts, among Protocols, check func(*protocol.Protocol, string) error) error {
	for _, p := range among {
		if text := t[p.Name]; text != "" {
			if err := check(p, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkReplies requires at least one reply, and checks each with its protocol.
func checkReplies(t Texts, among Protocols) error {
	if err := some(t, among, "a reply"); err != nil {
		return err
	}
	return checkTexts(t, among, checkReply)
}

// checkRefusals requires replies that refuse a login.
func checkRefusals(t Texts, among Protocols) error {
	if err := checkReplies(t, among); err != nil {
		return err
	}
	return checkTexts(t, among, checkRefusal)
}

// readReply parses a reply that stands alone. Its form tells the protocol.
func readReply(text string, among Protocols) (Texts, error) {
	p := among.whose(text)
	if p == nil {
		return nil, fmt.Errorf("%q isn't a reply of %s; give a map of replies", text, join(among.Names()))
	}
	return Texts{p.Name: text}, nil
}

const maxRaw = 64 << 10

// checkRaw refuses raw bytes together with texts: only one of them can be sent.
func checkRaw(raw string, t Texts, among Protocols) error {
	if len(t.Protocols()) > 0 {
		return fmt.Errorf("raw: is everything that the server sends; leave out %s, and match the protocol", join(among.Names()))
	}
	if err := checkLiterals(raw); err != nil {
		return fmt.Errorf("raw: %w", err)
	}
	if len(raw) > maxRaw {
		return fmt.Errorf("raw: has more than %d bytes", maxRaw)
	}
	return nil
}

// join formats a list in English.
func join(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}
