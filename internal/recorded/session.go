package recorded

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/certs"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
)

// This file reads what a client's sessions show of the server.

// Scenario writes what the server showed in these sessions as a scenario file with this name.
func Scenario(name string, records ...*event.Record) ([]byte, error) {
	s, err := Sessions(records...)
	if err != nil {
		return nil, err
	}
	return s.Scenario(name)
}

// Sessions returns what the server showed in these sessions. It is an error if one of them isn't at a mail door.
func Sessions(records ...*event.Record) (*Server, error) {
	s := &Server{}
	var ids []string
	var start time.Time // of the first one
	for _, r := range records {
		if protocol.Find(all.Protocols(), r.Protocol) == nil {
			return nil, fmt.Errorf("session %s is no session of mail but one of %s, and a scenario plays mail servers; choose another session", r.ID, r.Protocol)
		}
		if ids = append(ids, r.ID); start.IsZero() || r.Start.Before(start) {
			start = r.Start
		}
		i := slices.IndexFunc(s.Doors, func(d Door) bool { return d.Port == r.Door })
		if i < 0 {
			i = len(s.Doors)
			s.Doors = append(s.Doors, Door{Port: r.Door, Protocol: r.Protocol})
		}
		s.session(&s.Doors[i], r)
	}
	if len(ids) == 0 {
		return nil, errors.New("there is no session")
	}
	sessions := "session " + ids[0]
	if len(ids) > 1 {
		sessions = "sessions " + strings.Join(ids, ", ")
	}
	s.Title = "As in " + sessions
	const longest = 60
	if len(s.Title) > longest {
		s.Title = "A recorded server"
	}
	s.Story = fmt.Sprintf("mailrig saw the server like this in %s, on %s.", sessions, start.Format("2 January 2006"))
	return s, nil
}

// session adds what one session shows of its door.
func (s *Server) session(d *Door, r *event.Record) {
	p := protocol.Find(all.Protocols(), r.Protocol)
	for _, l := range r.Logins {
		s.Names = append(s.Names, l.User)
	}
	x, loggedIn := d.add(Exchange{}), false // x is the exchange that goes on
	for i, e := range r.Events {
		if r.Elided > 0 && i == r.ElidedAt {
			x = &Exchange{} // nobody knows what the next reply answers
		}
		switch w := e.What.(type) {
		case *event.Command:
			s.Names = append(s.Names, names(p, w)...)
			x = d.add(Exchange{Verb: w.Verb, Secure: e.Secure, LoggedIn: loggedIn})
		case *event.Reply:
			loggedIn = loggedIn || w.Preauth
			x.said(w, &e)
		case *event.Login:
			loggedIn = loggedIn || w.OK
			if w.Injected != "" && w.Injected != event.ByAddress {
				x.Decided = DecidedLogin
			}
		case *event.Acted:
			if w.Kind == new(fault.EditReply).Kind().Name && x.Decided == DecidedReply {
				x.Decided = "" // the scenario has chosen only the words
			}
		case *event.Handshake:
			if w.Certificate != certs.Correct {
				d.Certificate = w.Certificate
			}
		default:
			d.ended(x, e.What)
		}
	}
}

// ended notes how a scenario has ended the connection, or never let it begin.
func (d *Door) ended(x *Exchange, what event.What) {
	switch w := what.(type) {
	case *event.Silenced:
		if w.Moment == event.AtAccept {
			d.Closed = "silent"
		}
	case *event.Cut:
		switch {
		case w.Moment == event.AtAccept:
			d.Closed = w.How
		case x.Decided != "" && (w.How == string(fault.EndClose) || w.How == string(fault.EndReset)):
			x.Then = w.How
		}
	case *event.Noticed:
		switch w.Sign {
		case event.Knocked:
			d.Closed = "drop"
		case event.CaptivePortal:
			d.Closed = "portal"
		}
	}
}

func (d *Door) add(x Exchange) *Exchange {
	d.Exchanges = append(d.Exchanges, x)
	return &d.Exchanges[len(d.Exchanges)-1]
}

// escapedByte is a byte of a reply that a record can't show as it was.
var escapedByte = regexp.MustCompile(`\\x[0-9a-f]{2}`)

// said adds a reply to an exchange. What is asked for by address would be said anyway.
func (x *Exchange) said(w *event.Reply, e *event.Event) {
	if e.By == event.ByAddress {
		return
	}
	if w.Greeting {
		x.Secure = e.Secure
	}
	lines := strings.Split(escapedByte.ReplaceAllString(w.Text, ""), "\n")
	if w.End != "" { // the record has left something out, in the middle of a line
		lines = append(lines[:len(lines)-1], w.End)
	}
	x.Lines = append(x.Lines, lines...)
	if e.By != "" && !w.Greeting && w.Class != event.Continue && x.Decided == "" {
		x.Decided = DecidedReply
	}
}

// names returns what the client calls itself or its user, and the server may repeat: the argument of EHLO, USER or LOGIN.
func names(p *protocol.Protocol, c *event.Command) []string {
	word, _ := p.Words.Find(c.Verb)
	fields := strings.Fields(strings.ReplaceAll(c.Args, event.Mask, " "))
	introduces := word.Asks || word.Opens && word.Polite || word.State == protocol.NoLogin
	if !introduces || word.Secret == event.SecretResponse || len(fields) == 0 || fields[0][0] == '(' {
		return nil
	}
	return []string{strings.Trim(fields[0], `"[]`)}
}
