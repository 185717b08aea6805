package diagnose

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
)

// Predicates about what was delivered, and how often.

// delivery is a message stored for one recipient.
type delivery struct {
	f         *Facts
	m         *event.Stored
	recipient string
}

func deliveries(list []*Facts) (all []delivery) {
	for _, f := range list {
		if f.receives() {
			continue
		}
		for i := range f.Messages {
			m := &f.Messages[i]
			for _, r := range m.Recipients {
				all = append(all, delivery{f, m, r})
			}
		}
	}
	return all
}

// identity says which message a stored one is to its reader: two with the same identity are the same.
type identity struct{ messageID, sum string }

func identityOf(m *event.Stored) identity {
	if m.MessageID != "" {
		return identity{messageID: m.MessageID}
	}
	return identity{sum: m.Sum}
}

// deliveredTwice finds a message that was delivered to a recipient who already had it.
func deliveredTwice(c *Case) (all []Evidence) {
	got := map[string][]delivery{}
	for _, d := range deliveries(c.Sessions) {
		got[d.recipient] = append(got[d.recipient], d)
	}
	usual := map[string]int{}
	for _, d := range deliveries(c.Control) {
		usual[d.recipient]++
	}
	for _, recipient := range slices.Sorted(maps.Keys(got)) {
		list := got[recipient]
		if c.Control != nil && len(list) <= usual[recipient] {
			continue // as many as it always sends to this recipient
		}
		var twice []*Facts // one finding per recipient, however often the message came
		// Without a Message-ID, and with every reply received, they may be two messages with the same text.
		guess := c.Control == nil
		first := make(map[identity]*Facts, len(list))
		for _, d := range list {
			id := identityOf(d.m)
			if before := first[id]; before != nil {
				twice = append(twice, before, d.f)
				guess = guess && d.m.MessageID == "" && !before.replyLost()
			} else {
				first[id] = d.f
			}
		}
		if twice != nil {
			all = append(all, Evidence{Sessions: distinct(twice...), Guess: guess, Words: map[string]string{"recipient": recipient}})
		}
	}
	return all
}

// unanswered lists the stored messages whose sender didn't get the reply.
func (c *Case) unanswered() (all []delivery) {
	for _, d := range deliveries(c.Sessions) {
		if d.f.replyLost() && d.m.At == d.f.Messages[len(d.f.Messages)-1].At {
			all = append(all, d)
		}
	}
	return all
}

// resent lists the deliveries, in later sessions, that may be the same message again.
func (c *Case) resent(d delivery) (again []delivery) {
	for _, e := range deliveries(c.Sessions) {
		if e.f != d.f && e.recipient == d.recipient && e.f.Start.After(d.f.Start) {
			again = append(again, e)
		}
	}
	return again
}

// keptMessageID finds a message that was sent again with the same Message-ID. The recipient's server or client can then
// tell that it is the same.
func keptMessageID(c *Case) (all []Evidence) {
	for _, d := range c.unanswered() {
		for _, e := range c.resent(d) {
			if d.m.MessageID != "" && d.m.MessageID == e.m.MessageID {
				all = append(all, Evidence{Sessions: distinct(d.f, e.f)})
			}
		}
	}
	return all
}

func canKeepMessageID(c *Case) bool {
	return slices.ContainsFunc(c.unanswered(), func(d delivery) bool { return len(c.resent(d)) > 0 })
}

// reportedSuccessWithoutDelivery finds a command that reported success although mail which it sends at a correct server
// is missing here.
func reportedSuccessWithoutDelivery(c *Case) []Evidence {
	if c.Succeeded == nil || !*c.Succeeded || c.Control == nil {
		return nil
	}
	stored := func(list []*Facts) int { return len(deliveries(list)) }
	want, got := stored(c.Control), stored(c.Sessions)
	if got >= want {
		return nil
	}
	var tried []*Facts
	for _, f := range c.Sessions {
		if !f.receives() {
			tried = append(tried, f)
		}
	}
	return []Evidence{{Sessions: tried, Words: map[string]string{"got": itoa(got), "want": itoa(want)}}}
}

// reportDue returns when mailrig promised to send a report of a failed delivery, and to whom.
func (c *Case) reportDue() (at time.Time, sender string) {
	for _, f := range c.Sessions {
		if b, e, ok := event.First[*event.Bouncing](f.Record); ok {
			return f.Start.Add(e.At + b.After), b.Sender
		}
	}
	return time.Time{}, ""
}

// looksForReport lists the sessions in which the sender looked for mail when the report had arrived. It arrives a
// moment after it is due.
func (c *Case) looksForReport() (all []*Facts) {
	const moment = 50 * time.Millisecond
	due, sender := c.reportDue()
	if sender == "" {
		return nil
	}
	for _, f := range c.Sessions {
		own := slices.ContainsFunc(f.Logins, func(l event.Login) bool { return l.OK && strings.EqualFold(l.User, sender) })
		if f.receives() && own && f.Start.After(due.Add(moment)) {
			all = append(all, f)
		}
	}
	return all
}

// sawDeliveryReport finds sessions that fetched the report, or at least its envelope.
func sawDeliveryReport(c *Case) (all []Evidence) {
	for _, f := range c.looksForReport() {
		if slices.ContainsFunc(f.Events, isReport) {
			all = append(all, Evidence{Sessions: []*Facts{f}})
		}
	}
	return all
}

// isReport reports whether the server shows a report in this event: its sender, its type (RFC 3462) or its structure.
func isReport(e event.Event) bool {
	text := ""
	switch w := e.What.(type) {
	case *event.Reply:
		text = strings.ToLower(w.Text)
	case *event.Body:
		if w.From == event.Server {
			text = strings.ToLower(w.Head)
		}
	}
	return slices.ContainsFunc([]string{"mailer-daemon", "multipart/report", `"report"`}, func(sign string) bool { return strings.Contains(text, sign) })
}

func couldSeeDeliveryReport(c *Case) bool { return len(c.looksForReport()) > 0 }
