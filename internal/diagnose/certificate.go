package diagnose

import (
	"cmp"
	"net"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
)

// Predicates about certificates: those that a client refuses, and those that it goes on after.

// badCertificate reports whether the session's certificate was one that a client must refuse.
func (f *Facts) badCertificate() bool { return f.triedTLS() && f.TLS.Bad }

// certificateAlerts are the alerts with which clients reject a certificate (RFC 8446 section 6.2).
var certificateAlerts = []int{42, 43, 44, 45, 46, 48, 49, 51}

// refusedCertificate reports whether the client broke off because of the certificate. sure is false if only the way in
// which it left suggests so: curl compares names after the handshake and leaves without a word, GnuTLS programs check
// the whole certificate then, Postfix says QUIT, and Node leaves in the middle of the handshake without an alert.
func (f *Facts) refusedCertificate() (refused, sure bool) {
	t := f.TLS
	switch alert := t.ClientAlert(); {
	case t == nil:
		return false, false
	case slices.Contains(certificateAlerts, alert):
		return true, true
	case alert == internalError: // Perl's IO::Socket::SSL when the name doesn't fit
		return t.Bad || t.WrongName, t.WrongName
	case alert != 0:
		return false, false
	case t.Established():
		return !f.wentOnInTLS() && f.EndedBy != event.EndedByScenario && f.left() && !f.secureGreetingOnly(), false
	}
	return t.Hello && t.Outcome == event.LeftByClient && !f.leftOldVersion(), false
}

// internalError is an alert that says nothing about its reason (RFC 8446 section 6.2).
const internalError = 80

// workedInTLS reports whether the client gave a command inside TLS. A farewell isn't one: Postfix refuses a certificate
// by saying QUIT.
func (f *Facts) workedInTLS() bool {
	return f.has(func(s *Step) bool { return s.Secure && !s.leaves() })
}

// wentOnInTLS reports whether the client went on behind the handshake, in a way that a client which refuses the certificate
// doesn't. getmail compares the name only after it has asked for the capabilities, and leaves then.
func (f *Facts) wentOnInTLS() bool {
	if f.TLS.Bad || f.TLS.WrongName {
		return f.has(func(s *Step) bool { return s.Secure && (s.works() || s.ofLogin()) })
	}
	return f.workedInTLS()
}

// left reports whether the client ended the session, with a farewell or without.
func (f *Facts) left() bool {
	return f.EndedBy == event.EndedByClient || f.EndedBy == event.EndedByServer && f.has((*Step).leaves)
}

// seemsDistrustful reports whether a client without an alert left as one does that refuses a certificate which isn't
// bad. Health checks and spare connections of a pool complete the handshake too and leave. What tells some of them
// apart is how TLS ends: msmtp, NeoMutt, s-nail, mpop, Perl, Go and Node close it in order when they leave a server of
// another protocol, and don't when they refuse a certificate. curl closes it in order when the name doesn't fit.
func (c *Case) seemsDistrustful(f *Facts) bool {
	if f.acted() || c.trusts(f) {
		return false // it left because of what the scenario did, or another connection shows that it trusts the rig
	}
	if f.has(func(s *Step) bool { return s.Secure }) { // a farewell
		return f.TLS.StartTLS || f.TLS.WrongName
	}
	return !f.TLS.CloseNotify || f.TLS.WrongName
}

// trusts reports whether the same client went on inside TLS on the same door in another session.
func (c *Case) trusts(f *Facts) bool {
	return c.any(func(o *Facts) bool {
		return o != f && o.Host == f.Host && o.Door == f.Door && o.onTLS() && !o.badCertificate() && o.TLS.ServerName == f.TLS.ServerName && o.workedInTLS()
	})
}

// secureGreetingOnly reports whether a scenario changed or delayed the greeting, so that the client may have left
// because of that.
func (f *Facts) secureGreetingOnly() bool {
	return f.Greeting.Injected != "" || has[*event.Delayed](f) || has[*event.Silenced](f) || has[*event.Cut](f)
}

// certificateNotTrusted finds a client that refused the correct certificate. An alert is proof. Without one it is a
// guess, and one that probes share.
func certificateNotTrusted(c *Case) []Evidence {
	var all, silent []Evidence
	probed := c.probed()
	for _, f := range c.Sessions {
		refused, sure := f.refusedCertificate()
		if !refused || f.TLS.Bad || f.certificateChosen() {
			continue
		}
		e := Evidence{Sessions: []*Facts{f}, Words: f.whyRefused()}
		if !sure {
			if !c.seemsDistrustful(f) || f.wantsHTTP() {
				continue
			}
			e.Guess, e.Severity = true, Warning
			if probed[f.place()] >= many {
				e.Severity = Info
				e.Words["advice"] += " If it is a health check or a port scan, nothing is wrong."
				silent = append(silent, e)
				continue
			}
		}
		all = append(all, e)
	}
	return append(all, fold(silent)...)
}

// certificateChosen reports whether a scenario chose a certificate other than the correct one.
func (f *Facts) certificateChosen() bool { return f.chosen(event.SetCertificate) }

// chosen reports whether a scenario chose this property of the connection.
func (f *Facts) chosen(name event.SettingName) bool {
	return slices.ContainsFunc(f.Events, func(e event.Event) bool {
		s, ok := e.What.(*event.Setting)
		return ok && s.Name == name
	})
}

// badCertificateRefused finds a client that rightly refused a certificate. One that has asked for the capabilities before it
// left may have had another reason.
func badCertificateRefused(c *Case) (all []Evidence) {
	for _, f := range c.Sessions {
		if refused, _ := f.refusedCertificate(); refused && f.badCertificate() {
			all = append(all, Evidence{Sessions: []*Facts{f}, Guess: f.workedInTLS(), Words: f.whyRefused()})
		}
	}
	return all
}

// whyRefused puts a refusal into words. One alert means different things from different programs: from OpenSSL, 42
// means that the name doesn't match; from Go, it means any fault; from Java, 46 means any fault.
func (f *Facts) whyRefused() map[string]string {
	t := f.TLS
	shown := cmp.Or(t.Certificate, "correct")
	asked := "It named no host."
	if t.ServerName != "" {
		asked = "It asked for " + t.ServerName + "."
	}
	target := cmp.Or(t.ServerName, f.serverHost())
	trust := "Make the client trust the rig's CA: `mailrig ca` prints it, and /ca.pem of the web page has it."
	advice, wrong := trust, t.WrongName && !t.Bad && target != ""
	if wrong {
		asked += " The certificate isn't valid for " + target + "."
		byName := "Connect to localhost or to a name below example.test, or give yours with --hostname."
		switch t.ClientAlert() {
		case 48:
			advice += " The name is wrong besides. " + byName
		default:
			advice = byName + " If it still refuses: " + small(trust)
		}
	}
	if t.ClientAlert() == 0 && f.onTLS() {
		advice += f.otherReasons()
	}
	return map[string]string{"how": f.howRefused(), "advice": advice, "certificate": shown, "asked": asked}
}

// otherReasons says, as sentences with a space before them, why else a client may have left behind a handshake without a word.
func (f *Facts) otherReasons() (text string) {
	if !f.TLS.StartTLS && !f.workedInTLS() {
		text = " If it trusts it already: port " + itoa(f.Door) + " is for " + f.speaks.Title + ", and the account may be one of another protocol."
	}
	if methods := f.Listed[true].Mechanisms(); len(methods) > 0 && !f.TLS.StartTLS { // the greeting named them, and mbsync leaves if its own isn't among them
		text += " Or it is set to an authentication method that the server doesn't have: choose one of " + strings.Join(methods, ", ") + "."
	}
	if digest := f.setToDigest(); digest != "" {
		text += " " + digest
	}
	return text
}

// howRefused says in which way the client refused.
func (f *Facts) howRefused() string {
	switch alert := f.TLS.ClientAlert(); alert {
	case 48:
		return "It sent the alert unknown_ca (48): it doesn't know the CA that signed the certificate."
	case 45:
		return "It sent the alert certificate_expired (45)."
	case 44:
		return "It sent the alert certificate_revoked (44)."
	case 42:
		return "It sent the alert bad_certificate (42). From OpenSSL this means that the name doesn't fit; Go's programs send it for any fault."
	case 46:
		return "It sent the alert certificate_unknown (46), Java's for any fault of a certificate."
	case internalError:
		return "It sent the alert internal_error (80), Perl's when the name doesn't fit."
	case 0:
	default:
		return "It sent the alert " + event.AlertName(alert) + " (" + itoa(alert) + ")."
	}
	switch {
	case !f.onTLS():
		return "It left in the middle of the handshake without an alert, as Node does when it doesn't trust a certificate."
	case f.workedInTLS():
		return "It completed the handshake and left without a login, as getmail does, which looks at the name only then. (A check that only looks does the same.)"
	case f.has(func(s *Step) bool { return s.Secure }):
		return "It completed the handshake and said goodbye at once, as Postfix does when it doesn't trust a certificate. (A check that only looks does the same.)"
	case f.TLS.CloseNotify:
		return "It completed the handshake and left without a command, as curl does when the name doesn't fit. (A check that only looks does the same.)"
	}
	return "It completed the handshake and left without a command, as programs with GnuTLS do (msmtp, NeoMutt) when they don't trust a certificate. (A check that only looks does the same.)"
}

// serverHost returns the address that the client connected to, without its port.
func (f *Facts) serverHost() string {
	host, _, _ := net.SplitHostPort(f.Server)
	return host
}

// outdatedCertificate is the profile of a certificate that OpenSSL still accepts, by its common name.
const outdatedCertificate = "no-san"

// continuedAfterBadCertificate finds a command inside TLS that no client should trust.
func continuedAfterBadCertificate(c *Case) (all []Evidence) {
	for _, f := range c.Sessions {
		if !f.onTLS() || !f.badCertificate() || !f.wentOnInTLS() {
			continue
		}
		e := Evidence{Sessions: []*Facts{f}, Words: map[string]string{
			"certificate": f.TLS.Certificate,
			"why":         "The rig showed a certificate that every client must refuse, and this one went on. Anybody on the way could be the server.",
			"advice":      "Switch certificate checks on, and take no exceptions for this server.",
		}}
		if f.TLS.Certificate == outdatedCertificate {
			e.Severity = Warning
			e.Words["why"] = "The certificate names its host in the common name only, and the client took that for the name. This is outdated: RFC 9525 section 2 wants the name as a subjectAltName, and newer clients refuse the certificate."
			e.Words["advice"] = "Update the client or its TLS library. (OpenSSL still looks at the common name unless the program forbids it.)"
		}
		all = append(all, e)
	}
	return all
}

func canSeeBadCertificate(c *Case) bool { return c.any((*Facts).badCertificate) }
