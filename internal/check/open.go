package check

import (
	"context"
	"errors"
	"fmt"
)

// way says how far to go, and how.
type way struct {
	clear  bool // stop before STARTTLS, for a login in clear
	legacy bool // outdated TLS, only to look: nothing is sent through it
}

// look examines a door, from the first packet to the capabilities inside TLS.
func (c *checker) look(ctx context.Context, t Target, d *Door) {
	// A first connection may wait three times: for the connection, for the greeting, and once more. A second look uses
	// the same time.
	limited, cancel := context.WithTimeout(ctx, 3*c.Timeout)
	defer cancel()
	if w := c.open(limited, t, d, way{}); w != nil {
		speak(d.Protocol).quit(w)
		w.close()
	}
	switch {
	case d.State == StateSilent && !d.implicit:
		c.lookForTLS(limited, t, d)
	case d.TLS == nil && (d.State == StateTLSFailed || d.STARTTLS == UpgradeFailed):
		c.lookForOldTLS(limited, t, d)
	}
	if ctx.Err() != nil && d.State != StateOpen {
		d.State, d.Detail = interrupted(ctx)
	}
	d.Usable = c.usable(d)
}

// usable reports whether a client can log in here with encryption.
func (c *checker) usable(d *Door) bool {
	if d.State != StateOpen {
		return false
	}
	if c.wish(d.Protocol) == Plain {
		return d.BeforeTLS != nil && d.BeforeTLS.TakesLogin
	}
	return d.Security != "none" && d.TLS != nil && !d.TLS.Outdated && d.InTLS != nil && d.InTLS.TakesLogin &&
		(d.implicit || d.STARTTLS == UpgradeDone)
}

// open does what a client does before it logs in. If it returns no conversation, d says where it ended.
func (c *checker) open(ctx context.Context, t Target, d *Door, how way) *wire {
	conn := c.connect(ctx, t, d)
	if conn == nil {
		return nil
	}
	d.tape = newTape(about(string(d.Protocol)))
	w := newWire(ctx, conn, c.Timeout, d.tape)
	if !c.greet(w, d, how) {
		w.close()
		return nil
	}
	return w
}

// greet is open after connecting. It returns false if a client must stop.
func (c *checker) greet(w *wire, d *Door, how way) bool {
	if d.implicit {
		w.seen.mark()
		if err := c.handshake(w, d, how); err != nil {
			c.noTLS(w, d, err)
			return false
		}
		d.Security = "tls"
		return !how.legacy && c.hello(w, d) && c.ask(w, d, &d.InTLS)
	}
	if !c.hello(w, d) || !c.ask(w, d, &d.BeforeTLS) {
		return false
	}
	if how.clear {
		return true
	}
	// Without encryption we can still speak to the server, to say goodbye.
	upgraded, ok := c.upgrade(w, d, how)
	if !ok || !upgraded {
		return ok
	}
	d.Security = "starttls"
	return !how.legacy && c.ask(w, d, &d.InTLS)
}

// hello reads the greeting.
func (c *checker) hello(w *wire, d *Door) bool {
	w.wait()
	r, err := speak(d.Protocol).greeting(w)
	if err != nil {
		c.noGreeting(w, d, r, err)
		return false
	}
	d.Speaks, d.Greeting = string(d.Protocol), r.text
	if !r.ok {
		d.State, d.Detail = StateRejected, "it greets with a refusal: "+r.text
		return false
	}
	d.State = StateOpen
	d.masked = masked(r.text)
	if r.preauth {
		d.STARTTLS = UpgradePreauth
	}
	return true
}

// noGreeting finds out what is there instead.
func (c *checker) noGreeting(w *wire, d *Door, r reply, err error) {
	first := w.seen.first
	if d.Security != "none" {
		first = []byte(r.text) // what came was encrypted
	}
	speaks := identify(first)
	state, words := c.brokeOff(err)
	switch {
	case c.wantsClientCert(d, err):
		d.State, d.Detail = StateTLSFailed, wordsClientCert
	case len(first) == 0 && state == StateTimeout:
		d.State, d.Detail = StateSilent, fmt.Sprintf("connected, but the server said nothing within %s", inWords(c.Timeout))
	case len(first) == 0 && state == StateClosed:
		d.State, d.Detail = state, "the server closed the connection before it said anything"
	case len(first) == 0:
		d.State, d.Detail = state, words
	case speaks == string(d.Protocol) && state == StateTimeout:
		d.State, d.Speaks, d.Detail = StateSlow, speaks, fmt.Sprintf("it began to speak %s, but didn't finish its greeting within %s", protocolName(speaks), inWords(c.Timeout))
	case speaks == string(d.Protocol):
		d.State, d.Speaks, d.Detail = StateBroken, speaks, "its greeting breaks off: "+words
	default:
		d.State, d.Speaks, d.Detail = c.otherSpeaker(first, speaks)
	}
}

const wordsClientCert = "the server wants a certificate from the client, and ends the connection without one"

// wantsClientCert reports whether the server ended the conversation because it wants a client certificate. In TLS 1.3
// this shows only after the handshake (RFC 8446 section 4.4.2.4).
func (c *checker) wantsClientCert(d *Door, err error) bool {
	state, _ := c.brokeOff(err)
	return d.TLS != nil && d.TLS.ClientCert && state != StateTimeout
}

// otherSpeaker returns the state of a door where something else speaks.
func (c *checker) otherSpeaker(first []byte, speaks string) (State, string, string) {
	said := firstLine(first)
	switch speaks {
	case "http":
		return StateHTTP, speaks, "a web server answers here, as in networks with a log-in page: " + said
	case "tls":
		return StateSpeaksTLS, speaks, "TLS answers here from the first byte"
	case "":
		return StateUnknown, speaks, "what answers here isn't a mail server: " + said
	default:
		return StateOtherProtocol, speaks, fmt.Sprintf("%s answers here: %s", protocolName(speaks), said)
	}
}

// ask asks for the capabilities.
func (c *checker) ask(w *wire, d *Door, where **Capabilities) bool {
	caps, err := speak(d.Protocol).capabilities(w)
	if err != nil {
		_, words := c.brokeOff(err)
		d.State, d.Detail = StateBroken, "when asked for its capabilities: "+words
		if c.wantsClientCert(d, err) {
			d.State, d.Detail = StateTLSFailed, wordsClientCert
		}
		return false
	}
	if caps.starttls && d.Security != "none" {
		d.again = true
	}
	if masked(caps.Names...) {
		d.masked = true
	}
	*where = caps
	return true
}

// upgrade asks for TLS even if the server doesn't offer it: a middlebox may have hidden the offer, and the answer shows
// that. ok is false if the conversation is over.
func (c *checker) upgrade(w *wire, d *Door, how way) (upgraded, ok bool) {
	if d.STARTTLS == UpgradePreauth {
		d.Detail = "it says that we are logged in already (PREAUTH), which makes STARTTLS impossible"
		return false, true
	}
	offered := d.BeforeTLS.starttls
	r, err := speak(d.Protocol).starttls(w)
	switch {
	case err != nil && !offered:
		d.STARTTLS = UpgradeMissing
		return false, false
	case err != nil:
		_, words := c.brokeOff(err)
		d.STARTTLS, d.Detail = UpgradeRefused, "when asked for STARTTLS: "+words
		if errors.Is(err, errSyntax) && r.text != "" {
			d.Detail += ": " + r.text
		}
		return false, false
	case !r.ok && !offered:
		d.STARTTLS = UpgradeMissing
		return false, true
	case !r.ok:
		d.STARTTLS, d.Detail = UpgradeRefused, "STARTTLS is offered and then refused: "+r.text
		return false, !r.more // after an answer that wants more, client and server are out of step
	}
	if n := w.in.Buffered(); n > 0 {
		extra, _ := w.in.Peek(n)
		d.STARTTLS = UpgradeInjected
		d.Detail = fmt.Sprintf("after its answer to STARTTLS came %d more bytes in clear, which a client would take for encrypted ones: %s",
			n, clean(string(extra[:min(n, 80)])))
		return false, false
	}
	w.seen.mark()
	if err := c.handshake(w, d, how); err != nil {
		d.STARTTLS = UpgradeFailed
		d.Detail = "STARTTLS was accepted, but TLS doesn't begin: " + c.tlsWords(err)
		if speaks := identify(w.seen.since); len(w.seen.since) > 0 && speaks != "tls" {
			d.Detail = "STARTTLS was accepted, but in place of TLS came: " + firstLine(w.seen.since)
		}
		return false, false
	}
	d.STARTTLS = UpgradeDone
	if !offered {
		d.STARTTLS = UpgradeHidden
		d.Detail = "STARTTLS isn't offered, but works: something on the way may have removed the offer"
	}
	return true, true
}

// noTLS returns the state of a TLS door without a handshake.
func (c *checker) noTLS(w *wire, d *Door, err error) {
	first := w.seen.since
	state, words := c.brokeOff(err)
	switch speaks := identify(first); {
	case len(first) == 0 && state == StateTimeout:
		d.State, d.Detail = StateSilent, fmt.Sprintf("connected, but no answer to TLS within %s", inWords(c.Timeout))
	case len(first) == 0 && state == StateClosed:
		d.State, d.Detail = state, "the server closed the connection when TLS should have begun"
	case len(first) == 0 && state == StateReset:
		d.State, d.Detail = state, words
	case speaks == "tls":
		d.State, d.Detail = StateTLSFailed, c.tlsWords(err)
	case about(speaks) != nil:
		d.State, d.Speaks = StateSpeaksClear, speaks
		d.Detail = fmt.Sprintf("%s answers here without TLS: %s", protocolName(speaks), firstLine(first))
	default:
		d.State, d.Speaks, d.Detail = c.otherSpeaker(first, speaks)
	}
}

// lookForTLS finds out whether a silent door waits for TLS.
func (c *checker) lookForTLS(ctx context.Context, t Target, d *Door) {
	second := newDoor(t)
	second.implicit = true
	w := c.open(ctx, t, second, way{})
	if w != nil {
		speak(d.Protocol).quit(w)
		w.close()
	}
	switch {
	case second.TLS != nil:
		d.State, d.TLS, d.InTLS, d.Greeting = StateSpeaksTLS, second.TLS, second.InTLS, second.Greeting
		d.Speaks = "tls"
		if second.Speaks != "" {
			d.Speaks = second.Speaks
		}
		d.Detail = "it waits for TLS from the first byte, where STARTTLS is usual"
		if second.State != StateOpen {
			d.Detail += "; and then: " + second.Detail
		}
	case second.State == StateTLSFailed:
		d.State, d.Speaks, d.Detail = StateSpeaksTLS, "tls", "it waits for TLS from the first byte, where STARTTLS is usual; then: "+second.Detail
	case second.State == StateHTTP, second.State == StateUnknown, second.State == StateOtherProtocol:
		d.State, d.Speaks, d.Detail = second.State, second.Speaks, second.Detail
	}
}

// lookForOldTLS finds out whether the server speaks a TLS version that clients no longer accept. It sends nothing
// through it.
func (c *checker) lookForOldTLS(ctx context.Context, t Target, d *Door) {
	second := newDoor(t)
	if w := c.open(ctx, t, second, way{legacy: true}); w != nil {
		w.close()
	}
	if second.TLS == nil || !second.TLS.Outdated {
		return
	}
	d.TLS = second.TLS
	d.Detail = fmt.Sprintf("the server speaks only %s with %s, which clients no longer accept", d.TLS.Version, d.TLS.Cipher)
}
