package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/message"
	"github.com/mailrig/mailrig/internal/store"
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
	arrivals, err := s.store.WatchArrivals(ctx)
	if err != nil {
		return Outcome{}, fmt.Errorf("watch for mail: %w", err)
	}
	defer arrivals.Close()
	mail := arrivals.Changed()
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
		o := s.look(ctx, &c)
		took := time.Since(looked)
		if o.Met = o.Count >= c.Count; o.Met {
			return o, nil
		}
		select {
		case <-ctx.Done():
			return s.missed(s.ctx, &c, o.Count, time.Since(began)), nil
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
func (s *Server) look(ctx context.Context, c *Condition) (o Outcome) {
	switch c.What {
	case Messages:
		for _, m := range s.mail(ctx) {
			if !slices.ContainsFunc(c.Match, func(x Matcher) bool { return !x.mailFits(ctx, &m, s.store.Address) }) {
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

// mail is Mail for somebody who waits: with a store that fails there is nothing yet, and he
// looks again.
func (s *Server) mail(ctx context.Context) []Mail {
	all, err := s.Mail(ctx)
	if err != nil && ctx.Err() == nil {
		s.cfg.Logger.Error("list the mail", "err", err)
	}
	return all
}

// Mail lists every message in every mailbox, in the order in which they came.
func (s *Server) Mail(ctx context.Context) (all []Mail, err error) {
	accounts, err := s.store.ListAccounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, address := range accounts {
		if ok, err := s.store.HasAccount(ctx, address); err != nil {
			return nil, err
		} else if !ok {
			continue // a Reset came between
		}
		folders, err := s.store.List(ctx, address)
		if err != nil {
			return nil, err
		}
		for _, folder := range folders {
			if all, err = s.mailIn(ctx, all, address, folder.Name); err != nil {
				return nil, err
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Mail) int { return a.received.Compare(b.received) })
	return all, nil
}

// MailIn lists the messages of one mailbox by UID; none if it doesn't exist.
func (s *Server) MailIn(ctx context.Context, address, folder string) ([]Mail, error) {
	if ok, err := s.store.HasAccount(ctx, address); !ok || err != nil {
		return nil, err
	}
	return s.mailIn(ctx, nil, address, folder)
}

// mailIn appends the messages of one mailbox; none if the name is only that, or gone.
func (s *Server) mailIn(ctx context.Context, all []Mail, address, folder string) ([]Mail, error) {
	box, err := s.store.Mailbox(ctx, address, folder)
	if err == nil {
		var entries []store.Entry
		entries, err = s.store.Entries(ctx, box.ID, nil)
		for _, e := range entries {
			m, err := mailOf(ctx, box, e)
			if errors.Is(err, store.ErrGone) {
				continue
			}
			if err != nil {
				return nil, err
			}
			all = append(all, m)
		}
	}
	if err != nil && !errors.Is(err, store.ErrNoMailbox) && !errors.Is(err, store.ErrNotSelectable) {
		return nil, err
	}
	return all, nil
}

func mailOf(ctx context.Context, box store.Mailbox, e store.Entry) (Mail, error) {
	head, err := store.Memo(e.Message, "server.heading", func() (heading, error) { return headingOf(ctx, e.Message) })
	if err != nil {
		return Mail{}, err
	}
	origin, err := e.Message.Origin(ctx)
	return Mail{
		Mailbox: box.Account, Folder: box.Name, UID: uint32(e.UID), From: origin.Envelope.From, Recipients: origin.Envelope.Recipients,
		FromHeader: head.from, Subject: head.subject, Bytes: e.Message.Size(), Session: origin.Envelope.Session,
		Flags: e.Flags, message: e.Message, received: origin.Received,
	}, err
}

// maxHeader bounds how far into a message its header is read, in bytes.
const maxHeader = 64 << 10

type heading struct{ from, subject string }

func headingOf(ctx context.Context, m store.Message) (heading, error) {
	raw, ok := store.Whole(m)
	if !ok {
		r, err := m.Open(ctx)
		if err != nil {
			return heading{}, err
		}
		defer r.Close()
		raw = make([]byte, min(m.Size(), maxHeader))
		if _, err := io.ReadFull(r, raw); err != nil {
			return heading{}, err
		}
	}
	fields := message.Header(raw[:min(len(raw), maxHeader)])
	value := func(name string) string { return message.DecodeText(message.Get(fields, name)) }
	return heading{from: value("From"), subject: value("Subject")}, nil
}

// missed says what did come instead.
func (s *Server) missed(ctx context.Context, c *Condition, count int, after time.Duration) Outcome {
	mail, sessions := s.mail(ctx), s.log.Sessions()
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
