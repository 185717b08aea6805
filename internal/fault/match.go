package fault

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Match limits when a rule acts. An empty field matches everything. Several values in one field are alternatives.
type Match struct {
	Door       []int    `yaml:"door" doc:"standard port numbers"`
	Protocol   []string `yaml:"protocol" doc:"{protocols}" enum:"{protocols}"`
	TLS        *bool    `yaml:"tls" doc:"true: only inside TLS; false: only in clear"`
	Command    []string `yaml:"command" doc:"the command's name, like RCPT or UID FETCH; STARTTLS also means STLS"`
	User       []string `yaml:"user" doc:"the user who is logged in or logging in; * and ? as in file names"`
	Sender     []string `yaml:"sender" doc:"the address in MAIL FROM; * and ? as in file names"`
	Recipient  []string `yaml:"recipient" doc:"the address in RCPT TO; * and ? as in file names"`
	Client     []string `yaml:"client" doc:"the client's address or network, like 127.0.0.1 or 10.0.0.0/8"`
	Family     []string `yaml:"family" doc:"ipv4 or ipv6" enum:"ipv4,ipv6"`
	Mailbox    []string `yaml:"mailbox" doc:"IMAP: the mailbox that the command names, otherwise the selected one; * and ? as in file names"`
	Connection []int    `yaml:"connection" doc:"the n-th connection since the scenario was activated, from 1, among those that door, protocol, family and client match"`
	Arguments  []string `yaml:"arguments" doc:"what follows the command's name, like _ (EHLO _) or *ENVELOPE*; * and ? as in file names, or a regular expression between slashes"`
	Message    []int    `yaml:"message" doc:"the number of a message that the command names: in IMAP's FETCH and the like, in POP3's RETR"`
	UID        []int    `yaml:"uid" doc:"IMAP: the UID of a message that the command names, as in UID FETCH"`
	Content    Content  `yaml:"content" doc:"what the message from the client is like; only for faults that act when it has come"`
	ServerName []string `yaml:"server-name" doc:"the name that the client asks for in its TLS handshake (SNI); \"\" is none; * and ? as in file names"`
	Mechanism  []string `yaml:"mechanism" doc:"the SASL mechanism of the login, like PLAIN; LOGIN is also IMAP's LOGIN command, and USER is POP3's USER and PASS"`

	arguments []func(string) bool // what Arguments fit
}

// Validate reports what is wrong with a match, or returns nil.
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
	for name, list := range map[string][]int{"message": m.Message, "uid": m.UID} {
		if slices.ContainsFunc(list, func(n int) bool { return n < 1 }) {
			return fmt.Errorf("%s: the first one is 1", name)
		}
	}
	_, err := patterns(m.Arguments)
	return err
}

// patterns returns what tells whether a text fits each pattern: a glob, or a regular expression between slashes.
func patterns(list []string) (all []func(string) bool, err error) {
	for _, p := range list {
		expr, ok := strings.CutPrefix(p, "/")
		if expr, ok = cutSuffix(expr, "/", ok); !ok {
			all = append(all, func(s string) bool { return glob([]string{p}, s) })
			continue
		}
		re, err := regexp.Compile("(?i)" + expr)
		if err != nil {
			return nil, fmt.Errorf("arguments: %q isn't a regular expression: %s", expr, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
		all = append(all, re.MatchString)
	}
	return all, nil
}

func cutSuffix(s, suffix string, so bool) (string, bool) {
	rest, ok := strings.CutSuffix(s, suffix)
	return rest, ok && so
}

// inSet reports whether a set of IMAP (RFC 9051 section 9, sequence-set) has one of these numbers. * is greater than
// any.
func inSet(set string, numbers []int) bool {
	for part := range strings.SplitSeq(set, ",") {
		from, to, isRange := strings.Cut(part, ":")
		if !isRange {
			to = from
		}
		low, high := setNumber(from), setNumber(to)
		if slices.ContainsFunc(numbers, func(n int) bool { return min(low, high) <= n && n <= max(low, high) }) {
			return true
		}
	}
	return false
}

// setNumber returns a number of a set. 0 means that it isn't one.
func setNumber(s string) int {
	if s == "*" {
		return math.MaxInt
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
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

// door reports whether a connection to this door can ever match.
func (m *Match) door(port int, protocol string) bool {
	return (len(m.Door) == 0 || slices.Contains(m.Door, port)) &&
		(len(m.Protocol) == 0 || slices.Contains(m.Protocol, protocol))
}

// Meets reports whether a command at this door can match, as far as door and command tell.
func (m *Match) Meets(port int, protocol, command string) bool {
	return m.door(port, protocol) && (len(m.Command) == 0 || m.names(command))
}

// Particular reports whether a rule asks for particulars of a command, a message or a TLS handshake, which a good client
// doesn't show.
func (m *Match) Particular() bool {
	return len(m.Arguments)+len(m.ServerName) > 0 || !m.Content.none()
}

func (m *Match) names(command string) bool {
	return slices.ContainsFunc(m.Command, func(c string) bool { return SameCommand(c, command) })
}

// family reports whether a connection over IPv4 or IPv6 can ever match.
func (m *Match) family(v6 bool) bool {
	name := "ipv4"
	if v6 {
		name = "ipv6"
	}
	return len(m.Family) == 0 || slices.Contains(m.Family, name)
}

// recipient matches the recipient that the moment concerns. If the moment concerns a whole message, it matches any
// recipient accepted for it.
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
	if len(m.Command) > 0 && !m.names(e.Command) {
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
	return m.client(e.Client) && m.details(e)
}

// details matches what few rules ask for.
func (m *Match) details(e *Event) bool {
	return (len(m.arguments) == 0 || slices.ContainsFunc(m.arguments, func(fits func(string) bool) bool { return fits(e.Arguments) })) &&
		(len(m.Message) == 0 || inSet(e.Messages, m.Message)) &&
		(len(m.UID) == 0 || inSet(e.UIDs, m.UID)) &&
		(len(m.ServerName) == 0 || e.Hello && glob(m.ServerName, e.ServerName)) &&
		(m.Content.none() || m.Content.fits(e.Content))
}

// client reports whether a connection from this address can ever match.
func (m *Match) client(from netip.Addr) bool {
	return len(m.Client) == 0 || slices.ContainsFunc(m.Client, func(c string) bool {
		p, err := parseNetwork(c)
		return err == nil && p.Contains(from)
	})
}

// SameCommand reports whether two command names mean the same. STLS is POP3's name for STARTTLS.
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

// glob reports whether any pattern matches s; an empty list matches everything. * stands for any text, ? for one
// character. Case doesn't matter.
func glob(patterns []string, s string) bool {
	if len(patterns) == 0 {
		return true
	}
	return slices.ContainsFunc(patterns, func(p string) bool {
		return fits([]rune(strings.ToLower(p)), []rune(strings.ToLower(s)))
	})
}

// fits reports whether one pattern matches. When it is stuck it goes back to the last *, which is sufficient and never
// slow.
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
