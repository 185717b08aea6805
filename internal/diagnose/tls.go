package diagnose

import (
	"cmp"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// Predicates about encryption and certificates.

// tlsOnClearPort finds a ClientHello where the server speaks first, in clear.
func tlsOnClearPort(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return !f.beginsWithTLS() && f.Noticed(event.TLSOnClearPort) })
}

// beginsWithTLS reports whether the door expects TLS from the first byte.
func (f *Facts) beginsWithTLS() bool { return f.Security == string(protocol.TLS) }

// silentOnTLSPort finds a client that waits for a greeting where the server waits for a ClientHello. Health checks and
// port scanners look the same, so it is a guess. A client that leaves within a second doesn't count.
func silentOnTLSPort(c *Case) []Evidence {
	const patient = time.Second
	return probes(c.each(func(f *Facts) bool {
		if !f.beginsWithTLS() || f.acted() || f.Counts.BytesIn > 0 || f.triedTLS() && f.TLS.Hello || has[*event.ClearOnTLS](f) {
			return false
		}
		if w, _, ok := event.First[*event.Waiting](f.Record); ok && w.For == event.AwaitsHello {
			return true
		}
		return !f.End.IsZero() && f.End.Sub(f.Start) >= patient && f.triedTLS() && f.EndedBy != event.EndedByShutdown
	}))
}

// clearTextOnTLSPort finds a command where a ClientHello must come.
func clearTextOnTLSPort(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		clear, _, ok := event.First[*event.ClearOnTLS](f.Record)
		return ok && f.beginsWithTLS() && clear.Protocol != event.HTTP && clear.Protocol != event.PROXY
	})
}

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
		return !f.workedInTLS() && f.EndedBy != event.EndedByScenario && f.left() && !f.secureGreetingOnly(), false
	}
	return t.Hello && t.Outcome == event.LeftByClient, false
}

// internalError is an alert that says nothing about its reason (RFC 8446 section 6.2).
const internalError = 80

// workedInTLS reports whether the client gave a command inside TLS. A farewell isn't one: Postfix refuses a certificate
// by saying QUIT.
func (f *Facts) workedInTLS() bool {
	return f.has(func(s *Step) bool { return s.Secure && !s.leaves() })
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
		return f.TLS.StartTLS
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
func (f *Facts) certificateChosen() bool {
	return slices.ContainsFunc(f.Events, func(e event.Event) bool {
		s, ok := e.What.(*event.Setting)
		return ok && s.Name == event.SetCertificate
	})
}

// badCertificateRefused finds a client that rightly refused a certificate.
func badCertificateRefused(c *Case) []Evidence {
	return c.eachWords(func(f *Facts) map[string]string {
		if refused, _ := f.refusedCertificate(); refused && f.badCertificate() {
			return f.whyRefused()
		}
		return nil
	})
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
	if t.ClientAlert() == 0 && f.onTLS() && !t.StartTLS {
		advice += " If it trusts it already: port " + itoa(f.Door) + " is for " + f.speaks.Title + ", and the account may be one of another protocol."
		if methods := f.Listed[true].Mechanisms(); len(methods) > 0 { // the greeting named them, and mbsync leaves if its own isn't among them
			advice += " Or it is set to an authentication method that the server doesn't have: choose one of " + strings.Join(methods, ", ") + "."
		}
	}
	return map[string]string{"how": f.howRefused(), "advice": advice, "certificate": shown, "asked": asked}
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
		if !f.onTLS() || !f.badCertificate() || !f.workedInTLS() {
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

// versionRefused finds a client that shares no TLS version with the server.
func versionRefused(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.triedTLS() && !f.onTLS() && (f.TLS.ClientAlert() == 70 || f.TLS.Outcome == event.NoVersion || f.oldVersionRefused())
	})
}

// oldVersionRefused reports whether the client refused TLS 1.0 or 1.1 in other words. It may have offered the version, and
// then accept none of its signatures: OpenSSL says internal_error (80) at its default security level.
func (f *Facts) oldVersionRefused() bool {
	return oldTLS(f.TLS.Version) && slices.Contains([]int{40, 71, 80}, f.TLS.ClientAlert())
}

func oldTLS(version uint16) bool { return version == tls.VersionTLS10 || version == tls.VersionTLS11 }

// cipherRefused finds a client that shares no cipher suite with the server.
func cipherRefused(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.triedTLS() && !f.onTLS() && !f.oldVersionRefused() && (f.TLS.ClientAlert() == 40 || f.TLS.ClientAlert() == 71 || f.TLS.Outcome == event.NoCipher)
	})
}

// usedOldTLS finds TLS 1.0 or 1.1, which RFC 8996 forbids.
func usedOldTLS(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.onTLS() && oldTLS(f.TLS.Version) && slices.ContainsFunc(f.Steps, func(s *Step) bool { return s.Secure })
	})
}

func triedTLS(c *Case) bool { return c.any((*Facts).triedTLS) }

// sentServerName finds a ClientHello that names the host.
func sentServerName(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return f.triedTLS() && f.TLS.ServerName != "" })
}

// noServerName finds a client that sent no name to a server that requires one.
func noServerName(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.triedTLS() && f.TLS.Outcome == event.NoServerName
	})
}

// noClientCertificate finds a client that presented no certificate to a server that requires one.
func noClientCertificate(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.triedTLS() && f.TLS.Outcome == event.NoClientCert
	})
}

// spokeBeforeHandshake finds bytes in clear between STARTTLS and the handshake. An attacker could have put them there
// (RFC 3207 section 4.2).
func spokeBeforeHandshake(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return has[*event.BehindSTARTTLS](f) })
}

// repeatedSTARTTLS finds a STARTTLS inside TLS (RFC 3207 section 4.2).
func repeatedSTARTTLS(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return f.has(func(s *Step) bool { return s.isSTARTTLS() && s.Secure }) })
}

// upgraded reports whether the session went on inside TLS after STARTTLS.
func (f *Facts) upgraded() bool {
	return f.onTLS() && f.TLS.StartTLS && f.has(func(s *Step) bool { return s.Secure && (s.works() || s.asks()) })
}

func canUpgrade(c *Case) bool { return c.any((*Facts).upgraded) }

// askedAgain reports whether the client learnt the capabilities inside TLS before it did anything that needs them. A
// client that may do without the list, and never asks for it, needs none. A login by password needs none either, if the
// client takes the list from the reply to it, or asks behind it (RFC 9051 sections 6.2.2 and 7.2.2).
func (f *Facts) askedAgain() bool {
	for i, s := range f.inTurn() {
		switch {
		case !s.Secure:
		case s.asks():
			return true
		case s.logsIn() && f.speaks.ListsMore && f.listsBehind(f.Steps[i:]):
			return true
		case s.works():
			return f.speaks.ListOptional && f.Listed[false] == nil
		}
	}
	return true
}

// askedFirst reports whether the client asked for the capabilities inside TLS before it did anything else there.
func (f *Facts) askedFirst() bool {
	i := slices.IndexFunc(f.Steps, func(s *Step) bool { return s.Secure && (s.asks() || s.works()) })
	return i < 0 || f.Steps[i].asks() || f.speaks.ListOptional && f.Listed[false] == nil
}

// listsBehind reports whether the capabilities came with the reply to a login, or the client asked for them next.
func (f *Facts) listsBehind(steps []*Step) bool {
	login := steps[0]
	if f.speaks.Replies != nil {
		if _, ok := f.speaks.Replies.List(login.Verb, login.Reply.Lines); ok {
			return true
		}
	}
	return len(steps) > 1 && (steps[1].asks() || steps[1].logsIn() && f.listsBehind(steps[1:]))
}

// askedCapabilitiesAgain finds a client that asks for the capabilities inside TLS, as RFC 3207 section 4.2 and RFC 9051
// section 6.2.1 require.
func askedCapabilitiesAgain(c *Case) []Evidence {
	all := c.each(func(f *Facts) bool { return f.upgraded() && f.askedAgain() })
	if len(capabilitiesNotAskedAgain(c)) > 0 {
		return nil
	}
	return all
}

func capabilitiesNotAskedAgain(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return f.upgraded() && !f.askedAgain() })
}

// trustedDataFromBeforeTLS finds a client that believes inside TLS what it was told in clear. Proof is one of three
// things: the client went on without a reply because an injected one had already arrived; it uses what only the
// injected data contains; it goes by an edited list without asking for a new one.
func trustedDataFromBeforeTLS(c *Case) []Evidence {
	fooled := believed(c)
	return c.each(func(f *Facts) bool {
		if f.Noticed(event.TookInjected) {
			return true
		}
		if !f.upgraded() {
			return false
		}
		if slices.Contains(fooled, f) {
			return true
		}
		edited := f.Listed[false] != nil && f.Listed[false].Injected != ""
		return edited && !f.askedFirst() && !f.defies(f.Listed[false])
	})
}

// defies reports whether the client logs in inside TLS in a way that a list doesn't allow. It hasn't gone by that list then.
func (f *Facts) defies(l *List) bool {
	s := f.step(func(s *Step) bool { return s.Secure && s.ofLogin() })
	return s != nil && s.against(l)
}

// fellBackToClear finds a client that wanted TLS, didn't get it, and did its work without. Within one session, and with a
// control run, that is certain. Two sessions may be two programs', or two users', so what they show together is a guess,
// and needs the same protocol within a short time.
func fellBackToClear(c *Case) (all []Evidence) {
	for _, f := range c.Sessions {
		if f.onTLS() || !f.worksInClear() {
			continue
		}
		switch first := f.step(func(s *Step) bool { return s.isSTARTTLS() && !s.Secure }); {
		case first != nil: // it asked for TLS in this very session, and the server refused
			i := slices.Index(f.Steps, first)
			if slices.ContainsFunc(f.Steps[i+1:], (*Step).works) || f.secretInClear() {
				all = append(all, Evidence{Sessions: []*Facts{f}})
			}
		case c.Control != nil:
			if c.wantsTLS(f.Protocol, f) {
				all = append(all, Evidence{Sessions: []*Facts{f}})
			}
		default:
			if before := c.failedTLSBefore(f); before != nil {
				all = append(all, Evidence{Sessions: []*Facts{before, f}, Guess: true, Severity: Info})
			}
		}
	}
	return all
}

// failedTLSBefore returns the session of the same client, in the same protocol and a moment before, in which TLS failed or
// wasn't offered. It returns nil if the two sessions show different users or programs.
func (c *Case) failedTLSBefore(f *Facts) *Facts {
	const moment = 30 * time.Second
	for _, before := range slices.Backward(c.Sessions) {
		if before == f || before.End.IsZero() || before.End.After(f.Start.Add(time.Second)) || f.Start.Sub(before.End) > moment {
			continue
		}
		if before.Host != f.Host || before.Protocol != f.Protocol || !before.beganTLS() || before.worksInClear() || before.introduced() != f.introduced() {
			continue
		}
		if !before.onTLS() || f.acted() && !f.offeredSTARTTLS() && before.user() != "" && before.user() == f.user() {
			return before
		}
	}
	return nil
}

// introduced returns the name by which the client introduced itself in its first command, as SMTP clients do. It is ""
// for a client that said nothing.
func (f *Facts) introduced() string {
	if len(f.Steps) == 0 || !f.Steps[0].Word.Asks || f.receives() {
		return ""
	}
	return strings.ToLower(f.Steps[0].Args)
}

// stoppedWithoutTLS finds a client that left a server which doesn't offer TLS, without having done its work.
func stoppedWithoutTLS(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		if f.triedTLS() || len(f.Steps) == 0 || f.worksInClear() || !f.acted() {
			return false
		}
		return f.has((*Step).isSTARTTLS) || f.Listed[false] != nil && !f.offeredSTARTTLS()
	})
}
