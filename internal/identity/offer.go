package identity

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Offer says which ways to log in a server advertises, at which door, and in clear or inside TLS. nil is an Offer of
// PLAIN and LOGIN everywhere.
type Offer struct{ rules []offerRule }

// offerRule is what is offered at a place. Of the rules whose place holds, the one with the narrowest place counts.
type offerRule struct {
	place         offerPlace
	names, secure []string // best first: in clear, and inside TLS
}

// offerPlace names where a rule holds. Zero values don't narrow it.
type offerPlace struct {
	door     int
	protocol string
	tls      string // clear or tls
}

// The sets that an Offer knows by name.
const (
	OfferPlain  = "plain"  // PLAIN and LOGIN
	OfferStrong = "strong" // what proves the password without sending it
	OfferTokens = "tokens" // XOAUTH2 and OAUTHBEARER
	OfferAll    = "all"    // the three of them
	OfferNone   = "none"
)

// OfferWords lists what an Offer can be made of: the sets, the mechanisms and APOP.
func OfferWords() []string {
	words := []string{OfferPlain, OfferStrong, OfferTokens, OfferAll, OfferNone}
	for _, m := range Mechanisms() {
		words = append(words, m.Name)
	}
	return append(words, string(APOPCommand))
}

// usual is what is offered without an Offer.
var usual = []string{plainMechanism.Name, loginMechanism.Name}

// Places is where an Offer can differ.
type Places struct {
	Doors     []int
	Protocols []string
}

// ParseOffer reads a list of words: sets and names, each with or without a place before it, as in "strong",
// "143:CRAM-MD5+PLAIN", "smtp/tls:plain". secrets says that the authority knows the users' passwords. Without them, the set
// "all" leaves out what needs them, and asking for such a mechanism is an error. An error says what to give instead.
func ParseOffer(words []string, at Places, secrets bool) (*Offer, error) {
	if len(words) == 0 {
		return nil, nil
	}
	wanted := map[offerPlace][]string{}
	var order []offerPlace
	for _, word := range words {
		where, what, placed := strings.Cut(word, ":")
		if !placed {
			where, what = "", word
		}
		place, err := parsePlace(where, at)
		if err != nil {
			return nil, err
		}
		var names []string
		for part := range strings.SplitSeq(what, "+") {
			more, err := offered(part, secrets)
			if err != nil {
				return nil, err
			}
			names = append(names, more...)
		}
		if _, known := wanted[place]; !known {
			order = append(order, place)
		}
		wanted[place] = append(wanted[place], names...)
	}
	o := new(Offer)
	for _, place := range order {
		r := offerRule{place: place}
		for _, m := range Mechanisms() {
			if !slices.Contains(wanted[place], m.Name) {
				continue
			}
			if r.secure = append(r.secure, m.Name); !m.InTLS {
				r.names = append(r.names, m.Name)
			}
		}
		if slices.Contains(wanted[place], string(APOPCommand)) {
			r.names, r.secure = append(r.names, string(APOPCommand)), append(r.secure, string(APOPCommand))
		}
		o.rules = append(o.rules, r)
	}
	return o, nil
}

// parsePlace reads a door's number or a protocol, clear or tls, or both with a slash between them.
func parsePlace(s string, at Places) (p offerPlace, err error) {
	if s == "" {
		return p, nil
	}
	for _, part := range strings.Split(s, "/") {
		n, err := strconv.Atoi(part)
		switch part = strings.ToLower(part); {
		case err == nil && p.door == 0 && p.protocol == "" && slices.Contains(at.Doors, n):
			p.door = n
		case p.door == 0 && p.protocol == "" && slices.Contains(at.Protocols, part):
			p.protocol = part
		case p.tls == "" && (part == "clear" || part == "tls"):
			p.tls = part
		default:
			return p, fmt.Errorf("%q isn't a place; give a door's number or %s, or clear or tls, like 143/clear:CRAM-MD5", s, strings.Join(at.Protocols, ", "))
		}
	}
	return p, nil
}

// offered returns the names that a word stands for. A set is in lower case: plain is two mechanisms, and PLAIN one.
func offered(word string, secrets bool) (names []string, err error) {
	set := word
	for _, m := range Mechanisms() {
		if word != OfferPlain && strings.EqualFold(m.Name, word) {
			names = append(names, m.Name)
		}
		if !m.ByName && (set == m.set() || set == OfferAll && (secrets || m.Needs != NeedsSecret)) {
			names = append(names, m.Name)
		}
	}
	if strings.EqualFold(word, string(APOPCommand)) || set == OfferStrong || set == OfferAll && secrets {
		names = append(names, string(APOPCommand))
	}
	if names == nil && set != OfferNone {
		return nil, fmt.Errorf("there is no way to log in called %q; known are %s", word, strings.Join(OfferWords(), ", "))
	}
	if !secrets && set != OfferAll && slices.ContainsFunc(names, needsSecret) {
		return nil, fmt.Errorf("%s can be checked only for users whose password is known; give --user name:password too", word)
	}
	return names, nil
}

// set returns the set to which a mechanism belongs.
func (m Mechanism) set() string {
	switch m.Needs {
	case NeedsPassword:
		return OfferPlain
	case NeedsSecret:
		return OfferStrong
	case NeedsToken:
		return OfferTokens
	}
	return ""
}

func needsSecret(name string) bool {
	m, ok := Find(Mechanisms(), name)
	return !ok || m.Needs == NeedsSecret // APOP is no mechanism
}

// At returns what is offered at a door, best first: mechanisms, and APOP. The caller doesn't change it.
func (o *Offer) At(door int, protocol string, secure bool) []string {
	if o == nil {
		return usual
	}
	var best *offerRule
	for i := range o.rules {
		if r := &o.rules[i]; r.place.holds(door, protocol, secure) && (best == nil || r.place.narrow() > best.place.narrow()) {
			best = r
		}
	}
	switch {
	case best == nil:
		return usual
	case secure:
		return best.secure
	}
	return best.names
}

func (p offerPlace) holds(door int, protocol string, secure bool) bool {
	return (p.door == 0 || p.door == door) && (p.protocol == "" || p.protocol == protocol) && (p.tls == "" || (p.tls == "tls") == secure)
}

// narrow compares places: a door is narrower than a protocol, and both are narrower than clear or tls.
func (p offerPlace) narrow() (n int) {
	if p.door != 0 {
		n += 4
	}
	if p.protocol != "" {
		n += 2
	}
	if p.tls != "" {
		n++
	}
	return n
}
