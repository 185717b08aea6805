package wait

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
)

// address turns a user's name into the form in which addresses are compared.
type address func(name string) string

func (a address) same(x, y string) bool { return strings.EqualFold(a(x), a(y)) }

// mailTest examines a message.
type mailTest func(ctx context.Context, m *Mail) (bool, error)

// messageMatchers are the matchers of messages. Each makes a test for a value, and does there what is needed only once.
var messageMatchers = []struct {
	key  string
	test func(value string, a address) mailTest
}{
	{"to", func(value string, a address) mailTest {
		to := a(value)
		return func(_ context.Context, m *Mail) (bool, error) {
			// A message that a client put into its own Sent or Drafts isn't mail to it.
			return strings.EqualFold(m.Mailbox, to) && (len(m.Recipients) > 0 || m.Folder == "INBOX"), nil
		}
	}},
	{"from", func(value string, a address) mailTest {
		part := fold(value)
		return func(_ context.Context, m *Mail) (bool, error) {
			return m.From != "" && a.same(m.From, value) || strings.Contains(m.folded().from, part), nil
		}
	}},
	{"subject", func(value string, _ address) mailTest {
		part := fold(value)
		return func(_ context.Context, m *Mail) (bool, error) {
			return strings.Contains(m.folded().subject, part), nil
		}
	}},
	{"body", func(value string, _ address) mailTest { return bodyHas(fold(value)) }},
	{"text", func(value string, _ address) mailTest {
		part := fold(value)
		inBody := bodyHas(part)
		return func(ctx context.Context, m *Mail) (bool, error) {
			if h := m.folded(); strings.Contains(h.subject, part) || strings.Contains(h.from, part) || strings.Contains(strings.ToLower(m.Mailbox), part) {
				return true, nil
			}
			return inBody(ctx, m)
		}
	}},
	{"folder", func(value string, _ address) mailTest {
		return func(_ context.Context, m *Mail) (bool, error) { return strings.EqualFold(m.Folder, value), nil }
	}},
	{"id", func(value string, _ address) mailTest {
		return func(_ context.Context, m *Mail) (bool, error) { return m.ID == value, nil }
	}},
}

// bodyHas tests whether a decoded text part of the message contains part, which is folded.
func bodyHas(part string) mailTest {
	word := longestWord(part)
	return func(ctx context.Context, m *Mail) (bool, error) {
		if m.heading.grams.lack(word) {
			return false, nil
		}
		raw, err := m.Raw(ctx)
		if err != nil || m.heading.lacks(raw, word) {
			return false, err
		}
		body, err := m.body(ctx)
		return err == nil && strings.Contains(body, part), err
	}
}

// folded returns the heading with its folded texts.
func (m *Mail) folded() Heading {
	if !m.heading.read {
		m.heading = Heading{read: true, From: m.FromHeader, Subject: m.Subject, from: fold(m.FromHeader), subject: fold(m.Subject)}
	}
	return m.heading
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

// MailTest returns a function that reports whether all matchers match a message. toAddress turns a user's name into an
// address.
func MailTest(match []Matcher, toAddress func(name string) string) func(ctx context.Context, m *Mail) (bool, error) {
	var tests []mailTest
	for _, want := range match {
		for _, row := range messageMatchers {
			if row.key == want.Key {
				tests = append(tests, row.test(want.Value, toAddress).unless(want.Not))
			}
		}
	}
	return func(ctx context.Context, m *Mail) (bool, error) {
		for _, test := range tests {
			if ok, err := test(ctx, m); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	}
}

// unless returns the opposite of a test if not is true.
func (t mailTest) unless(not bool) mailTest {
	if !not {
		return t
	}
	return func(ctx context.Context, m *Mail) (bool, error) {
		ok, err := t(ctx, m)
		return !ok && err == nil, err
	}
}

// SessionTest returns a function that reports whether all matchers match a session. toAddress turns a user's name into
// an address.
func SessionTest(match []Matcher, toAddress func(name string) string) func(*event.Record) bool {
	c := Condition{Match: match}
	return func(s *event.Record) bool { return c.sessionFits(s, toAddress) }
}

// sessionFits reports whether all matchers match a session.
func (c *Condition) sessionFits(s *event.Record, a address) bool {
	for _, want := range c.Match {
		for _, row := range sessionMatchers {
			if row.key == want.Key && row.fits(s, want.Value, a) == want.Not {
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
