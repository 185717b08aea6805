package fault

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
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
	Mechanism  []string `yaml:"mechanism" doc:"the SASL mechanism of the login, like PLAIN; LOGIN is also IMAP's LOGIN command, and USER is POP3's USER and PASS"`
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

// door reports whether a connection to this door can ever match.
func (m *Match) door(port int, protocol string) bool {
	return (len(m.Door) == 0 || slices.Contains(m.Door, port)) &&
		(len(m.Protocol) == 0 || slices.Contains(m.Protocol, protocol))
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
