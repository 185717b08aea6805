package diagnose

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// Predicates about programs that speak, or expect, something else than the port's protocol, or that only look.

// httpOnMailPort finds a web browser, a health check or a proxy.
func httpOnMailPort(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		if clear, _, ok := event.First[*event.ClearOnTLS](f.Record); ok && clear.Protocol == event.HTTP {
			return true
		}
		if f.wantsHTTP() {
			return true
		}
		if len(f.Steps) == 0 {
			return false
		}
		word, rest, _ := strings.Cut(f.Steps[0].Line, " ")
		return slices.Contains([]string{"GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT"}, word) && strings.Contains(rest, "HTTP/")
	})
}

// wantsHTTP reports whether the client's hello asks for HTTP (ALPN, RFC 7301). No mail program does.
func (f *Facts) wantsHTTP() bool {
	h, _, ok := event.First[*event.Hello](f.Record)
	return ok && (slices.Contains(h.Protocols, "http/1.1") || slices.Contains(h.Protocols, "h2"))
}

// proxyHeader finds a balancer or a proxy that tells the client's address in front of the dialogue, where nobody expects
// it: HAProxy's PROXY protocol, version 1 or 2, or Postfix' XCLIENT and XFORWARD.
func proxyHeader(c *Case) []Evidence {
	return c.eachWords(func(f *Facts) map[string]string {
		name, setting := "", "Start mailrig with --proxy-protocol and the balancer's address, or switch the PROXY protocol off for this port in what connects (HAProxy: send-proxy; nginx: proxy_protocol)."
		if clear, _, ok := event.First[*event.ClearOnTLS](f.Record); ok && clear.Protocol == event.PROXY {
			name = "the header of the PROXY protocol"
		}
		line := func(i int) string { return f.Steps[i].Line }
		switch {
		case name != "" || len(f.Steps) == 0:
		case strings.HasPrefix(line(0), "PROXY "):
			name = "the header of the PROXY protocol, version 1"
		case len(f.Steps) > 2 && line(0) == "" && line(1) == "" && strings.HasPrefix(line(2), `\x00`):
			name = "the header of the PROXY protocol, version 2"
		}
		if s := f.step(func(s *Step) bool { return s.Verb == "XCLIENT" || s.Verb == "XFORWARD" }); s != nil && s.Reply.Class != event.OK {
			name, setting = s.Verb, "Let the proxy look at the server's list first, or switch "+s.Verb+" off (nginx: xclient off)."
		}
		if name == "" {
			return nil
		}
		return map[string]string{"name": name, "advice": setting}
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
			case word.Opens, f.tagged(line):
				return map[string]string{"spoken": p.Title, "others": doorsOf(p)}
			case word.Leaves && line.Args == "" && f.Steps[0].Verb == "":
				leaving = append(leaving, p.Title) // this word isn't even a command of the session's protocol
			}
		}
		if leaving == nil {
			return nil
		}
		f.shown = f.Steps[0]
		return map[string]string{"spoken": strings.Join(leaving, " or "), "others": f.otherDoors()}
	})
}

// tagged reports whether a line is another protocol's command with a tag, which this server couldn't read.
func (f *Facts) tagged(line protocol.Line) bool {
	first := f.Steps[0]
	_, known := f.speaks.Words.Find(first.Verb)
	return line.Tag != "" && first.Tag == "" && !known && first.Reply.Class == event.Permanent
}

// opens reports whether a client of the session's own protocol may begin with this verb.
func (f *Facts) opens(verb string) bool {
	word, ok := f.speaks.Words.Find(verb)
	return ok && word.Opens
}

// connectedAndLeft finds a client that asked for nothing, on a door that begins in clear or after it had closed TLS in
// order.
func connectedAndLeft(c *Case) []Evidence {
	return fold(c.eachWords(func(f *Facts) map[string]string {
		if f.acted() || f.Host == "" || f.idled() || f.beginsWithTLS() != f.endedTLS() || f.triedTLS() && !f.endedTLS() {
			return nil
		}
		if f.triedTLS() && (c.trusts(f) || f.Listed[true] != nil && len(f.Steps) > 0) {
			return nil // a spare connection, or one that has read the list: see lookedAndLeft
		}
		silent := len(f.Steps) == 0 && (f.Counts.BytesIn == 0 || f.triedTLS()) && f.EndedBy == event.EndedByClient
		if !silent && !f.saidGoodbye() {
			return nil
		}
		others := f.otherDoors()
		if digest := f.setToDigest(); digest != "" {
			others += " " + digest
		}
		if f.triedTLS() && !silent { // Postfix refuses a certificate like this
			others += " Or it doesn't trust the rig's CA: `mailrig ca` prints it."
		}
		return map[string]string{"others": others}
	}))
}

// saidGoodbye reports whether the client's first command was its farewell, in the words of the session's protocol.
func (f *Facts) saidGoodbye() bool {
	return len(f.Steps) > 0 && f.Steps[0].leaves() && len(wrongProtocol(&Case{Sessions: []*Facts{f}})) == 0
}

// endedTLS reports whether the client completed the handshake on a door that begins with TLS, and ended in order what it
// had begun: by closing TLS, or with a farewell. A client that refuses the certificate rarely does.
func (f *Facts) endedTLS() bool {
	if !f.beginsWithTLS() || !f.onTLS() || f.TLS.Bad || f.TLS.WrongName {
		return false
	}
	return len(f.Steps) == 0 && f.TLS.CloseNotify || f.saidGoodbye()
}

// wizardProbe finds set-up assistants, which it recognizes by what they say.
func wizardProbe(c *Case) []Evidence {
	return c.eachWords(func(f *Facts) map[string]string {
		if f.has(func(s *Step) bool { return s.Verb == "EHLO" && strings.EqualFold(s.Args, "we-guess.mozilla.org") }) {
			return map[string]string{"who": "Thunderbird's"}
		}
		if len(f.Steps) != 2 || f.Steps[0].Line != "1 CAPABILITY" || f.Steps[1].Line != "2 LOGOUT" {
			return nil
		}
		return map[string]string{"who": "Thunderbird's"}
	})
}

// expectedAnotherProtocol finds a client that reads the greeting and goes on waiting until it loses patience. Most
// clients do this when the greeting doesn't have the form that they expect.
func expectedAnotherProtocol(c *Case) []Evidence {
	all := c.each(func(f *Facts) bool {
		if f.Greeting.Class != event.OK || f.acted() || f.TLS != nil && f.TLS.StartTLS || f.EndedBy == event.EndedByShutdown {
			return false
		}
		if f.triedTLS() && !f.endedTLS() {
			return false // its user was asked about the certificate, perhaps: see certificateNotTrusted
		}
		if c.silent(f) {
			return len(f.Steps) == 0 && f.Counts.BytesIn == 0
		}
		return f.idled() && (len(f.Steps) == 0 || f.saidGoodbye())
	})
	for i := range all {
		f := all[i].Sessions[0]
		all[i].Words = map[string]string{"others": f.otherDoors(), "waits": "waited on for some seconds and left"}
		if f.End.IsZero() {
			all[i].Words["waits"] = "is waiting on"
		}
	}
	return probes(all)
}

// patient is how long a client is silent that waits for something: for a greeting of another kind, or for its user.
const patient = 3 * time.Second

// idled reports whether the client let 3 s pass after the greeting before it said anything or left.
func (f *Facts) idled() bool {
	if len(f.Steps) > 0 {
		return f.Steps[0].At-f.Greeting.At >= patient
	}
	return !f.End.IsZero() && f.EndedBy == event.EndedByClient && f.End.Sub(f.Start)-f.Greeting.At >= patient
}

// doorsOf says on which ports a protocol is spoken.
func doorsOf(p *protocol.Protocol) string {
	var ways []string
	if port := p.Door(true); port != 0 {
		ways = append(ways, itoa(port)+" with SSL/TLS")
	}
	if port := p.Door(false); port != 0 {
		ways = append(ways, itoa(port)+" with STARTTLS")
	}
	if ways == nil {
		return ""
	}
	return "For " + p.Title + " use port " + strings.Join(ways, ", or ") + "."
}

// otherDoors says where the other protocols are.
func (f *Facts) otherDoors() string {
	var reading, sending []*protocol.Protocol
	for _, p := range f.protocols {
		switch {
		case p == f.speaks || p.Door(true) == 0:
		case p.Receives:
			reading = append(reading, p)
		default:
			sending = append(sending, p)
		}
	}
	slices.SortFunc(reading, func(a, b *protocol.Protocol) int { return cmp.Compare(a.Door(true), b.Door(true)) })
	if reading == nil && sending == nil {
		return ""
	}
	if !f.receives() && reading != nil {
		var ports []string
		for _, p := range reading {
			ports = append(ports, itoa(p.Door(true))+" ("+p.Title+")")
		}
		return "For reading mail use port " + strings.Join(ports, " or ") + ", with SSL/TLS."
	}
	var uses []string
	for _, p := range reading {
		uses = append(uses, "for "+p.Title+" use port "+itoa(p.Door(true)))
	}
	for _, p := range sending {
		uses = append(uses, "for sending ("+p.Title+") port "+itoa(p.Door(true)))
	}
	return capital(strings.Join(uses, ", ")) + ", " + map[bool]string{true: "both "}[len(uses) == 2] + "with SSL/TLS."
}
