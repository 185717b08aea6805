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
// exists. Every method of a Conn may be called on a nil Conn. A user may have a
// Plan of its own, whose rules join a connection's when the user is known.
//
// To add a kind: one file with the type, and one row in Kinds.
package fault

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	{"connect", "The TCP connection is refused, dropped (the client's connect times out), accepted and left silent, closed, reset, or answered like a captive portal does.", "drop", func() any { return new(Connect) }},
	{"drip", "The server's bytes come in small pieces with pauses between.", "{bytes: 1, every: 50ms}", func() any { return new(Drip) }},
	{"security", "The door speaks this from the first byte, whatever it should.", "tls", func() any { return new(Security) }},
	{"certificate", "The server shows this certificate instead of the right one.", "expired", func() any { return new(Certificate) }},
	{"tls", "The server's TLS is limited to these versions, or demands this.", "{max: \"1.1\"}", func() any { return new(TLSDemands) }},
	{"handshake", "The TLS handshake comes to this.", "stall", func() any { return new(Handshake) }},
	{"preauth", "IMAP begins logged in as this user: the greeting is PREAUTH.", "alice@example.test", func() any { return new(Preauth) }},
	{"delay-greeting", "The greeting comes this late.", "20s", func() any { return new(DelayGreeting) }},
	{"greeting", "The server greets with this line.", `{smtp: "220 proxy.example ESMTP"}`, func() any { return new(Greeting) }},
	{"hide", "The server lacks these capabilities: they aren't listed, and their commands are refused.", "[STARTTLS]", func() any { return new(Hide) }},
	{"strip", "Something on the path removes these capabilities from the lists; the server would still serve them.", "[STARTTLS]", func() any { return new(Strip) }},
	{"add", "These capabilities are listed too, whether the server has them or not.", "{smtp: [AUTH GSSAPI]}", func() any { return new(Add) }},
	{"capabilities", "The list of capabilities is this, whatever the server has.", "{imap: [IMAP4]}", func() any { return new(Capabilities) }},
	{"delay-reply", "The reply to the command comes this late.", "3s", func() any { return new(DelayReply) }},
	{"delay-final-reply", "The reply to a message comes this late, after its last byte.", "5s", func() any { return new(DelayFinalReply) }},
	{"say", "The server says these lines too, before its reply to the command.", `{imap: "* OK [ALERT] System shutdown in 10 minutes"}`, func() any { return new(Say) }},
	{"reply", "The server answers the command with this reply instead of doing it.", `{smtp: "451 4.7.1 Greylisted, please try again in 5 minutes"}`, func() any { return new(Reply) }},
	{"replace-reply", "The server does what the command asks, and answers with this.", `{smtp: "554 5.7.1 Message rejected as spam"}`, func() any { return new(ReplaceReply) }},
	{"edit-reply", "Whatever in the reply to the command fits a pattern is replaced.", "{find: 'UIDVALIDITY \\d+', put: 'UIDVALIDITY 1'}", func() any { return new(EditReply) }},
	{"end", "The connection ends when the client sends the command, without a reply.", "reset", func() any { return new(EndConnection) }},
	{"starttls", "This happens around STARTTLS: bytes are injected in clear behind the positive reply, or clear text pipelined behind the command is run inside TLS.", `{smtp: "250 AUTH LOGIN"}`, func() any { return new(StartTLS) }},
	{"cut", "The connection is cut in the middle of a message, or before its reply.", "{after: 1000, how: reset}", func() any { return new(CutMessage) }},
	{"login", "Every login is refused this way.", "wrong-password", func() any { return new(Login) }},
	{"oauth", "Logins with a token (XOAUTH2, OAUTHBEARER) are offered, and accepted or refused.", `{challenge: '{"status":"400","schemes":"Bearer","scope":"https://mail.example.test/"}'}`, func() any { return new(OAuth) }},
	{"limit-connections", "Logins are refused while a user has this many connections already.", "{max: 2}", func() any { return new(LimitConnections) }},
	{"folders", "Whoever logs in by IMAP finds these folders, as a provider has them.", `['Sent Items', '[Gmail]/Trash = \Trash']`, func() any { return new(Folders) }},
	{"hierarchy", "IMAP's mailbox names have another delimiter, none, or a prefix before all but INBOX.", `{delimiter: ".", prefix: "INBOX."}`, func() any { return new(Hierarchy) }},
	{"fill", "Whoever logs in by IMAP or POP3 finds so many messages in INBOX, made up as they are read.", "{messages: 100000, size: 2000, gap: 3}", func() any { return new(Fill) }},
	{"meanwhile", "Another session changes the selected mailbox when the command comes.", "{expunge: 2}", func() any { return new(Meanwhile) }},
	{"idle", "IDLE is accepted and tells nothing; the next command does.", "mute", func() any { return new(Idle) }},
	{"rate-limit", "The command is refused when it came this often within the time.", "{max: 3, within: 1m}", func() any { return new(RateLimit) }},
	{"greylist", "A recipient is accepted only when the same sender and client try again after this time.", "{wait: 5s}", func() any { return new(Greylist) }},
	{"size-limit", "Messages may have this many bytes at most.", "100000", func() any { return new(SizeLimit) }},
	{"limit-recipients", "A message may have this many recipients at most.", "10", func() any { return new(LimitRecipients) }},
	{"bounce", "The message is accepted and stored, and a report that it could not be delivered follows into the sender's INBOX.", "{after: 2s}", func() any { return new(BounceLater) }},
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

// Kind names the kind of the rule's fault.
func (r *Rule) Kind() string {
	for _, k := range Kinds {
		if reflect.TypeOf(k.New()) == reflect.TypeOf(r.Fault) {
			return k.Name
		}
	}
	return ""
}

// Match narrows a rule. Empty fields match everything; several values of one
// field are alternatives.
type Match struct {
	Door       []int    `yaml:"door" doc:"standard port numbers"`
	Protocol   []string `yaml:"protocol" doc:"smtp, imap or pop3" enum:"smtp,imap,pop3"`
	TLS        *bool    `yaml:"tls" doc:"true: only inside TLS; false: only in clear"`
	Command    []string `yaml:"command" doc:"the command's name, like RCPT or UID FETCH; STARTTLS means STLS too"`
	User       []string `yaml:"user" doc:"the user logged in or logging in; * and ? as in file names"`
	Sender     []string `yaml:"sender" doc:"the address in MAIL FROM; * and ? as in file names"`
	Recipient  []string `yaml:"recipient" doc:"the address in RCPT TO; * and ? as in file names"`
	Client     []string `yaml:"client" doc:"the client's address or network, like 127.0.0.1 or 10.0.0.0/8"`
	Family     []string `yaml:"family" doc:"ipv4 or ipv6" enum:"ipv4,ipv6"`
	Mailbox    []string `yaml:"mailbox" doc:"IMAP: the mailbox that the command names, else the selected one; * and ? as in file names"`
	Connection []int    `yaml:"connection" doc:"the how-many-th connection since the scenario was activated, from 1, of those that door, protocol, family and client fit"`
	Mechanism  []string `yaml:"mechanism" doc:"the SASL mechanism of the login, like PLAIN; LOGIN is IMAP's LOGIN command too, USER is POP3's USER and PASS"`
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
	Door       int
	Protocol   string
	Client     netip.Addr
	Secure     bool
	Command    string // upper case; "" when the moment isn't a command's
	User       string
	Sender     string
	Recipient  string   // of RCPT; "" when the moment is about a whole message
	Recipients []string // accepted for the message so far
	Mailboxes  []string // IMAP: that the command is about
	Mechanism  string
}

// Validate says what is wrong with a match, or nil.
func (m *Match) Validate() error {
	for _, n := range m.Connection {
		if n < 1 {
			return errors.New("connection: the first one is 1")
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

// family tells if a connection over IPv4 or IPv6 can ever match.
func (m *Match) family(v6 bool) bool {
	name := "ipv4"
	if v6 {
		name = "ipv6"
	}
	return len(m.Family) == 0 || slices.Contains(m.Family, name)
}

// recipient compares the recipient that the moment is about or, where it is about a
// whole message, any that was accepted for it.
func (m *Match) recipient(e *Event) bool {
	if e.Recipient != "" || len(e.Recipients) == 0 {
		return glob(m.Recipient, e.Recipient)
	}
	return slices.ContainsFunc(e.Recipients, func(r string) bool { return glob(m.Recipient, r) })
}

func (m *Match) matches(e *Event) bool {
	if !m.door(e.Door, e.Protocol) || (m.TLS != nil && *m.TLS != e.Secure) {
		return false
	}
	if len(m.Command) > 0 && !slices.ContainsFunc(m.Command, func(c string) bool { return SameCommand(c, e.Command) }) {
		return false
	}
	if len(m.Mechanism) > 0 && !slices.ContainsFunc(m.Mechanism, func(n string) bool { return strings.EqualFold(n, e.Mechanism) }) {
		return false
	}
	if len(m.Mailbox) > 0 && !slices.ContainsFunc(e.Mailboxes, func(b string) bool { return glob(m.Mailbox, b) }) {
		return false
	}
	if !glob(m.User, e.User) || !glob(m.Sender, e.Sender) || !m.recipient(e) {
		return false
	}
	return m.client(e.Client)
}

// client tells if a connection from there can ever match.
func (m *Match) client(from netip.Addr) bool {
	return len(m.Client) == 0 || slices.ContainsFunc(m.Client, func(c string) bool {
		p, err := parseNetwork(c)
		return err == nil && p.Contains(from)
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

// glob tells if one of the patterns fits; none fits everything. * stands for any
// text, ? for one character, and letters are equal to their capitals.
func glob(patterns []string, s string) bool {
	if len(patterns) == 0 {
		return true
	}
	return slices.ContainsFunc(patterns, func(p string) bool {
		return fits([]rune(strings.ToLower(p)), []rune(strings.ToLower(s)))
	})
}

// fits goes back to the last * when it is stuck, which is enough and never slow.
func fits(p, s []rune) bool {
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == s[j]):
			i++
			j++
		case star >= 0:
			i = star + 1
			mark++
			j = mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

// rule is a Rule with its counters.
type rule struct {
	Rule
	came   atomic.Int64 // connections, for match.connection
	mu     sync.Mutex
	counts map[string]int
}

// touches tells if the rule can act on a connection just accepted. It counts those that
// "connection" speaks of.
func (r *rule) touches(e *Event) bool {
	if !r.Match.door(e.Door, e.Protocol) || !r.Match.family(e.Client.Is6()) {
		return false
	}
	return len(r.Match.Connection) == 0 || r.Match.client(e.Client) && slices.Contains(r.Match.Connection, int(r.came.Add(1)))
}

// take counts a match and tells if the rule acts on it. Connections that ask at
// once each get a number of their own, so "times: 1" acts exactly once.
func (r *rule) take(c *Conn) bool {
	if r.Skip == 0 && r.Times == 0 {
		return true
	}
	if r.Per == PerConnection {
		if c.counts == nil {
			c.counts = map[*rule]int{}
		}
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
