package recorded

import (
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// decided writes the rules for what a door has decided by itself, in the order in which it did: it refuses the third RCPT,
// or every one. If the door was seen in one session, every connection meets the same; otherwise all connections together.
func (w *writer) decided(d *Door, p *protocol.Protocol, im protocol.Imitator) {
	sessions := 0
	seen := map[string][]*Exchange{} // by command
	var verbs []string
	for i := range d.Exchanges {
		x := &d.Exchanges[i]
		if x.Verb == "" {
			sessions++
		} else if _, known := p.Words.Find(x.Verb); known && len(x.Lines) > 0 {
			if seen[x.Verb] == nil {
				verbs = append(verbs, x.Verb)
			}
			seen[x.Verb] = append(seen[x.Verb], x)
		}
	}
	per := ""
	if sessions == 1 {
		per = "connection"
	}
	for _, verb := range verbs {
		list, done := seen[verb], 0 // done: how many the rules before have answered, so that the next one isn't asked
		for from := 0; from < len(list); {
			r, ok := w.decision(d, p, im, list[from])
			to := from + 1
			for ok && to < len(list) && same(list[from], list[to], im) {
				to++
			}
			if ok {
				if r.Skip = from - done; to < len(list) {
					r.Times = to - from
				}
				if r.Skip+r.Times > 0 {
					r.Per = per
				}
				w.rules = append(w.rules, r)
				done += to - from
			}
			from = to
		}
	}
}

// same reports whether a server has decided the same twice.
func same(a, b *Exchange, im protocol.Imitator) bool {
	return a.Decided == b.Decided && a.Then == b.Then && len(a.Lines) == len(b.Lines) && im.Text(a.Lines) == im.Text(b.Lines)
}

// decision writes the rule for what the server has decided. ok is false if that is nothing, or a scenario can't say it.
func (w *writer) decision(d *Door, p *protocol.Protocol, im protocol.Imitator, x *Exchange) (r rule, ok bool) {
	lines := x.Lines
	for len(lines) > 0 && p.Replies.Verdict("", lines[:1], false).Class == event.Continue {
		lines = lines[1:] // the go-ahead for a message, a challenge of a login
	}
	if x.Decided == "" || len(lines) == 0 {
		return rule{}, false
	}
	text := w.clean(im.Text(lines))
	if p.Replies.Check(text, false) != nil {
		return rule{}, false
	}
	says := map[string]string{p.Name: text}
	r = rule{Match: match{Door: d.Port, Command: x.Verb}}
	word, _ := p.Words.Find(x.Verb)
	positive := p.Replies.Positive(text)
	switch {
	case positive && (x.Decided == DecidedLogin || word.Asks): // lists have rules of their own
		return rule{}, false
	case x.Decided == DecidedLogin:
		r.Match.Command, r.Login = "", says
		return r, true
	case positive || len(lines) < len(x.Lines):
		r.ReplaceReply = says
	default:
		r.Reply = says
	}
	if x.Then != "" {
		says["then"] = x.Then
	}
	return r, true
}
