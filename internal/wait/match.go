package wait

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/message"
)

// address turns a user's name into the form in which addresses are compared.
type address func(name string) string

func (a address) same(x, y string) bool { return strings.EqualFold(a(x), a(y)) }

// messageMatchers are the matchers of messages. They examine a Mail.
var messageMatchers = []struct {
	key  string
	fits func(ctx context.Context, m *Mail, value string, a address) (bool, error)
}{
	{"to", func(_ context.Context, m *Mail, value string, a address) (bool, error) {
		// A message that a client put into its own Sent or Drafts isn't mail to it.
		return a.same(m.Mailbox, value) && (len(m.Recipients) > 0 || m.Folder == "INBOX"), nil
	}},
	{"from", func(_ context.Context, m *Mail, value string, a address) (bool, error) {
		return m.From != "" && a.same(m.From, value) || contains(m.FromHeader, value), nil
	}},
	{"subject", func(_ context.Context, m *Mail, value string, _ address) (bool, error) {
		return contains(m.Subject, value), nil
	}},
	{"body", func(ctx context.Context, m *Mail, value string, _ address) (bool, error) {
		raw, err := m.Raw(ctx)
		if err != nil {
			return false, err
		}
		return bodyHas(message.Parse(raw), raw, value), nil
	}},
	{"folder", func(_ context.Context, m *Mail, value string, _ address) (bool, error) {
		return strings.EqualFold(m.Folder, value), nil
	}},
}

// sessionMatchers are the matchers of sessions. They examine a record. Values that aren't listed here depend on the rig
// (Language.values).
var sessionMatchers = []struct {
	key    string
	values []string // nil: any
	fits   func(s *event.Record, value string, a address) bool
}{
	{"door", nil, func(s *event.Record, value string, _ address) bool { return strconv.Itoa(s.Door) == value }},
	{"protocol", nil, func(s *event.Record, value string, _ address) bool { return s.Protocol == value }},
	{"login", []string{"ok", "refused", "none"}, func(s *event.Record, value string, _ address) bool { return outcome(s) == value }},
	{"user", nil, func(s *event.Record, value string, a address) bool {
		return slices.ContainsFunc(s.Logins, func(l event.Login) bool { return a.same(l.User, value) })
	}},
	{"tls", yesOrNo, func(s *event.Record, value string, _ address) bool {
		return s.TLS.Established() == (value == "yes")
	}},
	{"client", nil, func(s *event.Record, value string, _ address) bool { return strings.HasPrefix(s.Client, value) }},
	{"scenario", nil, func(s *event.Record, value string, _ address) bool { return slices.Contains(s.Injected, value) }},
	{"ended", yesOrNo, func(s *event.Record, value string, _ address) bool { return !s.End.IsZero() == (value == "yes") }},
}

var yesOrNo = []string{"yes", "no"}

// keys lists the matchers for this kind of condition.
func keys(what What) (all []string) {
	switch what {
	case Messages:
		for _, m := range messageMatchers {
			all = append(all, m.key)
		}
	case Sessions:
		for _, m := range sessionMatchers {
			all = append(all, m.key)
		}
	}
	return all
}

// mailFits reports whether all matchers match a message.
func (c *Condition) mailFits(ctx context.Context, m *Mail, a address) (bool, error) {
	for _, want := range c.Match {
		for _, row := range messageMatchers {
			if row.key != want.Key {
				continue
			}
			if ok, err := row.fits(ctx, m, want.Value, a); !ok || err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// sessionFits reports whether all matchers match a session.
func (c *Condition) sessionFits(s *event.Record, a address) bool {
	for _, want := range c.Match {
		for _, row := range sessionMatchers {
			if row.key == want.Key && !row.fits(s, want.Value, a) {
				return false
			}
		}
	}
	return true
}

// outcome returns the outcome of a session's logins, as a value of the login matcher.
func outcome(s *event.Record) string {
	switch {
	case len(s.Logins) == 0:
		return "none"
	case slices.ContainsFunc(s.Logins, func(l event.Login) bool { return l.OK }):
		return "ok"
	default:
		return "refused"
	}
}

func contains(text, part string) bool {
	// White space counts once: headers are folded, and words come one at a time.
	flat := func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
	return strings.Contains(flat(text), flat(part))
}

// bodyHas reports whether a decoded text part of the message contains part.
func bodyHas(p *message.Part, raw []byte, part string) bool {
	if len(p.Children) > 0 {
		return slices.ContainsFunc(p.Children, func(c *message.Part) bool { return bodyHas(c, raw, part) })
	}
	return p.Type == "text" && contains(p.Text(raw), part)
}
