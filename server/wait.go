package server

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/message"
)

// Outcome is what came of waiting.
type Outcome struct {
	Met bool // as many as wanted were there in time
	// What fits, or, when the time was over first, the last of everything that did come.
	Messages []Mail
	Sessions []*Session
	Findings []Finding
	Count    int    // how many fit
	Text     string // the outcome in a sentence
}

const (
	lastFew    = 10                     // of everything, told when the time was over
	beginPause = 100 * time.Millisecond // between two looks for sessions that have begun
	scanPause  = 20 * time.Millisecond  // between two looks, at least
)

// Wait returns when a condition is met, or when ctx ends. It counts what is there when it
// is called too. The error says that the condition makes no sense.
func (s *Server) Wait(ctx context.Context, c Condition) (Outcome, error) {
	if err := c.check(); err != nil {
		return Outcome{}, err
	}
	began := time.Now()
	mail, stop := s.store.Watch()
	defer stop()
	var opened <-chan time.Time // sessions that begin tell nobody
	if c.What == Sessions {
		tick := time.NewTicker(beginPause)
		defer tick.Stop()
		opened = tick.C
	}
	for {
		_, _, ended := s.log.Since(^uint64(0))
		_, _, found := s.watch.book.since(0, func(*Finding) bool { return false })
		if c.What != Messages {
			mail = nil
		}
		if c.What != Sessions {
			ended = nil
		}
		if c.What != Findings {
			found = nil
		}
		looked := time.Now()
		o := s.look(&c)
		took := time.Since(looked)
		if o.Met = o.Count >= c.Count; o.Met {
			return o, nil
		}
		select {
		case <-ctx.Done():
			return s.missed(&c, o.Count, time.Since(began)), nil
		case <-mail:
		case <-ended:
		case <-found:
		case <-opened:
		}
		// A look takes long where there is much, and waiting must cost nobody else much.
		pause := time.NewTimer(max(scanPause, 10*took))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
}

// look collects what fits now.
func (s *Server) look(c *Condition) (o Outcome) {
	switch c.What {
	case Messages:
		for _, m := range s.Mail() {
			if !slices.ContainsFunc(c.Match, func(x Matcher) bool { return !x.mailFits(&m, s.store.Address) }) {
				o.Messages = append(o.Messages, m)
			}
		}
	case Sessions:
		for _, x := range s.log.Sessions() {
			if !slices.ContainsFunc(c.Match, func(m Matcher) bool { return !m.sessionFits(x, s.store.Address) }) {
				o.Sessions = append(o.Sessions, x)
			}
		}
	case Findings:
		o.Findings, _, _ = s.watch.book.since(0, func(f *Finding) bool { return slices.Contains(c.IDs, f.ID) })
	}
	o.Count = len(o.Messages) + len(o.Sessions) + len(o.Findings)
	return o
}

// Mail lists every message in every mailbox, in the order in which they came.
func (s *Server) Mail() (all []Mail) {
	for _, address := range s.store.Accounts() {
		account, ok := s.store.Lookup(address)
		if !ok {
			continue
		}
		for _, info := range account.List() {
			box, err := account.Mailbox(info.Name)
			if err != nil {
				continue // only a name, or gone
			}
			for _, e := range box.Entries() {
				env := e.Message.Envelope()
				head := e.Message.Memo("server.heading", func() any { return headingOf(e.Message.Raw()) }).(heading)
				all = append(all, Mail{
					Mailbox: address, Folder: box.Name(), UID: uint32(e.UID), From: env.From, Recipients: env.Recipients,
					FromHeader: head.from, Subject: head.subject, Bytes: e.Message.Size(), Session: env.Session,
					Flags: e.Flags, message: e.Message,
				})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Mail) int { return a.message.Received().Compare(b.message.Received()) })
	return all
}

// maxHeader bounds how far into a message its header is read, in bytes.
const maxHeader = 64 << 10

type heading struct{ from, subject string }

func headingOf(raw []byte) heading {
	fields := message.Header(raw[:min(len(raw), maxHeader)])
	value := func(name string) string { return message.DecodeText(message.Get(fields, name)) }
	return heading{from: value("From"), subject: value("Subject")}
}

// missed says what did come instead.
func (s *Server) missed(c *Condition, count int, after time.Duration) Outcome {
	mail, sessions := s.Mail(), s.log.Sessions()
	found, _, _ := s.watch.book.since(0, notGood)

	var b strings.Builder
	wanted := string(c.What) + " " + c.String()
	if len(c.Match)+len(c.IDs) == 0 {
		wanted = string(c.What)
	}
	took := after.Round(time.Second / 10)
	if count > 0 {
		fmt.Fprintf(&b, "only %d of %d: %s within %v", count, c.Count, wanted, took)
	} else {
		fmt.Fprintf(&b, "no %s within %v", wanted, took)
	}
	switch c.What {
	case Messages:
		did(&b, "message", "arrive", len(mail))
		for _, m := range tail(mail) {
			fmt.Fprintf(&b, "\n  %s", m.String())
		}
		if len(mail) == 0 {
			did(&b, "session", "come", len(sessions))
			for _, x := range tail(sessions) {
				fmt.Fprintf(&b, "\n  #%s %s", x.ID, x.Summary())
			}
		}
	case Sessions:
		did(&b, "session", "come", len(sessions))
		for _, x := range tail(sessions) {
			fmt.Fprintf(&b, "\n  #%s %s", x.ID, x.Summary())
		}
	case Findings:
		did(&b, "other finding", "come", len(found))
		for _, f := range tail(found) {
			fmt.Fprintf(&b, "\n  %s (%s)", f.ID, sessionNumbers(f.Sessions))
		}
		if len(found) == 0 {
			did(&b, "session", "come", len(sessions))
			for _, x := range tail(sessions) {
				fmt.Fprintf(&b, "\n  #%s %s", x.ID, x.Summary())
			}
		}
	}
	return Outcome{Count: count, Text: b.String(), Messages: tail(mail), Sessions: tail(sessions), Findings: tail(found)}
}

// did goes on with how many did come.
func did(b *strings.Builder, noun, verb string, n int) {
	switch n {
	case 0:
		fmt.Fprintf(b, "; no %s did %s", noun, verb)
	case 1:
		fmt.Fprintf(b, "; 1 %s did %s:", noun, verb)
	default:
		fmt.Fprintf(b, "; %d %ss did %s", n, noun, verb)
		if n > lastFew {
			fmt.Fprintf(b, ", the last %d", lastFew)
		}
		b.WriteByte(':')
	}
}

func tail[T any](l []T) []T { return l[max(0, len(l)-lastFew):] }

// sessionNumbers is "session 7", or "sessions 7, 8 and 9", the middle of many left out.
func sessionNumbers(ids []string) string {
	switch n := len(ids); {
	case n == 0:
		return "no session"
	case n == 1:
		return "session " + ids[0]
	case n > 6:
		return fmt.Sprintf("sessions %s and %d more, the last %s", strings.Join(ids[:3], ", "), n-4, ids[n-1])
	default:
		return "sessions " + strings.Join(ids[:n-1], ", ") + " and " + ids[n-1]
	}
}
