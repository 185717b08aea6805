// Package fault holds everything that mailrig can do wrong on purpose.
//
// A fault kind is one file: a type whose fields are its YAML, a sentence of
// documentation, and the stages it takes part in. A stage is a one-method
// interface in stages.go (listen, accept, TLS, greeting, capabilities, command,
// body, login); a kind implements those it acts on, and nobody who writes a
// scenario learns the word "stage". The list Kinds names them all.
//
// A Rule is an optional Match, optional counters and one fault. Compile makes a
// Plan of rules; Plan.Conn gives the view of one connection, which the gate and
// the login layer ask. Nobody else asks: protocol code never knows that a fault
// exists. Every method of a Conn may be called on a nil Conn, which is what a
// connection gets that no rule can touch.
//
// To add a kind: one file with the type, and one row in Kinds.
package fault

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
	"sync"
)

// Kind describes a kind of fault to those who load, explain and document
// scenarios.
type Kind struct {
	Name    string     // the YAML key
	Doc     string     // what it does, one sentence
	Example string     // its value in YAML
	New     func() any // a pointer to an empty value; YAML is decoded into it
}

// Kinds lists every kind of fault, in the order of a connection's life.
var Kinds = []Kind{
	{"connect", "The TCP connection is refused, dropped (the client's connect times out), accepted and left silent, closed or reset.", "drop", func() any { return new(Connect) }},
	{"security", "The door speaks this from the first byte, whatever it should.", "tls", func() any { return new(Security) }},
	{"certificate", "The server shows this certificate instead of the right one.", "expired", func() any { return new(Certificate) }},
	{"delay-greeting", "The greeting comes this late.", "20s", func() any { return new(DelayGreeting) }},
	{"greeting", "The server greets with this line.", `{smtp: "220 proxy.example ESMTP"}`, func() any { return new(Greeting) }},
	{"hide", "The server lacks these capabilities: they aren't listed, and their commands are refused.", "[STARTTLS]", func() any { return new(Hide) }},
	{"strip", "Something on the path removes these capabilities from the lists; the server would still serve them.", "[STARTTLS]", func() any { return new(Strip) }},
	{"delay-reply", "The reply to the command comes this late.", "3s", func() any { return new(DelayReply) }},
	{"reply", "The server answers the command with this reply instead of doing it.", `{smtp: "451 4.7.1 Greylisted, please try again in 5 minutes"}`, func() any { return new(Reply) }},
	{"cut", "The connection is cut after so many bytes of a message that the client sends.", "{after: 1000, how: reset}", func() any { return new(Cut) }},
	{"login", "Every login is refused this way.", "wrong-password", func() any { return new(Login) }},
	{"limit-connections", "Logins are refused while a user has this many connections already.", "{max: 2}", func() any { return new(LimitConnections) }},
}

// Lookup returns the kind with that name.
func Lookup(name string) (Kind, bool) {
	for _, k := range Kinds {
		if k.Name == name {
			return k, true
		}
	}
	return Kind{}, false
}

// Match narrows a rule. Empty fields match everything; several values of one
// field are alternatives.
type Match struct {
	Door      []int    `yaml:"door" doc:"standard port numbers"`
	Protocol  []string `yaml:"protocol" doc:"smtp, imap or pop3" enum:"smtp,imap,pop3"`
	TLS       *bool    `yaml:"tls" doc:"true: only inside TLS; false: only in clear"`
	Command   []string `yaml:"command" doc:"the command's name, like RCPT or UID FETCH; STARTTLS means STLS too"`
	User      []string `yaml:"user" doc:"the user logged in or logging in; * and ? as in file names"`
	Sender    []string `yaml:"sender" doc:"the address in MAIL FROM; * and ? as in file names"`
	Recipient []string `yaml:"recipient" doc:"the address in RCPT TO; * and ? as in file names"`
	Client    []string `yaml:"client" doc:"the client's address or network, like 127.0.0.1 or 10.0.0.0/8"`
}

// Per says what a rule's counters count separately.
type Per string

// What counters may be kept for.
const (
	PerScenario   Per = ""           // one counter for as long as the scenario is active
	PerConnection Per = "connection" // starts anew with every connection
	PerClient     Per = "client"     // client address
	PerUser       Per = "user"       // user name of the login
	PerEnvelope   Per = "envelope"   // sender, recipient and client address together
)

// Pers lists what a scenario may write.
var Pers = []Per{PerConnection, PerClient, PerUser, PerEnvelope}

// Rule is one fault with its conditions.
type Rule struct {
	Scenario string // whose it is; what it injects is marked with this name
	Match    Match
	Skip     int // the first so many matches go untouched
	Times    int // then it acts so many times; 0 means for ever
	Per      Per
	Fault    any // a pointer made by a Kind's New
}

// Event is a moment in which rules are consulted.
type Event struct {
	Door      int
	Protocol  string
	Client    netip.Addr
	Secure    bool
	Command   string // upper case; "" when the moment isn't a command's
	User      string
	Sender    string
	Recipient string
}

// Validate says what is wrong with a match, or nil.
func (m *Match) Validate() error {
	for _, field := range []struct {
		name     string
		patterns []string
	}{{"user", m.User}, {"sender", m.Sender}, {"recipient", m.Recipient}} {
		for _, pattern := range field.patterns {
			if _, err := path.Match(pattern, ""); err != nil {
				return fmt.Errorf("%s: %q isn't a valid pattern; * stands for any text, ? for one character, and a bracket must be closed", field.name, pattern)
			}
		}
	}
	for _, c := range m.Client {
		if _, err := parseNetwork(c); err != nil {
			return fmt.Errorf("client: %q is neither an address nor a network like 10.0.0.0/8", c)
		}
	}
	return nil
}

func parseNetwork(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p, nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// door tells if a connection to this door can ever match.
func (m *Match) door(port int, protocol string) bool {
	return (len(m.Door) == 0 || slices.Contains(m.Door, port)) &&
		(len(m.Protocol) == 0 || slices.Contains(m.Protocol, protocol))
}

func (m *Match) matches(e *Event) bool {
	if !m.door(e.Door, e.Protocol) || (m.TLS != nil && *m.TLS != e.Secure) {
		return false
	}
	if len(m.Command) > 0 && !slices.ContainsFunc(m.Command, func(c string) bool { return SameCommand(c, e.Command) }) {
		return false
	}
	if !glob(m.User, e.User) || !glob(m.Sender, e.Sender) || !glob(m.Recipient, e.Recipient) {
		return false
	}
	return len(m.Client) == 0 || slices.ContainsFunc(m.Client, func(c string) bool {
		p, err := parseNetwork(c)
		return err == nil && p.Contains(e.Client)
	})
}

// SameCommand compares command names; POP3's STLS is STARTTLS by another name.
func SameCommand(a, b string) bool {
	a, b = strings.ToUpper(a), strings.ToUpper(b)
	if a == "STLS" {
		a = "STARTTLS"
	}
	if b == "STLS" {
		b = "STARTTLS"
	}
	return a == b
}

func glob(patterns []string, s string) bool {
	if len(patterns) == 0 {
		return true
	}
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(strings.ToLower(p), strings.ToLower(s))
		return err == nil && ok
	})
}

// rule is a Rule with its counters.
type rule struct {
	Rule
	mu     sync.Mutex
	counts map[string]int
}

// take counts a match and tells if the rule acts on it. Connections that ask at
// once each get a number of their own, so "times: 1" acts exactly once.
func (r *rule) take(c *Conn) bool {
	if r.Skip == 0 && r.Times == 0 {
		return true
	}
	if r.Per == PerConnection {
		c.counts[r]++
		return r.due(c.counts[r])
	}
	key := c.key(r.Per)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts = map[string]int{}
	}
	r.counts[key]++
	return r.due(r.counts[key])
}

func (r *rule) due(n int) bool {
	return n > r.Skip && (r.Times == 0 || n <= r.Skip+r.Times)
}
