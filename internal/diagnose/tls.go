package diagnose

import (
	"crypto/tls"
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
	all := c.each(func(f *Facts) bool {
		if !f.beginsWithTLS() || f.acted() || f.Counts.BytesIn > 0 || f.triedTLS() && f.TLS.Hello || has[*event.ClearOnTLS](f) {
			return false
		}
		if w, _, ok := event.First[*event.Waiting](f.Record); ok && w.For == event.AwaitsHello {
			return true
		}
		return !f.End.IsZero() && f.End.Sub(f.Start) >= patient && f.triedTLS() && f.EndedBy != event.EndedByShutdown
	})
	for i := range all {
		all[i].Guess = true
	}
	return all
}

// clearTextOnTLSPort finds a command where a ClientHello must come.
func clearTextOnTLSPort(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		clear, _, ok := event.First[*event.ClearOnTLS](f.Record)
		return ok && f.beginsWithTLS() && clear.Protocol != event.HTTP
	})
}

// httpOnMailPort finds a web browser, a health check or a proxy.
func httpOnMailPort(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		if clear, _, ok := event.First[*event.ClearOnTLS](f.Record); ok && clear.Protocol == event.HTTP {
			return true
		}
		if len(f.Steps) == 0 {
			return false
		}
		word, rest, _ := strings.Cut(f.Steps[0].Line, " ")
		return slices.Contains([]string{"GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT"}, word) && strings.Contains(rest, "HTTP/")
	})
}

// wrongProtocol finds a client that begins with another protocol's first command.
func wrongProtocol(c *Case) []Evidence {
	return c.eachWords(func(f *Facts) map[string]string {
		if len(f.Steps) == 0 || f.opens(f.Steps[0].Verb) {
			return nil
		}
		var leaving []string
		for _, p := range f.protocols {
			if p == f.speaks || p.Replies == nil {
				continue
			}
			line := p.Replies.Command(f.Steps[0].Line)
			word, known := p.Words.Find(line.Verb)
			switch {
			case !known || f.opens(word.Verb):
			case word.Opens:
				return map[string]string{"spoken": p.Title, "others": doorsOf(p)}
			case word.Leaves && line.Args == "" && f.Steps[0].Verb == "":
				leaving = append(leaving, p.Title) // this word isn't even a command of the session's protocol
			}
		}
		if leaving == nil {
			return nil
		}
		return map[string]string{"spoken": strings.Join(leaving, " or "), "others": f.otherDoors()}
	})
}

// opens reports whether a client of the session's own protocol may begin with this verb.
func (f *Facts) opens(verb string) bool {
	word, ok := f.speaks.Words.Find(verb)
	return ok && word.Opens
}

// badCertificate reports whether the session's certificate was one that a client must refuse.
func (f *Facts) badCertificate() bool { return f.triedTLS() && f.TLS.Bad }

// certificateAlerts are the alerts with which clients reject a certificate (RFC 8446 section 6.2).
var certificateAlerts = []int{42, 43, 44, 45, 46, 48, 49, 51}

// refusedCertificate reports whether the client broke off because of the certificate. sure is false if only the way in
// which it left suggests so: curl compares names after the handshake and leaves without a word, GnuTLS programs check
// the whole certificate then, and Node leaves without an alert. A client that stays for some seconds is waiting for
// something else.
func (f *Facts) refusedCertificate() (refused, sure bool) {
	t := f.TLS
	switch alert := t.ClientAlert(); {
	case t == nil:
		return false, false
	case slices.Contains(certificateAlerts, alert):
		return true, true
	case alert != 0:
		return false, false
	case t.Established():
		return !f.has(func(s *Step) bool { return s.Secure }) && f.EndedBy == event.EndedByClient && !f.secureGreetingOnly() && !f.idled(), false
	}
	return t.Hello && t.Outcome == event.LeftByClient, false
}

// secureGreetingOnly reports whether a scenario changed or delayed the greeting, so that the client may have left
// because of that.
func (f *Facts) secureGreetingOnly() bool {
	return f.Greeting.Injected != "" || has[*event.Delayed](f) || has[*event.Silenced](f) || has[*event.Cut](f)
}

// certificateNotTrusted finds a client that refused the correct certificate.
func certificateNotTrusted(c *Case) []Evidence {
	var all []Evidence
	for _, f := range c.Sessions {
		refused, sure := f.refusedCertificate()
		if !refused || f.TLS.Bad || f.certificateChosen() {
			continue
		}
		if !sure && f.acted() {
			continue // the client may have left because of what the scenario did
		}
		all = append(all, Evidence{Sessions: []*Facts{f}, Guess: !sure, Words: f.whyRefused()})
	}
	return all
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
	how, advice := "", "Make the client trust the rig's CA: `mailrig ca` prints it, and /ca.pem of the web page has it."
	t, name := f.TLS, f.TLS.ServerName
	byName := "Connect to localhost or to a name below example.test, or give yours with --hostname."
	switch alert := t.ClientAlert(); alert {
	case 48:
		how = "It sent the alert unknown_ca (48): it doesn't know the CA that signed the certificate."
	case 45:
		how = "It sent the alert certificate_expired (45)."
	case 44:
		how = "It sent the alert certificate_revoked (44)."
	case 42:
		how = "It sent the alert bad_certificate (42). From OpenSSL this means that the name doesn't fit; Go's programs send it for any fault."
		if t.WrongName {
			advice = byName
		}
	case 46:
		how = "It sent the alert certificate_unknown (46), Java's for any fault of a certificate."
	case 0:
		if f.onTLS() {
			how = "It completed the handshake and left without a command, as programs with GnuTLS do (msmtp, NeoMutt) when they don't trust a certificate, and curl when the name doesn't fit."
			if !t.StartTLS {
				advice += " If it trusts it already: port " + itoa(f.Door) + " is for " + f.speaks.Title + ", and the account may be one of another protocol."
			}
		} else {
			how = "It left in the middle of the handshake without an alert, as Node does when it doesn't trust a certificate."
		}
		if name != "" && t.WrongName {
			advice = byName
		}
	default:
		how = "It sent the alert " + event.AlertName(alert) + " (" + itoa(alert) + ")."
	}
	shown := f.TLS.Certificate
	if shown == "" {
		shown = "correct"
	}
	asked := "It named no host."
	if name != "" {
		asked = "It asked for " + name + "."
	}
	return map[string]string{"how": how, "advice": advice, "certificate": shown, "asked": asked}
}

// continuedAfterBadCertificate finds a command inside TLS that no client should trust.
func continuedAfterBadCertificate(c *Case) []Evidence {
	return c.eachWords(func(f *Facts) map[string]string {
		if f.onTLS() && f.badCertificate() && f.has(func(s *Step) bool { return s.Secure }) {
			return map[string]string{"certificate": f.TLS.Certificate}
		}
		return nil
	})
}

func canSeeBadCertificate(c *Case) bool { return c.any((*Facts).badCertificate) }

// versionRefused finds a client that shares no TLS version with the server.
func versionRefused(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.triedTLS() && !f.onTLS() && (f.TLS.ClientAlert() == 70 || f.TLS.Outcome == event.NoVersion)
	})
}

// cipherRefused finds a client that shares no cipher suite with the server.
func cipherRefused(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.triedTLS() && !f.onTLS() && (f.TLS.ClientAlert() == 40 || f.TLS.ClientAlert() == 71 || f.TLS.Outcome == event.NoCipher)
	})
}

// usedOldTLS finds TLS 1.0 or 1.1, which RFC 8996 forbids.
func usedOldTLS(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.onTLS() && (f.TLS.Version == tls.VersionTLS10 || f.TLS.Version == tls.VersionTLS11) && f.has(func(s *Step) bool { return s.Secure })
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

// askedAgain reports whether the client asked for the capabilities inside TLS before it did anything that needs them. A
// client that may do without the list, and never asks for it, needs none.
func (f *Facts) askedAgain() bool {
	for _, s := range f.Steps {
		switch {
		case !s.Secure:
		case s.asks():
			return true
		case s.works():
			return f.speaks.ListOptional && f.Listed[false] == nil
		}
	}
	return true
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
// injected data contains; it acts on an edited list without asking for a new one.
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
		return edited && !f.askedAgain()
	})
}

// fellBackToClear finds a client that wanted TLS, didn't get it, and did its work without.
func fellBackToClear(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		if f.onTLS() || !f.worksInClear() {
			return false
		}
		// The client asked for TLS in this very session, and the server refused.
		for i, s := range f.Steps {
			if s.isSTARTTLS() && !s.Secure {
				return slices.ContainsFunc(f.Steps[i+1:], (*Step).works) || f.secretInClear()
			}
		}
		return c.wantsTLS(f.Protocol, f)
	})
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
