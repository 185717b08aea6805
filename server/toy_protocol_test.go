package server

import (
	"bufio"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/gate"
	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/session"
)

// This file defines TOY, a protocol that exists only in this test. A client sends one word on each line, and the server
// answers with one line:
//
//	S: ok toy ready
//	C: tls                S: ok begin         (then TLS, and no second greeting)
//	C: login alice secret S: ok in            or: no not you
//	C: put a word         S: ok kept
//	C: can                S: ok can tls login put
//	C: zip                S: ok zipped        (both sides compress from here on, RFC 1951)
//	C: bye                S: ok bye
//
// A reply begins with ok, no (permanent) or later (temporary).

var toy = &protocol.Protocol{
	Name: "toy", Title: "TOY", Receives: true, StartTLS: "TLS", Words: toyWords, Replies: toyReplies{},
	Framing: func(p protocol.Port) protocol.Framing { return &toyFraming{p: p} },
	Doors: []protocol.Door{
		{Port: 7001, Service: "toy", Security: protocol.STARTTLS, Suggest: true},
		{Port: 7002, Service: "toys", Security: protocol.TLS, Suggest: true},
	},
	Idle: time.Minute, MaxLine: 512,
}

var toyWords = protocol.Words{
	{Verb: "TLS", Polite: true, State: protocol.InClear, Needs: "TLS", Opens: true},
	{Verb: "LOGIN", Secret: event.SecretBehind, Login: true, State: protocol.NoLogin, Needs: "LOGIN"},
	{Verb: "PUT", State: protocol.LoggedIn, Needs: "PUT"},
	{Verb: "ZIP", Polite: true},
	{Verb: "CAN", Asks: true, Polite: true, Opens: true},
	{Verb: "BYE", Polite: true, Leaves: true},
}

// toyReplies is how TOY's server speaks.
type toyReplies struct{}

func (toyReplies) Verdict(_ string, lines []string, _ bool) event.Verdict {
	word, _, _ := strings.Cut(lines[len(lines)-1], " ")
	class, ok := map[string]event.Class{"ok": event.OK, "no": event.Permanent, "later": event.Temporary}[word]
	if !ok {
		class = event.Nonsense
	}
	return event.Verdict{Class: class}
}

func (toyReplies) Command(line string) protocol.Line {
	verb, args, _ := strings.Cut(line, " ")
	return protocol.Line{Verb: strings.ToUpper(verb), Args: args}
}

func (toyReplies) List(verb string, lines []string) ([]string, bool) {
	names, ok := strings.CutPrefix(lines[0], "ok can ")
	return strings.Fields(strings.ToUpper(names)), ok && verb == "CAN"
}

func (toyReplies) Write(_, text string) []byte {
	return []byte(strings.TrimRight(text, "\r\n") + "\r\n")
}
func (r toyReplies) Greeting(text string) []byte { return r.Write("", text) }
func (toyReplies) Positive(text string) bool     { return strings.HasPrefix(text, "ok") }
func (toyReplies) Closes(string, bool) bool      { return false }

func (r toyReplies) Check(text string, _ bool) error {
	if r.Verdict("", []string{text}, false).Class == event.Nonsense {
		return fmt.Errorf("%q is no TOY reply; write it like no not you", text)
	}
	return nil
}

func (toyReplies) IsCommand(line string) bool {
	verb, _, _ := strings.Cut(line, " ")
	_, ok := toyWords.Find(verb)
	return ok
}

func (toyReplies) Canned(c protocol.Canned, _, _ string) []byte {
	return []byte(map[protocol.Canned]string{
		protocol.IdleTooLong: "later you sleep", protocol.TooMuchData: "no too much", protocol.TooManyConnections: "later too many",
		protocol.UnknownCommand: "no such word", protocol.ShuttingDown: "later closing", protocol.GoAhead: "ok begin",
	}[c] + "\r\n")
}

// zipped is a connection on which both sides compress.
type zipped struct {
	net.Conn
	r io.Reader
	w *flate.Writer
}

func zip(c net.Conn) *zipped {
	w, _ := flate.NewWriter(c, flate.BestSpeed) // the level is valid
	return &zipped{c, flate.NewReader(c), w}
}

func (z *zipped) Read(b []byte) (int, error) { return z.r.Read(b) }

func (z *zipped) Write(b []byte) (int, error) {
	n, err := z.w.Write(b)
	if err == nil {
		err = z.w.Flush()
	}
	return n, err
}

// toyFraming knows that everything is a line.
type toyFraming struct{ p protocol.Port }

func (f *toyFraming) Read([]byte) (int, error) {
	line, long, err := f.p.Line(toy.MaxLine, false)
	if err != nil {
		return 0, err
	}
	if long {
		return 0, f.p.Say([]byte("no too long\r\n"), "")
	}
	line = f.p.Record(line, protocol.ShowMasked, false)
	l := toy.Replies.Command(strings.TrimRight(string(line), "\r\n"))
	if l.Verb == "LOGIN" {
		user, _, _ := strings.Cut(l.Args, " ")
		f.p.Claims(user)
	}
	if handled, err := f.p.Ask(protocol.About{Verb: l.Verb}); handled {
		return 0, err
	}
	switch {
	case l.Verb == "TLS" && f.p.Offers():
		return 0, f.p.Upgrade("")
	case l.Verb == "ZIP":
		if err := f.p.Say([]byte("ok zipped\r\n"), ""); err != nil {
			return 0, err
		}
		return 0, f.p.Layer(func(c net.Conn) net.Conn { return zip(c) })
	}
	f.p.Pass(line)
	return 0, nil
}

func (f *toyFraming) Write(line []byte, complete bool) (int, error) {
	switch names, isList := strings.CutPrefix(string(line), "ok can "); {
	case !complete:
		return 0, nil
	case f.p.Replaced():
		return len(line), f.p.Replace()
	case isList:
		list := strings.Fields(names)
		if f.p.Offers() {
			list = append(list, "tls")
		}
		kept, by := f.p.Capabilities(list)
		return len(line), f.p.Tell([]byte("ok can "+strings.Join(kept, " ")+"\r\n"), by)
	}
	return len(line), f.p.Tell(line, f.p.RefusedBy(true))
}

func (f *toyFraming) InBody() bool                                        { return false }
func (f *toyFraming) GreetingEnds([]byte) bool                            { return true }
func (f *toyFraming) EditGreeting(line []byte) (edited []byte, by string) { return line, "" }
func (f *toyFraming) LoggedIn()                                           {}

// serveToy is TOY's engine. It believes it is alone with a client in clear.
func serveToy(_ *Server, c *gate.Conn, ses *session.Session) {
	go func() {
		defer c.Close()
		fmt.Fprint(c, "ok toy ready\r\n")
		for lines := bufio.NewReader(c); ; {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			l := toy.Replies.Command(strings.TrimRight(line, "\r\n"))
			reply := "no such word"
			switch l.Verb {
			case "CAN":
				reply = "ok can login put"
			case "LOGIN":
				user, password, _ := strings.Cut(l.Args, " ")
				reply = "ok in"
				var refusal *identity.Refusal
				if err := ses.Login(identity.Command("LOGIN").Attempt(user, password)); errors.As(err, &refusal) {
					reply = "no not you"
				}
			case "PUT":
				if reply = "ok kept"; ses.User() == "" {
					reply = "no who are you"
				}
			case "BYE":
				io.WriteString(c, "ok bye\r\n")
				return
			}
			io.WriteString(c, reply+"\r\n")
		}
	}()
}
