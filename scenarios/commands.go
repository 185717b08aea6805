package scenarios

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/suggest"
)

// checkCapabilities rejects names that no server advertises, because the rule would hide nothing. It accepts names that
// another rule of the scenario advertises, and names of private extensions.
func (d *decoder) checkCapabilities(nodes []*yaml.Node, rules []fault.Rule) {
	listed := map[string][]string{}
	for _, r := range rules {
		f, ok := r.Fault.(fault.Advertiser)
		if !ok {
			continue
		}
		for name, lines := range f.Advertised() {
			for _, line := range lines {
				word, _, _ := strings.Cut(line, " ")
				listed[name] = append(listed[name], word)
			}
		}
	}
	for i, r := range rules {
		f, ok := r.Fault.(fault.Concealer)
		if !ok {
			continue
		}
		met := d.grammar.spoken(&r.Match)
		if slices.ContainsFunc(met, func(name string) bool { return protocol.Find(d.grammar.Protocols, name).Capabilities == nil }) {
			continue // nobody knows what such a protocol's servers advertise
		}
		var here, anywhere []string
		for _, p := range d.grammar.Protocols {
			names := append(slices.Clip(p.Capabilities), listed[p.Name]...)
			anywhere = append(anywhere, names...)
			if slices.Contains(met, p.Name) {
				here = append(here, names...)
			}
		}
		acts := false
		for _, name := range f.Conceals() {
			private := strings.HasPrefix(strings.ToUpper(name), "X")
			acts = acts || private || isListed(name, here)
			if private || isListed(name, anywhere) {
				continue
			}
			acts = true // this mistake is enough
			hint := "EHLO, CAPABILITY and CAPA show what there is"
			slices.Sort(here) // sorted, so that of two equally near names it is always the same one
			if near := suggest.Nearest(name, here); near != "" {
				hint = "did you mean " + near + "?"
			}
			d.wrong(nodes[i], "%s: no server lists a capability %q, so that nothing would happen; %s", r.Kind(), name, hint)
		}
		if !acts && len(met) > 0 {
			d.wrong(nodes[i], "%s: no server of %s lists %s; the rule could never act", r.Kind(), join(met, "and"), join(f.Conceals(), "or"))
		}
	}
}

// isListed reports whether a rule for the name changes a list that contains one of these.
func isListed(name string, known []string) bool {
	base, _, _ := strings.Cut(name, "=")
	return slices.ContainsFunc(known, func(k string) bool { return fault.CoversCapability(name, k) || strings.EqualFold(base, k) })
}

// mechanisms are the ways to log in here.
var mechanisms = fault.Mechanisms()

// checkMatch rejects conditions that can't be true in any protocol that the rule can meet.
func (d *decoder) checkMatch(e entry, m *fault.Match) {
	met := d.grammar.having(m.Command, d.grammar.spoken(m))
	if len(met) == 0 {
		return // which is already a mistake
	}
	envelopes := func(p *protocol.Protocol) bool { return p.Envelopes }
	mailboxes := func(p *protocol.Protocol) bool { return p.Mailboxes }
	for _, c := range []struct {
		name    string
		given   bool
		knownIn func(*protocol.Protocol) bool
	}{
		{"mailbox", len(m.Mailbox) > 0, mailboxes},
		{"uid", len(m.UID) > 0, mailboxes},
		{"message", len(m.Message) > 0, func(p *protocol.Protocol) bool { return p.Receives }},
		{"sender", len(m.Sender) > 0, envelopes},
		{"recipient", len(m.Recipient) > 0, envelopes},
	} {
		var titles []string
		possible := false
		for _, p := range d.grammar.Protocols {
			if c.knownIn(p) {
				titles = append(titles, p.Title)
				possible = possible || slices.Contains(met, p.Name)
			}
		}
		if c.given && !possible {
			d.wrong(e.key, "%s is known in %s only, and the rule only meets %s; it could never match", c.name, join(titles, "and"), join(met, "and"))
		}
	}
	for _, name := range m.Mechanism {
		if !slices.ContainsFunc(mechanisms, func(k string) bool { return strings.EqualFold(k, name) }) {
			d.wrong(e.key, "nobody can log in by the mechanism %q here, so that the rule could never match; %s", name, didYouMean(name, mechanisms))
		}
	}
}

// checkSpoken rejects a fault that does nothing in any protocol that the rule can meet.
func (d *decoder) checkSpoken(e entry, r *fault.Rule) {
	f, ok := r.Fault.(fault.Spoken)
	met := d.grammar.having(r.Match.Command, d.grammar.spoken(&r.Match))
	if !ok || len(met) == 0 {
		return
	}
	var acts []string
	for _, p := range d.grammar.Protocols {
		if f.ActsIn(p) {
			acts = append(acts, p.Name)
		}
	}
	if len(acts) > 0 && !slices.ContainsFunc(acts, func(p string) bool { return slices.Contains(met, p) }) {
		d.wrong(e.key, "%s: does something in %s only, as it is written, and the rule only meets %s; it could never act", e.name, join(acts, "and"), join(met, "and"))
	}
}
