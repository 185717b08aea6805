package recorded

import (
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/protocol"
)

// This file writes lists of capabilities, and what goes with them: mechanisms, limits, what a server lacks.

// list writes the rules for a list of capabilities at a door, or with nil at all doors after a login. What clients must
// find in the list before they use it, and don't, is refused too.
func (w *writer) list(p *protocol.Protocol, im protocol.Imitator, d *Door, where match, names []string) {
	if d != nil {
		here := match{Door: where.Door, TLS: where.TLS}
		if lacking := lacks(p, d, *where.TLS, names); len(lacking) > 0 {
			w.rules = append(w.rules, rule{Match: here, Hide: lacking})
		}
		offers, tokens := mechanisms(p, names)
		if len(offers) > 0 {
			w.rules = append(w.rules, rule{Match: here, Auth: offers})
		}
		if tokens {
			w.rules = append(w.rules, rule{Match: here, OAuth: "accept"})
		}
	}
	clean := make([]string, len(names))
	for i, name := range names {
		clean[i] = w.clean(name)
	}
	if len(clean) > 0 {
		w.rules = append(w.rules, rule{Match: where, Capabilities: map[string][]string{p.Name: clean}})
	}
	if limit := im.Limit(names); limit > 0 && limit <= 1<<31-1 {
		limited := rule{Match: match{Door: where.Door, Protocol: where.Protocol}, SizeLimit: limit}
		if !slices.ContainsFunc(w.rules, func(r rule) bool { return r.SizeLimit > 0 && r.Match == limited.Match }) {
			w.rules = append(w.rules, limited)
		}
	}
}

// mechanisms returns the mechanisms in a list that mailrig can serve, best first, and whether there are some for tokens. offers is empty if
// they are the usual ones.
func mechanisms(p *protocol.Protocol, names []string) (offers []string, tokens bool) {
	listed := map[string]bool{}
	for _, name := range names {
		words := strings.FieldsFunc(strings.ToUpper(name), func(r rune) bool { return r == ' ' || r == '=' })
		if len(words) > 1 && slices.ContainsFunc(p.Words, func(word protocol.Word) bool { return word.Login && word.Needs == words[0] }) {
			for _, mechanism := range words[1:] {
				listed[mechanism] = true
			}
		}
	}
	for _, m := range identity.Mechanisms() {
		switch {
		case !listed[m.Name]:
		case m.Needs == identity.NeedsToken:
			tokens = true
		default:
			offers = append(offers, m.Name)
		}
	}
	if slices.Equal(offers, []string{"PLAIN", "LOGIN"}) {
		offers = nil
	}
	return offers, tokens
}

// lacks returns which of the capabilities that TLS and logins need a list doesn't have. What the server was seen to
// answer to their commands all the same is left to mailrig.
func lacks(p *protocol.Protocol, d *Door, secure bool, names []string) (lacking []string) {
	for _, word := range p.Words {
		if word.Verb != p.StartTLS && !word.Login || word.Needs == "" || slices.Contains(lacking, word.Needs) {
			continue
		}
		listed := slices.ContainsFunc(names, func(name string) bool {
			name, _, _ = strings.Cut(strings.ToUpper(name), " ")
			name, _, _ = strings.Cut(name, "=")
			return name == word.Needs
		})
		tried := slices.ContainsFunc(d.Exchanges, func(x Exchange) bool {
			used, _ := p.Words.Find(x.Verb)
			return used.Needs == word.Needs && x.Secure == secure && len(x.Lines) > 0
		})
		if !listed && !tried {
			lacking = append(lacking, word.Needs)
		}
	}
	return lacking
}

// lists reports whether an exchange asked for the list of capabilities and got it.
func lists(p *protocol.Protocol, im protocol.Imitator, x *Exchange) bool {
	word, _ := p.Words.Find(x.Verb)
	if !word.Asks || len(x.Lines) == 0 {
		return false
	}
	_, ok := im.Listed(x.Verb, x.Lines)
	return ok
}

// told writes the lists that a server told unasked before a login, for a client that never asked.
func (w *writer) told(d *Door, p *protocol.Protocol, im protocol.Imitator, listed []match, loggedIn bool) {
	for i := range d.Exchanges {
		x := &d.Exchanges[i]
		if len(x.Lines) == 0 || x.LoggedIn || slices.ContainsFunc(listed, func(m match) bool { return *m.TLS == x.Secure }) {
			continue
		}
		if word, _ := p.Words.Find(x.Verb); word.Login {
			continue // the list of the account
		}
		if names, ok := im.Listed(x.Verb, x.Lines); ok {
			where := match{Door: d.Port, TLS: &x.Secure}
			if loggedIn {
				where.User = new(string) // nobody
			}
			listed = append(listed, where)
			w.list(p, im, d, where, names)
		}
	}
}

// toldAtLogin writes the list that came with a login, for a client that never asked afterwards.
func (w *writer) toldAtLogin(p *protocol.Protocol, im protocol.Imitator) {
	for _, d := range w.server.Doors {
		for i := range d.Exchanges {
			x := &d.Exchanges[i]
			if d.Protocol != p.Name || !toldAtLogin(p, im, x) {
				continue
			}
			names, _ := im.Listed(x.Verb, x.Lines)
			w.list(p, im, nil, match{Protocol: p.Name, User: somebody()}, names)
			return
		}
	}
}

// toldAtLogin reports whether a login's reply brought a list.
func toldAtLogin(p *protocol.Protocol, im protocol.Imitator, x *Exchange) bool {
	word, _ := p.Words.Find(x.Verb)
	if !word.Login || len(x.Lines) == 0 {
		return false
	}
	_, ok := im.Listed(x.Verb, x.Lines)
	return ok
}

// loggedIn reports whether a list after a login is known at any door of a protocol. An account is the same at all of
// them.
func (w *writer) loggedIn(p *protocol.Protocol, im protocol.Imitator) bool {
	return slices.ContainsFunc(w.server.Doors, func(d Door) bool {
		return d.Protocol == p.Name && slices.ContainsFunc(d.Exchanges, func(x Exchange) bool {
			return x.LoggedIn && lists(p, im, &x) || toldAtLogin(p, im, &x)
		})
	})
}
