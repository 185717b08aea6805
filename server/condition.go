package server

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/message"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/suggest"
)

// Condition is what one can wait for: messages, sessions or findings.
type Condition struct {
	What  What
	Match []Matcher // all must fit
	IDs   []string  // of findings; one of them is enough
	Count int       // at least so many; 0 is 1
}

// What can be waited for.
type What string

// The kinds of conditions.
const (
	Messages What = "message" // in any mailbox, when it is looked at: one to three recipients is three
	Sessions What = "session" // that the log has, also open ones
	Findings What = "finding" // Good ones too
)

// Matcher is something that must be true of a message or a session.
type Matcher struct{ Key, Value string }

func (m Matcher) String() string { return m.Key + ":" + m.Value }

// keys are the matchers of messages and of sessions.
var keys = map[What][]string{
	Messages: {"to", "from", "subject", "body", "folder"},
	Sessions: {"door", "protocol", "login", "user", "tls", "client", "scenario", "ended"},
}

var values = map[string][]string{
	"login": {"ok", "refused", "none"}, "tls": {"yes", "no"}, "ended": {"yes", "no"}, "protocol": {"smtp", "imap", "pop3"},
}

// word is one that looks like a matcher, known or not; a URL or the Re: of a subject isn't.
var word = regexp.MustCompile(`^([a-z]+):(.+)$`)

// ParseMatchers reads words like "to:bob@example.test" and "subject:Welcome home": what
// isn't a matcher belongs to the value before it. "any" alone is no matcher at all.
func ParseMatchers(what What, texts ...string) ([]Matcher, error) {
	var list []Matcher
	known := keys[what]
	for _, text := range texts {
		fresh := true
		for _, w := range strings.Fields(text) {
			m := word.FindStringSubmatch(w)
			switch {
			case m != nil && slices.Contains(known, m[1]):
				list = append(list, Matcher{m[1], m[2]})
			case m != nil && !strings.HasPrefix(m[2], "//") && (fresh || suggest.Nearest(m[1], known) != ""):
				return nil, unknownKey(what, m[1])
			case len(list) == 0 && w == "any" && strings.TrimSpace(text) == "any":
			case len(list) == 0:
				return nil, fmt.Errorf("%q doesn't say what to match; say %s, or any", w, forms(what))
			default:
				last := &list[len(list)-1]
				last.Value += " " + w
			}
			fresh = false
		}
	}
	for _, m := range list {
		if err := m.check(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func unknownKey(what What, key string) error {
	hint := "use " + forms(what)
	if near := suggest.Nearest(key, keys[what]); near != "" {
		hint = "did you mean " + near + ":?"
	} else {
		for other, list := range keys {
			if slices.Contains(list, key) {
				hint = fmt.Sprintf("that is for a %s; use %s", other, forms(what))
			}
		}
	}
	return fmt.Errorf("there is no matcher %s: for a %s; %s", key, what, hint)
}

func forms(what What) string { return strings.Join(keys[what], ":, ") + ":" }

func (m Matcher) check() error {
	allowed := values[m.Key]
	if m.Key == "door" {
		for _, d := range door.All() {
			allowed = append(allowed, fmt.Sprint(d.Port))
		}
	}
	if allowed == nil || slices.Contains(allowed, m.Value) {
		return nil
	}
	return fmt.Errorf("%s is %q; it can be %s", m.Key, m.Value, strings.Join(allowed, ", "))
}

// check completes a condition, or says what is wrong with it.
func (c *Condition) check() error {
	switch c.What {
	case Messages, Sessions:
		for _, m := range c.Match {
			if !slices.Contains(keys[c.What], m.Key) {
				return unknownKey(c.What, m.Key)
			}
			if err := m.check(); err != nil {
				return err
			}
		}
	case Findings:
		if len(c.IDs) == 0 {
			return fmt.Errorf("no finding is named; docs/findings.md lists them")
		}
		if err := CheckFindings(c.IDs...); err != nil {
			return err
		}
	default:
		return fmt.Errorf("there is no waiting for %q; wait for a message, a session or a finding", c.What)
	}
	if c.Count < 0 {
		return fmt.Errorf("the count is %d; give at least 1", c.Count)
	}
	c.Count = max(1, c.Count)
	return nil
}

func (c *Condition) String() string {
	if c.What == Findings {
		return strings.Join(c.IDs, " or ")
	}
	var parts []string
	for _, m := range c.Match {
		parts = append(parts, m.String())
	}
	return strings.Join(parts, " ")
}

// sessionFits tells if a session is as the matcher has it.
func (m Matcher) sessionFits(s *Session, canonical func(string) string) bool {
	ok, tried := false, len(s.Logins) > 0
	for _, l := range s.Logins {
		ok = ok || l.OK
	}
	switch m.Key {
	case "door":
		return fmt.Sprint(s.Door) == m.Value
	case "protocol":
		return s.Protocol == m.Value
	case "login":
		return map[string]bool{"ok": ok, "refused": tried && !ok, "none": !tried}[m.Value]
	case "user":
		for _, l := range s.Logins {
			if strings.EqualFold(canonical(l.User), canonical(m.Value)) {
				return true
			}
		}
		return false
	case "tls":
		return (s.TLS != nil && s.TLS.Established) == (m.Value == "yes")
	case "client":
		return strings.HasPrefix(s.Client, m.Value)
	case "scenario":
		return slices.Contains(s.Injected, m.Value)
	case "ended":
		return !s.End.IsZero() == (m.Value == "yes")
	}
	return false
}

// mailFits tells if a message in a mailbox is as the matcher has it.
func (m Matcher) mailFits(ctx context.Context, x *Mail, canonical func(string) string) bool {
	same := func(address string) bool { return strings.EqualFold(canonical(address), canonical(m.Value)) }
	switch m.Key {
	case "to":
		// What a client has put into its own Sent or Drafts isn't mail to it.
		return same(x.Mailbox) && (len(x.Recipients) > 0 || x.Folder == "INBOX")
	case "from":
		return x.From != "" && same(x.From) || contains(x.FromHeader, m.Value)
	case "subject":
		return contains(x.Subject, m.Value)
	case "folder":
		return strings.EqualFold(x.Folder, m.Value)
	case "body":
		raw, err := x.Raw(ctx)
		return err == nil && bodyHas(message.Parse(raw), raw, m.Value) // who waits looks again
	}
	return false
}

func contains(text, part string) bool {
	// White space counts once: headers are folded, and words come one by one.
	flat := func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
	return strings.Contains(flat(text), flat(part))
}

// bodyHas looks into the text parts of a message, decoded.
func bodyHas(p *message.Part, raw []byte, part string) bool {
	if len(p.Children) > 0 {
		return slices.ContainsFunc(p.Children, func(c *message.Part) bool { return bodyHas(c, raw, part) })
	}
	return p.Type == "text" && contains(p.Text(raw), part)
}

// Mail is a message in a mailbox.
type Mail struct {
	Mailbox    string   `json:"mailbox"` // the account's address
	Folder     string   `json:"folder"`
	UID        uint32   `json:"uid"`
	From       string   `json:"from"` // reverse-path; "" when it came by APPEND
	Recipients []string `json:"recipients"`
	FromHeader string   `json:"from_header"` // decoded
	Subject    string   `json:"subject"`     // decoded
	Bytes      int64    `json:"bytes"`
	Session    string   `json:"session"` // that brought it; "" when it came by APPEND

	Flags []string `json:"-"`

	message  store.Message
	received time.Time
}

// Raw is the message, every byte, not to be changed.
func (m *Mail) Raw(ctx context.Context) ([]byte, error) { return store.ReadAll(ctx, m.message) }

func (m *Mail) String() string {
	to := m.Mailbox
	if m.Folder != "INBOX" {
		to += " (" + m.Folder + ")"
	}
	return fmt.Sprintf("to %s %q", to, m.Subject)
}
