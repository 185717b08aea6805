package gate

import (
	"bytes"
	"io"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/transcript"
)

// Bounds of POP3.
const (
	// RFC 2449 section 4 has 255 octets; a SASL response may have 12288, as in SMTP.
	pop3Line = 12288 + 2
	pop3Idle = 10 * time.Minute // RFC 1939 section 3
)

var pop3CapabilityOf = map[string]string{
	"STLS": "STLS", "AUTH": "SASL", "USER": "USER", "PASS": "USER", "TOP": "TOP", "UIDL": "UIDL", "CAPA": "CAPA", "UTF8": "UTF8", "LANG": "LANG",
}

var pop3Verbs = map[string]bool{
	"USER": true, "PASS": true, "APOP": true, "AUTH": true, "STLS": true, "CAPA": true, "STAT": true, "LIST": true, "RETR": true, "TOP": true,
	"UIDL": true, "DELE": true, "RSET": true, "NOOP": true, "QUIT": true, "UTF8": true, "LANG": true,
}

// pop3 is the dialect of POP3 (RFC 1939, 2449, 2595, 5034).
type pop3 struct {
	c *Conn
	g *Gate

	loose bool // an AUTH has failed: lines of its exchange may still come

	// Guarded by g.wmu.
	verb    string
	args    bool
	auth    bool     // the client's next line belongs to AUTH
	logged  bool     // a login has succeeded
	multi   bool     // inside a multi-line response
	eod     eod      // where its end is looked for
	swallow bool     // nobody is to see it
	capa    [][]byte // lines of a reply to CAPA so far
}

func (d *pop3) read([]byte) (int, error) {
	g := d.g
	g.wmu.Lock()
	auth := d.auth
	d.auth = false
	logged := d.logged
	g.wmu.Unlock()
	isTLS, err := g.opening(pop3Idle)
	if isTLS {
		return 0, io.EOF
	}
	var line []byte
	var long bool
	if err == nil {
		line, long, err = g.line(pop3Line, pop3Idle, auth)
	}
	switch {
	case err == errTooLong:
		g.farewell([]byte("-ERR Line too long, closing\r\n"), transcript.EndedByServer)
		return 0, io.EOF
	case err != nil && isTimeout(err): // RFC 1939 section 3: close without a word
		g.end(false, transcript.EndedByTimeout)
		return 0, io.EOF
	case err != nil:
		return 0, io.EOF
	case auth:
		g.rec.Said(transcript.FromClient, transcript.Auth, transcript.MaskExchange(line), "")
		if long {
			line = []byte("*\r\n") // cancels the exchange; RFC 5034 section 4
		}
		d.c.pending = line
		return 0, nil
	case long:
		g.rec.Note("line too long", "")
		return 0, g.say([]byte("-ERR Line too long\r\n"), "")
	}
	verb, _ := cutWord(line)
	verb = strings.ToUpper(verb)
	g.rec.Said(transcript.FromClient, transcript.Command, d.shown(verb, line), "")
	line = g.tempt(line)
	_, arg := cutWord(line)
	hasArg := len(arg) > 0
	g.wmu.Lock()
	d.verb, d.args = verb, hasArg
	g.wmu.Unlock()
	if verb == "USER" {
		g.fault.Claims(g.canonical(string(arg)))
	}
	if g.fault.Active() {
		line = bytes.Clone(line)
		g.fault.Event.Command = verb
		if handled, err := d.c.act(pop3Reply, func(string) bool { return false }); handled {
			return 0, err
		}
		if name := pop3CapabilityOf[verb]; name != "" {
			if fate, by := g.fault.Capability(name); fate == fault.CapabilityHidden {
				return 0, g.say([]byte("-ERR Unknown command\r\n"), by)
			}
		}
	}
	if verb == "STLS" && g.cfg.StartTLS && !d.c.secure {
		if logged { // RFC 2595 section 4: only in the AUTHORIZATION state
			return 0, g.say([]byte("-ERR STLS isn't possible after login\r\n"), "")
		}
		return 0, g.upgrade(d.c, "+OK Begin TLS negotiation now\r\n", "")
	}
	d.c.pending = line
	return 0, nil
}

func (d *pop3) write(p []byte, complete bool) (int, error) {
	g := d.g
	if d.multi {
		return d.writeMulti(p, complete)
	}
	if !complete {
		return 0, nil
	}
	ok := bytes.HasPrefix(p, []byte("+OK"))
	switch {
	case bytes.HasPrefix(p, []byte("+ ")) && d.verb == "AUTH":
		d.auth = true
		return len(p), d.c.tell(p, g.refusedBy(false))
	case ok && d.isMulti():
		d.multi, d.eod = true, eodLineStart
		d.swallow = d.c.instead != nil
		if d.verb == "RETR" || d.verb == "TOP" {
			g.rec.MessageOut()
			d.c.cutting = g.fault.Cut(fault.InDownload)
		}
	case ok && (d.verb == "PASS" || d.verb == "APOP" || (d.verb == "AUTH" && d.args)):
		d.logged = true
	}
	if d.c.instead != nil && p[0] != '+' || d.c.instead != nil && ok {
		return len(p), d.c.answer(pop3Reply)
	}
	return len(p), d.c.tell(p, g.refusedBy(true))
}

// shown is a command line as it may be taken down.
func (d *pop3) shown(verb string, line []byte) []byte {
	if pop3Verbs[verb] {
		d.loose = verb == "AUTH"
		if !d.loose && verb != "PASS" && verb != "APOP" {
			return line
		}
	} else if d.loose {
		return transcript.MaskedLine()
	}
	return transcript.Mask(line)
}

// isMulti tells if a positive reply to the command has lines behind it.
func (d *pop3) isMulti() bool {
	switch d.verb {
	case "CAPA", "RETR", "TOP":
		return true
	case "LIST", "UIDL", "AUTH":
		return !d.args
	}
	return false
}

func (d *pop3) writeMulti(p []byte, complete bool) (int, error) {
	if d.verb == "CAPA" {
		if !complete {
			return 0, nil
		}
		if !bytes.Equal(p, []byte(".\r\n")) {
			d.capa = append(d.capa, bytes.Clone(p))
			return len(p), nil
		}
		d.multi = false
		if d.swallow {
			d.capa = nil
			return len(p), nil
		}
		return len(p), d.writeCapa()
	}
	if d.verb != "RETR" && d.verb != "TOP" && !complete {
		return 0, nil
	}
	n, done := d.eod.scan(p)
	d.multi = !done
	switch {
	case d.swallow:
		return n, nil
	case d.verb == "RETR" || d.verb == "TOP":
		return n, d.c.download(p[:n])
	}
	return n, d.c.tell(p[:n], "")
}

func (d *pop3) writeCapa() error {
	g := d.g
	lines := d.capa
	d.capa = nil
	if g.cfg.StartTLS && !d.c.secure && !d.logged {
		lines = append(lines, []byte("STLS\r\n"))
	}
	var names []string
	for _, l := range lines {
		names = append(names, strings.TrimRight(string(l), "\r\n"))
	}
	names, by := g.fault.Capabilities(names)
	for _, name := range append(names, ".") {
		if err := d.c.tell([]byte(name+"\r\n"), by); err != nil {
			return err
		}
	}
	return nil
}

func (d *pop3) tagged() string                   { return "" }
func (d *pop3) inBody() bool                     { return d.multi && (d.verb == "RETR" || d.verb == "TOP") }
func (d *pop3) last([]byte) bool                 { return true }
func (d *pop3) greetingReply(text string) []byte { return pop3Reply(text) }
func (d *pop3) editList(line []byte) []byte      { return line }

func pop3Reply(text string) []byte { return []byte(strings.TrimRight(text, "\r\n") + "\r\n") }
