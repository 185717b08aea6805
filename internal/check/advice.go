package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/door"
)

// advise lists what is wrong, each with one thing to try, and sets the verdict. A server is good if nothing that a
// client needs is wrong.
func (c *checker) advise(r *Report) {
	n := &notes{checker: c, r: r}
	n.asAWhole()
	n.purposes()
	for _, d := range r.Doors {
		n.unreachable(d)
		n.upgrade(d)
		n.session(d)
		n.mechanisms(d)
		n.login(d)
	}
	if t := r.RoundTrip; t != nil && !t.OK {
		n.add("round-trip", Error, 0, t.Words, t.Try)
	}
	r.Problems = n.sorted()
	r.Good = !r.Interrupted && !slices.ContainsFunc(r.Problems, func(p Problem) bool { return p.Severity == Error })
}

// notes gathers problems. The same problem at several ports is listed once.
type notes struct {
	*checker
	r    *Report
	list []Problem
	down bool // no door answers; this is said only once
}

func (n *notes) add(id string, s Severity, port int, what, try string) {
	for i := range n.list {
		if p := &n.list[i]; p.ID == id && p.What == what && p.Try == try {
			p.Ports = append(p.Ports, port)
			if rank(s) < rank(p.Severity) {
				p.Severity = s
			}
			return
		}
	}
	p := Problem{ID: id, Severity: s, Ports: []int{}, What: what, Try: try}
	if port != 0 {
		p.Ports = append(p.Ports, port)
	}
	n.list = append(n.list, p)
}

func rank(s Severity) int { return slices.Index([]Severity{Error, Warning, Note}, s) }

func (n *notes) sorted() []Problem {
	if n.list == nil {
		return []Problem{}
	}
	slices.SortStableFunc(n.list, func(a, b Problem) int { return rank(a.Severity) - rank(b.Severity) })
	return n.list
}

// severityAt returns how serious a fault of a door is. It is serious if no other door does the same work.
func (n *notes) severityAt(d *Door, otherwise Severity) Severity {
	if n.served(d.Protocol) {
		return otherwise
	}
	return Error
}

// served reports whether the client can do what the protocol is for, sending or receiving. A protocol that was asked
// for by name must work itself.
func (n *notes) served(p door.Protocol) bool {
	if n.r.first(p) != nil {
		return true
	}
	return n.wish(p) == Any && receives(p) && n.otherwiseReceived(p) != nil
}

// alternative names the settings to use in place of a door.
func (n *notes) alternative(d *Door) string {
	for _, s := range n.r.Settings {
		if s.Protocol == d.Protocol && s.Door != d.Port {
			return "use port " + n.where(s)
		}
	}
	if s := n.otherwiseReceived(d.Protocol); receives(d.Protocol) && s != nil {
		return "use " + protocolName(string(s.Protocol)) + ", port " + n.where(*s)
	}
	return ""
}

// otherwiseReceived returns the first setting for receiving with another protocol, or nil.
func (n *notes) otherwiseReceived(than door.Protocol) *Setting {
	for _, p := range receiving() {
		if s := n.r.first(p); p != than && s != nil {
			return s
		}
	}
	return nil
}

func (n *notes) where(s Setting) string {
	if s.Encryption == "None" {
		return fmt.Sprintf("%d without encryption", s.Port)
	}
	return fmt.Sprintf("%d with %s", s.Port, s.Encryption)
}

// alternativeOr returns the alternative, or what to try if nothing else works.
func (n *notes) alternativeOr(d *Door, otherwise string) string {
	if s := n.alternative(d); s != "" {
		return s
	}
	return otherwise
}

const elsewhere = "try from another network, such as a phone's; if it works there, this network or a firewall is at fault"

// asAWhole adds what concerns all doors.
func (n *notes) asAWhole() {
	if n.r.Interrupted {
		n.add("interrupted", Error, 0, "the check was stopped before it was done", "let it finish")
	}
	if len(n.r.Doors) == 0 {
		return
	}
	first := n.r.Doors[0]
	all := func(states ...State) bool {
		return !slices.ContainsFunc(n.r.Doors, func(d *Door) bool { return !slices.Contains(states, d.State) })
	}
	switch {
	case all(StateNoAddress):
		n.down = true
		n.add("no-address", Error, 0, first.Detail, "check the spelling of the server's name, and that this machine is online")
	case len(n.r.Doors) > 2 && all(StateRefused):
		n.down = true
		n.add("server-down", Error, 0, "every mail port refuses the connection: the host is there, but no mail server seems to run on it", "check the server's name, and that the mail server has been started")
	case len(n.r.Doors) > 2 && all(StateTimeout, StateUnreachable, StateBlockedHere, StateRefused):
		n.down = true
		n.add("server-down", Error, 0, "no mail port can be reached: "+first.Detail, "check the server's name and the network; "+elsewhere)
	}
}

// unreachable adds what is wrong with doors at which no mail protocol could be spoken.
func (n *notes) unreachable(d *Door) {
	n.families(d)
	if n.down || d.State == StateOpen || d.State == StateInterrupted {
		return
	}
	note, warn := n.severityAt(d, Note), n.severityAt(d, Warning)
	switch d.State {
	case StateRefused, StateTimeout, StateUnreachable, StateBlockedHere, StateFailed, StateNoAddress:
		if d.Port == 2525 && n.served(d.Protocol) {
			return // unofficial: most servers don't have it
		}
		try := n.alternativeOr(d, "ask the provider which port to use; "+elsewhere)
		if d.Port == 25 {
			try += "; port 25 is for mail between servers, and most providers block it for their customers"
		}
		if d.Port == 587 || d.Port == 465 || d.Port == 25 && d.State != StateRefused {
			note = warn // the usual reasons for "I can receive but not send"
		}
		n.add("port-"+string(d.State), note, d.Port, d.Detail, try)
	case StateClosed, StateReset, StateBroken, StateSlow:
		n.add("port-"+string(d.State), warn, d.Port, d.Detail, n.alternativeOr(d, "try again in a few minutes; the server may be busy, or refuse this address"))
	case StateSilent:
		n.add("port-silent", warn, d.Port, d.Detail, n.alternativeOr(d, "the server hangs, is slow to greet (try --timeout 30s), or something on the way swallows its words; "+elsewhere))
	case StateHTTP:
		n.add("http-answers", warn, d.Port, d.Detail, "open a browser and log in to this network, then check again")
	case StateUnknown:
		n.add("not-mail", warn, d.Port, d.Detail, n.alternativeOr(d, "check the server's name and the port"))
	case StateOtherProtocol:
		n.add("wrong-protocol", warn, d.Port, d.Detail, n.alternativeOr(d, fmt.Sprintf("this port is for %s: the server's operator has mixed up the ports", protocolName(string(d.Protocol)))))
	case StateRejected:
		try := n.alternativeOr(d, "read why in the server's words, and try again later")
		n.add("greeting-refused", warn, d.Port, d.Detail, try)
	case StateSpeaksTLS:
		n.add("tls-from-first-byte", warn, d.Port, d.Detail, n.alternativeOr(d, "set encryption to SSL/TLS for this port; better, have the operator open the right one"))
	case StateSpeaksClear:
		n.add("no-tls", warn, d.Port, d.Detail+"; a client that is set to SSL/TLS fails here", n.alternativeOr(d, "the server's operator has to switch TLS on for this port; don't set encryption to none"))
	case StateTLSFailed:
		if d.TLS != nil && d.TLS.Outdated {
			n.add("tls-outdated", warn, d.Port, d.Detail, n.alternativeOr(d, "the server's operator has to update it to TLS 1.2 or newer"))
			return
		}
		n.add("tls-failed", warn, d.Port, "TLS doesn't begin: "+d.Detail, n.alternativeOr(d, "the server's operator has to look at its TLS settings"))
	}
}

// families is about doors that answer on only one of IPv4 and IPv6.
func (n *notes) families(d *Door) {
	for _, a := range d.Addresses {
		family := "IPv4"
		if strings.HasPrefix(a.Address, "[") {
			family = "IPv6"
		}
		others := slices.ContainsFunc(d.Addresses, func(o Address) bool { return o.State == StateOpen })
		if !others || a.State == StateOpen {
			continue
		}
		switch a.State {
		case StateTimeout:
			n.add("one-family", Warning, d.Port, fmt.Sprintf("%s doesn't answer over %s, but the other address family does: clients may hang before they try it", hostOf(a.Address), family),
				fmt.Sprintf("the server's operator has to repair %s or take the address out of the DNS; until then switch %s off to see whether it helps", family, family))
		case StateRefused, StateReset:
			n.add("one-family", Note, d.Port, fmt.Sprintf("%s refuses over %s, but the other address family answers", hostOf(a.Address), family),
				fmt.Sprintf("the server's operator should let the mail server listen on %s too", family))
		}
	}
}

func hostOf(address string) string {
	return strings.Trim(address[:strings.LastIndexByte(address, ':')], "[]")
}

// upgrade is about STARTTLS.
func (n *notes) upgrade(d *Door) {
	warn := n.severityAt(d, Warning)
	operator := "the server's operator has to repair STARTTLS"
	if n.helloRefused(d, warn) {
		return
	}
	if d.masked {
		n.add("masked", warn, d.Port, "a firewall writes over what the server says (XXXX, ****), and takes STARTTLS away",
			n.alternativeOr(d, "have the firewall's inspection of SMTP switched off; "+elsewhere))
		return
	}
	switch d.STARTTLS {
	case UpgradeMissing:
		what := "no STARTTLS: everything here goes in clear, passwords too"
		if !receives(d.Protocol) && n.others(d, UpgradeDone) {
			what = "no STARTTLS, though the server's other ports have it: something on the way may be answering in its place"
		}
		n.add("starttls-missing", warn, d.Port, what, n.alternativeOr(d, "don't use it with encryption set to none; the server's operator has to switch TLS on; "+elsewhere))
	case UpgradeHidden:
		n.add("starttls-hidden", warn, d.Port, d.Detail, n.alternativeOr(d, "a client that insists on STARTTLS works; one set to \"STARTTLS if available\" sends in clear; "+elsewhere))
	case UpgradeRefused:
		n.add("starttls-refused", warn, d.Port, d.Detail, n.alternativeOr(d, "try again later; never fall back to no encryption"))
	case UpgradeInjected:
		n.add("starttls-injected", Error, d.Port, d.Detail+" (an attack on the way, or a broken server)", n.alternativeOr(d, "don't log in here; "+elsewhere))
	case UpgradePreauth:
		n.add("preauth", warn, d.Port, d.Detail+": a broken server, or somebody on the way who wants to keep the client from encrypting", n.alternativeOr(d, "don't use this port"))
	case UpgradeFailed:
		if d.TLS != nil && d.TLS.Outdated {
			n.add("tls-outdated", warn, d.Port, d.Detail, n.alternativeOr(d, "the server's operator has to update it to TLS 1.2 or newer"))
			return
		}
		n.add("starttls-failed", warn, d.Port, d.Detail, n.alternativeOr(d, operator))
	}
	switch {
	case d.again && d.implicit:
		n.add("starttls-again", Note, d.Port, "STARTTLS is offered inside TLS: something in front of the server ends TLS here (HAProxy, nginx, stunnel), and the server behind it takes the connection for an unencrypted one",
			"the server's operator has to tell the server behind it that its connections are encrypted; otherwise it may refuse logins, and clients that see the offer get confused")
	case d.again:
		n.add("starttls-again", Note, d.Port, "STARTTLS is offered once more inside TLS", operator)
	}
}

// helloRefused adds that the server refused the check's EHLO, if it did. What it would have offered isn't known then.
func (n *notes) helloRefused(d *Door, s Severity) bool {
	said := d.helloRefused()
	if said != "" {
		n.add("hello-refused", s, d.Port, fmt.Sprintf("the server refuses EHLO %s and so doesn't say what it offers: %s", ehloName, said),
			n.alternativeOr(d, "read why in the server's words: it may refuse the name that this check says, or this address; a client says a name of its own"))
	}
	return said != ""
}

func (n *notes) others(d *Door, u Upgrade) bool {
	return slices.ContainsFunc(n.r.Doors, func(o *Door) bool { return o != d && o.Protocol == d.Protocol && o.STARTTLS == u })
}

// session is about certificates.
func (n *notes) session(d *Door) {
	if d.TLS == nil {
		return
	}
	s := n.severityAt(d, Warning)
	if slices.ContainsFunc(n.r.Settings, func(s Setting) bool { return s.Door == d.Port && s.Encryption != "None" }) {
		s = Error
	}
	for _, f := range d.TLS.Faults {
		n.add("cert-"+f.Code, s, d.Port, f.Words, f.Try)
	}
	if cert := d.TLS.Certificate; cert != nil && d.TLS.Verified {
		if left := cert.NotAfter.Sub(n.Now()); left < soon && cert.NotAfter.Sub(cert.NotBefore) > 2*soon {
			n.add("cert-soon", Warning, d.Port, fmt.Sprintf("the certificate expires on %s, in %s", date(cert.NotAfter), span(left)), "the server's operator has to renew it")
		}
	}
}

// mechanisms is about the ways in which a door accepts logins.
func (n *notes) mechanisms(d *Door) {
	if d.State != StateOpen || d.helloRefused() != "" {
		return
	}
	if d.BeforeTLS != nil && d.BeforeTLS.TakesLogin && d.STARTTLS == UpgradeDone && n.wish(d.Protocol) != Plain {
		n.add("password-in-clear", Note, d.Port, "the server accepts passwords without encryption",
			"set the client to STARTTLS, not to \"STARTTLS if available\" or none")
	}
	// Mail between servers needs no login, and 2525 is often for that too.
	if d.InTLS != nil && !d.InTLS.TakesLogin && d.Port != 25 && d.Port != 2525 {
		n.add("no-login", n.severityAt(d, Warning), d.Port, "offers no login inside TLS", n.alternativeOr(d, "the server's operator has to switch logins on for this port"))
	}
}

// login is about logins that the user asked for.
func (n *notes) login(d *Door) {
	l := d.Login
	if l == nil || l.State == LoginOK {
		return
	}
	s := Error
	if receives(d.Protocol) && n.wish(d.Protocol) == Any && n.received() {
		s = Warning // the mail can be fetched with the other protocol
	}
	if l.State == LoginNotTried && strings.Contains(l.Words, "--all-logins") {
		s = Note // what is wrong is reported where the login was tried
	}
	what := l.Words
	if l.Reply != "" {
		what += " (" + l.Reply + ")"
	}
	n.add("login-"+string(l.State), s, d.Port, "login: "+what, n.loginAdvice(d))
}

// received reports whether any login for receiving works.
func (n *notes) received() bool {
	return slices.ContainsFunc(n.r.Doors, func(d *Door) bool {
		return receives(d.Protocol) && d.Login != nil && d.Login.State == LoginOK
	})
}

func (n *notes) loginAdvice(d *Door) string {
	switch d.Login.State {
	case LoginWrong:
		if !receives(d.Protocol) && n.received() {
			return "the same password works for receiving: check whether sending has a user name of its own, and is switched on for the account"
		}
		return "check both; the user name is often the whole address"
	case LoginAppPassword:
		return "make an app password in the account's security settings, and type that into the client"
	case LoginWeb:
		return "log in to the provider's web page with a browser, confirm that it was you, and try again"
	case LoginOAuth:
		return "set authentication to OAuth2 in the client; a client that can't needs an app password, if the provider has them"
	case LoginDisabled:
		if !receives(d.Protocol) {
			return n.alternativeOr(d, "the account's administrator has to switch it on")
		}
		return fmt.Sprintf("switch %s on in the account's settings on the provider's web page", protocolName(string(d.Protocol)))
	case LoginLocked, LoginNotAllowed:
		return "ask the account's administrator, or look into the account's settings on the provider's web page"
	case LoginExpired:
		return "set a new password on the provider's web page"
	case LoginTemporary:
		return "try again in a few minutes; the password may well be right"
	case LoginTooMany:
		return "stop other clients from trying, and wait a quarter of an hour"
	case LoginInUse:
		return "close the other client, or wait a minute"
	case LoginEncryption:
		return "set encryption to STARTTLS, or to SSL/TLS on its port"
	case LoginNoMechanism:
		return n.mechanismAdvice(d)
	case LoginUseless:
		return fmt.Sprintf("check whether %s is switched on for the account", protocolName(string(d.Protocol)))
	case LoginNotTried:
		return "fix the problem above first"
	default:
		return "read why in the server's own words"
	}
}

// mechanismAdvice says which method to choose where the server doesn't take a password as it is. Another port of the same
// server helps only if its list is another one.
func (n *notes) mechanismAdvice(d *Door) string {
	if d.InTLS == nil {
		return n.alternativeOr(d, "the server's operator has to allow a password inside TLS (PLAIN)")
	}
	for _, s := range n.r.Settings {
		if s.Protocol == d.Protocol && s.Door != d.Port && s.Authentication == "Normal password" {
			return "use port " + n.where(s)
		}
	}
	rest := d.InTLS.withoutPasswords()
	if name := authentication(d.Protocol, rest); len(rest.Mechanisms) > 0 {
		return fmt.Sprintf("set authentication in the client to %q (%s); otherwise the server's operator has to allow a password inside TLS (PLAIN)", name, strings.Join(rest.Mechanisms, ", "))
	}
	return "the server's operator has to allow a password inside TLS (PLAIN)"
}

// purposes is about whether a client can receive and send at all.
func (n *notes) purposes() {
	if n.down {
		return
	}
	looked := func(p door.Protocol) bool {
		return slices.ContainsFunc(n.r.Doors, func(d *Door) bool { return d.Protocol == p })
	}
	const noneSafe = "find the reason for each port below"
	works := func(p door.Protocol) bool { return n.r.first(p) != nil }
	switch {
	case slices.ContainsFunc(receiving(), looked) && !slices.ContainsFunc(receiving(), works):
		n.add("no-receiving", Error, 0, "mail can't be received: no port for it works with encryption", noneSafe)
	default:
		for _, p := range receiving() {
			if looked(p) && !works(p) {
				s, other := Note, receiving()[slices.IndexFunc(receiving(), works)] // there is one; otherwise no-receiving would have reported it
				switch {
				case n.wish(p) != Any:
					s = Error
				case slices.ContainsFunc(n.r.Doors, func(d *Door) bool { return d.Protocol == p && !d.State.closed() }):
					s = Warning // it exists, and is broken
				}
				n.add("no-"+string(p), s, 0, protocolName(string(p))+" can't be used: no port for it works as it should",
					fmt.Sprintf("use %s, port %s", protocolName(string(other)), n.where(*n.r.first(other))))
			}
		}
	}
	if looked(door.SMTP) && n.r.first(door.SMTP) == nil {
		n.add("no-sending", Error, 0, "mail can't be sent: no port for it works with encryption and a login", noneSafe)
	}
}
