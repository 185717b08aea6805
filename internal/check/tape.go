package check

import (
	"fmt"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/recorded"
)

// tape records what a server says on one connection, for Report.Recorded.
type tape struct {
	protocol  *protocol.Protocol
	secure    bool
	loggedIn  bool
	exchanges []recorded.Exchange
}

// maxTape is how many exchanges of a connection are kept: a round trip may poll for a minute.
const maxTape = 64

func newTape(p *protocol.Protocol) *tape {
	t := &tape{protocol: p}
	t.next("")
	return t
}

func (t *tape) next(verb string) {
	t.exchanges = append(t.exchanges, recorded.Exchange{Verb: verb, Secure: t.secure, LoggedIn: t.loggedIn})
}

// secured says that TLS has begun.
func (t *tape) secured() {
	if t == nil {
		return
	}
	if t.secure = true; len(t.exchanges) == 1 && len(t.exchanges[0].Lines) == 0 {
		t.exchanges[0].Secure = true // the greeting comes in TLS
	}
}

// last returns the exchange that goes on, or nil if the tape is full or there is none.
func (t *tape) last() *recorded.Exchange {
	if t == nil || len(t.exchanges) > maxTape {
		return nil
	}
	return &t.exchanges[len(t.exchanges)-1]
}

// verdict judges what has come of an exchange.
func (t *tape) verdict(x *recorded.Exchange) event.Class {
	if len(x.Lines) == 0 {
		return event.NoReply
	}
	return t.protocol.Replies.Verdict(tag, x.Lines, x.Verb == "").Class
}

// sent begins the next exchange. A line that the server waits for, as in a login or a message, belongs to the one
// before; what the client says is never kept.
func (t *tape) sent(line string) {
	x := t.last()
	if x == nil {
		return
	}
	class := t.verdict(x)
	if class == event.Continue {
		return
	}
	if word, _ := t.protocol.Words.Find(x.Verb); word.Login && class == event.OK {
		t.loggedIn = true
	}
	t.next(t.protocol.Replies.Command(line).Verb)
}

func (t *tape) got(line string) {
	if x := t.last(); x != nil && len(x.Lines) < maxLines {
		x.Lines = append(x.Lines, line)
	}
}

// connects says how a door answers that isn't open, in the words of a scenario.
var connects = map[State]string{StateRefused: "refuse", StateTimeout: "drop", StateSilent: "silent", StateClosed: "close", StateReset: "reset", StateHTTP: "portal"}

// Recorded returns what was seen of the server, for a scenario. o are the options of the check, whose user and password
// must not go into it.
func (r *Report) Recorded(o *Options) *recorded.Server {
	var private []string
	if o.User != "" {
		private = append(o.secrets(), o.User, o.Address)
	}
	title := "As " + r.Host + " answered"
	const longest = 60
	if len(title) > longest {
		title = "A recorded server"
	}
	s := &recorded.Server{
		Title:   title,
		Story:   fmt.Sprintf("mailrig check saw %s like this on %s.", r.Host, r.Checked.Format("2 January 2006")),
		Private: private,
	}
	for _, d := range r.Doors {
		seen := recorded.Door{Port: d.Port, Protocol: string(d.Protocol), Closed: connects[d.State]}
		for _, t := range []*tape{d.tape, d.loginTape} {
			if t != nil {
				seen.Exchanges = append(seen.Exchanges, t.exchanges...)
			}
		}
		if d.State != StateOpen && seen.Closed == "" {
			continue
		}
		s.Doors = append(s.Doors, seen)
	}
	return s
}

// visit asks for what a client sees after its login.
func (c *checker) visit(w *wire, d *Door) {
	for _, line := range strings.Split(speak(d.Protocol).tour(), "\n") {
		if r, err := speak(d.Protocol).ask(w, line); err != nil || r.more {
			return
		}
	}
}
