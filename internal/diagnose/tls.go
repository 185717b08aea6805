package diagnose

import (
	"net"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/transcript"
)

// Predicates about encryption and certificates.

// tlsOnClearPort: a ClientHello where the server speaks first, in clear.
func tlsOnClearPort(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return f.Security != "tls" && f.Has(transcript.TLSOnClearPort) })
}

// silentOnTLSPort: the client waits for a greeting where the server waits for a
// ClientHello. Health checks and port scanners look alike, so it is a guess; those that
// leave at once aren't meant.
func silentOnTLSPort(c *Case) []Evidence {
	const patient = time.Second
	all := c.each(func(f *Facts) bool {
		if f.Security != "tls" || f.acted() || f.Counts.BytesIn > 0 || f.TLS != nil && f.TLS.Hello || f.Has(transcript.ClearOnTLSPort) {
			return false
		}
		waited := !f.End.IsZero() && f.End.Sub(f.Start) >= patient && f.TLS != nil && f.TLS.ServerName == "" && f.TLS.Alert == 0 &&
			f.EndedBy != transcript.EndedByShutdown && saidNothing(f)
		return f.Has(transcript.NoHello) || waited
	})
	for i := range all {
		all[i].Guess = true
	}
	return all
}

func saidNothing(f *Facts) bool {
	return strings.Contains(f.TLS.Error, "no handshake came") || !f.TLS.Hello
}

// clearTextOnTLSPort: a command where a ClientHello must come.
func clearTextOnTLSPort(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		n, ok := f.Note(transcript.ClearOnTLSPort)
		return ok && f.Security == "tls" && !strings.HasSuffix(n.Text, ": HTTP")
	})
}

// httpOnMailPort: a web browser, a health check or a proxy.
func httpOnMailPort(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		if n, ok := f.Note(transcript.ClearOnTLSPort); ok && strings.HasSuffix(n.Text, ": HTTP") {
			return true
		}
		if len(f.Steps) == 0 {
			return false
		}
		first := f.Steps[0].Text
		word, rest, _ := strings.Cut(first, " ")
		return slices.Contains([]string{"GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT"}, word) && strings.Contains(rest, "HTTP/")
	})
}

var protocolVerbs = map[string][]string{
	"SMTP": {"EHLO", "HELO", "MAIL", "RCPT"},
	"POP3": {"CAPA", "USER", "STLS", "APOP", "STAT"},
	"IMAP": {"CAPABILITY", "LOGIN", "AUTHENTICATE", "SELECT", "ID", "LOGOUT"},
}

// wrongProtocol: another protocol's first command.
func wrongProtocol(c *Case) []Evidence {
	return c.eachWords(func(f *Facts) map[string]string {
		if len(f.Steps) == 0 {
			return nil
		}
		words := strings.Fields(strings.ToUpper(f.Steps[0].Text))
		if f.Protocol == "imap" && len(words) == 1 && words[0] == "QUIT" {
			return map[string]string{"spoken": "SMTP or POP3", "others": otherDoors("imap")}
		}
		if f.Protocol == "imap" && len(words) > 1 && slices.Contains(protocolVerbs["IMAP"], words[1]) {
			return nil // whatever its tag is
		}
		for protocol, verbs := range protocolVerbs {
			if strings.EqualFold(protocol, f.Protocol) || len(words) == 0 {
				continue
			}
			i := 0
			if protocol == "IMAP" {
				i = 1 // behind a tag
			}
			if i < len(words) && slices.Contains(verbs, words[i]) && !slices.Contains(protocolVerbs[strings.ToUpper(f.Protocol)], words[i]) {
				right := strings.ToLower(protocol)
				return map[string]string{"spoken": protocol,
					"others": "For " + protocol + " use port " + itoa(tlsDoor[right]) + " with SSL/TLS, or " + itoa(clearDoor[right]) + " with STARTTLS."}
			}
		}
		return nil
	})
}

// Certificates that a client must accept; every other profile but the correct one must
// be refused.
var harmless = []string{"", "correct", "no-subject", "thousand-names", "reversed-chain", "root-included"}

// badCertificate tells if the session's certificate was one that a client must refuse.
func (f *Facts) badCertificate() bool {
	if f.TLS == nil || slices.Contains(harmless, f.TLS.Certificate) {
		return false
	}
	if f.TLS.Certificate == "wildcard" { // good for one label below example.test
		label, ok := strings.CutSuffix(f.TLS.ServerName, ".example.test")
		return !ok || strings.Contains(label, ".")
	}
	return true
}

// certificateAlerts are those by which clients say that they don't like a certificate
// (RFC 8446 section 6.2).
var certificateAlerts = []int{42, 43, 44, 45, 46, 48, 49, 51}

// refusedCertificate tells if the client broke off because of the certificate. sure is
// false where only the way of leaving tells: curl compares names after the handshake and
// leaves without a word, GnuTLS programs look at all of the certificate then, Node leaves
// without an alert. Who stays for some seconds waits for something else.
func (f *Facts) refusedCertificate() (refused, sure bool) {
	t := f.TLS
	switch {
	case t == nil:
		return false, false
	case slices.Contains(certificateAlerts, t.Alert):
		return true, true
	case t.Alert != 0:
		return false, false
	case t.Established:
		return !f.has(func(s *Step) bool { return s.Secure }) && f.EndedBy == transcript.EndedByClient && !f.secureGreetingOnly() && !f.idled(), false
	}
	return t.Hello && t.Error == leftInHandshake, false
}

// secureGreetingOnly tells a client that waited for a greeting which didn't come in time,
// or left because of what it said.
func (f *Facts) secureGreetingOnly() bool {
	return f.Greeting.Injected != "" || f.Has(transcript.Delayed) || f.Has(transcript.Silent) || f.Has(transcript.Cut)
}

// leftInHandshake is the gate's word for a client that closed during the handshake.
const leftInHandshake = "the client left in the middle of the handshake"

// certificateNotTrusted: the right certificate was refused.
func certificateNotTrusted(c *Case) []Evidence {
	var all []Evidence
	for _, f := range c.Sessions {
		refused, sure := f.refusedCertificate()
		if !refused || f.TLS.Certificate != "correct" && f.TLS.Certificate != "" {
			continue
		}
		if !sure && f.acted() {
			continue // it may have left because of what the scenario did
		}
		all = append(all, Evidence{Sessions: []*Facts{f}, Guess: !sure, Words: f.whyRefused()})
	}
	return all
}

// badCertificateRefused: as it should be.
func badCertificateRefused(c *Case) []Evidence {
	return c.eachWords(func(f *Facts) map[string]string {
		if refused, _ := f.refusedCertificate(); refused && f.badCertificate() {
			return f.whyRefused()
		}
		return nil
	})
}

// whyRefused puts a refusal into words. The same alert means different things from
// different programs: from OpenSSL 42 is a name that doesn't fit, from Go any fault; 46
// is Java's for any fault.
func (f *Facts) whyRefused() map[string]string {
	how, advice := "", "Make the client trust the rig's CA: `mailrig ca` prints it, and /ca.pem of the web page has it."
	t, name := f.TLS, f.TLS.ServerName
	byName := "Connect to localhost or to a name below example.test, or give yours with --hostname."
	switch f.TLS.Alert {
	case 48:
		how = "It sent the alert unknown_ca (48): it doesn't know the CA that signed the certificate."
	case 45:
		how = "It sent the alert certificate_expired (45)."
	case 44:
		how = "It sent the alert certificate_revoked (44)."
	case 42:
		how = "It sent the alert bad_certificate (42). From OpenSSL this means that the name doesn't fit; Go's programs send it for any fault."
		if name == "" || !covered(name) {
			advice = byName
		}
	case 46:
		how = "It sent the alert certificate_unknown (46), Java's for any fault of a certificate."
	case 0:
		if f.onTLS() {
			how = "It completed the handshake and left without a command, as programs with GnuTLS do (msmtp, NeoMutt) when they don't trust a certificate, and curl when the name doesn't fit."
			if !t.StartTLS {
				advice += " If it trusts it already: port " + itoa(f.Door) + " is for " + strings.ToUpper(f.Protocol) + ", and the account may be one of another protocol."
			}
		} else {
			how = "It left in the middle of the handshake without an alert, as Node does when it doesn't trust a certificate."
		}
		if name != "" && !covered(name) {
			advice = byName
		}
	default:
		how = "It sent the alert " + transcript.AlertName(f.TLS.Alert) + " (" + itoa(f.TLS.Alert) + ")."
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

// covered tells if the rig's own certificate is for a name.
func covered(name string) bool {
	label, below := strings.CutSuffix(name, ".example.test")
	return name == "localhost" || name == "example.test" || below && !strings.Contains(label, ".") || net.ParseIP(name) != nil
}

// continuedAfterBadCertificate: a command inside TLS that no client should trust.
func continuedAfterBadCertificate(c *Case) []Evidence {
	return c.eachWords(func(f *Facts) map[string]string {
		if f.onTLS() && f.badCertificate() && f.has(func(s *Step) bool { return s.Secure }) {
			return map[string]string{"certificate": f.TLS.Certificate}
		}
		return nil
	})
}

func canSeeBadCertificate(c *Case) bool { return c.any((*Facts).badCertificate) }

// versionRefused: the two have no version of TLS in common.
func versionRefused(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.TLS != nil && !f.TLS.Established && (f.TLS.Alert == 70 || strings.Contains(f.TLS.Error, "unsupported versions"))
	})
}

// cipherRefused: the two have no cipher suite in common.
func cipherRefused(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.TLS != nil && !f.TLS.Established && (f.TLS.Alert == 40 || f.TLS.Alert == 71 || strings.Contains(f.TLS.Error, "no cipher suite"))
	})
}

// usedOldTLS: TLS 1.0 or 1.1, which RFC 8996 forbids.
func usedOldTLS(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.onTLS() && (f.TLS.Version == "TLS 1.0" || f.TLS.Version == "TLS 1.1") && f.has(func(s *Step) bool { return s.Secure })
	})
}

func triedTLS(c *Case) bool { return c.any(func(f *Facts) bool { return f.TLS != nil }) }

// sentServerName: the handshake says which host it wants.
func sentServerName(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return f.TLS != nil && f.TLS.ServerName != "" })
}

// noServerName: a server that needs the name got none.
func noServerName(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.TLS != nil && f.TLS.ServerName == "" && strings.Contains(f.TLS.Error, "which name it wants")
	})
}

// noClientCertificate: a server that wants one got none.
func noClientCertificate(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.TLS != nil && strings.Contains(f.TLS.Error, "didn't provide a certificate")
	})
}

// spokeBeforeHandshake: bytes in clear between STARTTLS and the handshake, which an
// attacker could have put there (RFC 3207 section 4.2).
func spokeBeforeHandshake(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return f.Has(transcript.BehindSTARTTLS) })
}

// repeatedSTARTTLS: STARTTLS inside TLS (RFC 3207 section 4.2).
func repeatedSTARTTLS(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return f.has(func(s *Step) bool { return s.isSTARTTLS() && s.Secure }) })
}

// upgraded tells if the session went on inside TLS after STARTTLS.
func (f *Facts) upgraded() bool {
	return f.onTLS() && f.TLS.StartTLS && f.has(func(s *Step) bool { return s.Secure && (s.works() || s.asks()) })
}

func canUpgrade(c *Case) bool { return c.any((*Facts).upgraded) }

// askedAgain tells if the client asked for the capabilities inside TLS before it did
// anything that needs them. A POP3 client that never asks needs none.
func (f *Facts) askedAgain() bool {
	for _, s := range f.Steps {
		switch {
		case !s.Secure:
		case s.asks():
			return true
		case s.works():
			return f.Protocol == "pop3" && f.Listed[false] == nil
		}
	}
	return true
}

// askedCapabilitiesAgain: inside TLS, as RFC 3207 section 4.2 and RFC 9051 section 6.2.1
// demand.
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

// trustedDataFromBeforeTLS: what was said in clear is believed inside TLS. Proof is that
// the client went on without a reply because an injected one was there already, that it
// uses what only the injected data has, or that it acts on a list that was edited
// without asking for another.
func trustedDataFromBeforeTLS(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		if f.Has(transcript.TookInjected) {
			return true
		}
		if !f.upgraded() {
			return false
		}
		if f.lured() && f.has(func(s *Step) bool { return s.Secure && mentionsTracer(s.Text) }) {
			return true
		}
		edited := f.Listed[false] != nil && f.Listed[false].Injected != ""
		return edited && !f.askedAgain()
	})
}

// Names that only scenarios use, in what they inject.
func mentionsTracer(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, "injected") || strings.Contains(text, "attacker")
}

// lured tells if a scenario has said one of those names, so that the client knows it from
// there.
func (f *Facts) lured() bool {
	return slices.ContainsFunc(f.Units, func(u transcript.Unit) bool {
		return u.From == transcript.FromServer && u.Injected != "" && mentionsTracer(u.Text)
	})
}

// fellBackToClear: TLS was wanted and didn't come, and the client did its work without.
func fellBackToClear(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		if f.onTLS() || !f.worksInClear() {
			return false
		}
		// Asked for in this very session, and refused.
		for i, s := range f.Steps {
			if s.isSTARTTLS() && !s.Secure {
				return slices.ContainsFunc(f.Steps[i+1:], (*Step).works) || f.secretInClear()
			}
		}
		return c.wantsTLS(f.Protocol, f)
	})
}

// stoppedWithoutTLS: it left a server that doesn't offer TLS, without having done or
// said anything.
func stoppedWithoutTLS(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		if f.onTLS() || f.TLS != nil || len(f.Steps) == 0 || f.worksInClear() || !f.acted() {
			return false
		}
		return f.has((*Step).isSTARTTLS) || f.Listed[false] != nil && !f.Listed[false].Has("STARTTLS") && !f.Listed[false].Has("STLS")
	})
}
