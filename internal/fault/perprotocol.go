package fault

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/protocol"
)

// PerProtocol is a value for each protocol, by the protocol's name. In a fault's
// struct it is embedded, and each protocol's name is a key of the fault's YAML. The
// struct tag of the embedded field documents the keys: smtp:"an SMTP reply".
//
// Which names there are is up to who reads the YAML (see Protocols).
type PerProtocol[T any] map[string]T

// Texts are what a server says, Lists its capabilities.
type (
	Texts = PerProtocol[string]
	Lists = PerProtocol[[]string]
)

// For returns the protocol's value, or the empty one.
func (p PerProtocol[T]) For(protocol string) T { return p[protocol] }

// Protocols lists those that have a value, in no order.
func (p PerProtocol[T]) Protocols() (names []string) {
	for name, v := range p {
		if !empty(v) {
			names = append(names, name)
		}
	}
	return names
}

func empty(v any) bool {
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Slice && r.Len() == 0 || r.IsZero()
}

// fillIn gives texts to the protocols that have none.
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

// usual are the protocols' usual replies of a server that refuses for a reason.
func usual(reason protocol.Reason, among Protocols) Texts {
	t := Texts{}
	for _, p := range among {
		if text := p.Refusals[reason]; text != "" {
			t[p.Name] = text
		}
	}
	return t
}

// refusalOf refuses a login in a scenario's words.
func refusalOf(t Texts) *identity.Refusal { return &identity.Refusal{Replies: t} }

// some wants a value for at least one protocol.
func some[T any](p PerProtocol[T], among Protocols, what string) error {
	if len(p.Protocols()) == 0 {
		return fmt.Errorf("give %s for at least one of %s", what, join(among.Names()))
	}
	return nil
}

// checkTexts checks each text as its protocol wants it.
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

// checkReplies wants at least one reply, each of its protocol's form.
func checkReplies(t Texts, among Protocols) error {
	if err := some(t, among, "a reply"); err != nil {
		return err
	}
	return checkTexts(t, among, checkReply)
}

// checkRefusals wants replies that refuse a login.
func checkRefusals(t Texts, among Protocols) error {
	if err := checkReplies(t, among); err != nil {
		return err
	}
	return checkTexts(t, among, checkRefusal)
}

// readReply reads a reply that stands alone: the form tells the protocol.
func readReply(text string, among Protocols) (Texts, error) {
	p := among.whose(text)
	if p == nil {
		return nil, fmt.Errorf("%q isn't a reply of %s; give a map of replies", text, join(among.Names()))
	}
	return Texts{p.Name: text}, nil
}

const maxRaw = 64 << 10

// checkRaw refuses bytes beside texts: only one of them can be sent.
func checkRaw(raw string, t Texts, among Protocols) error {
	if len(t.Protocols()) > 0 {
		return fmt.Errorf("raw: is all that is sent; leave out %s, and match the protocol", join(among.Names()))
	}
	if len(raw) > maxRaw {
		return fmt.Errorf("raw: has more than %d bytes", maxRaw)
	}
	return nil
}

// rawOr lists the protocols for which there is something to send: raw bytes are for all.
func rawOr(raw string, t Texts) []string {
	if raw != "" {
		return nil
	}
	return t.Protocols()
}

// join writes a list as English does.
func join(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}
