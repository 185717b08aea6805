package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/letter"
	"github.com/mailrig/mailrig/internal/mailroom"
	"github.com/mailrig/mailrig/internal/message"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/wait"
)

const (
	mostRead    = 16 << 20  // bytes of a message that is opened; of a larger one only the beginning is shown
	mostSource  = 256 << 10 // bytes of the source that are shown
	mostReaders = 2         // messages that are opened at a time
	mostJourney = 20        // sessions and messages in a journey
)

// tabs are the ways to see a message.
var tabs = []string{"html", "text", "parts", "headers", "source", "journey"}

// oneMessage is a message as it is read.
type oneMessage struct {
	wait.Mail
	*letter.Letter
	Box    mailBox
	Tab    string
	Tabs   []tab
	Shown  letter.Harmless
	Form   []string // what is unusual about its form
	Parts  []part
	Source string
	Large  bool // too large to be opened
	Cut    bool // the source is longer

	Brought  *sessionRow // the session that brought it
	Findings []diagnose.Finding
	Fetched  []*sessionRow // sessions of the account that fetched mail since
	Related  []*mailRow    // messages that have its Message-ID: copies, answers, reports
}

type tab struct {
	Name, Title, Path string
	On                bool
}

// part is a part of a message's structure.
type part struct {
	Depth          int
	Type, Encoding string
	Name, Charset  string
	Bytes          int64
}

// message shows a message beside its list: /m/ID, /m/ID/headers.
func (p *Page) message(w http.ResponseWriter, r *http.Request) {
	o, err := p.opened(r.Context(), r.PathValue("id"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	defer o.done()
	m, err := p.open(r.Context(), o, r.PathValue("tab"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	m.Box = boxOf(r.URL)
	names := map[string]string{"html": "HTML", "text": "Text", "parts": "Parts", "headers": "Headers", "source": "Source", "journey": "Journey"}
	_, query, _ := strings.Cut(m.Box.Message(m.ID), "?")
	if query != "" {
		query = "?" + query
	}
	for _, name := range tabs {
		if name != "html" || m.Letter.HTML != "" {
			m.Tabs = append(m.Tabs, tab{name, names[name], "/m/" + m.ID + "/" + name + query, name == m.Tab})
		}
	}
	p.mailWith(w, r, m)
}

// openedMail is a message that has been read.
type openedMail struct {
	wait.Mail
	raw    []byte
	letter *letter.Letter // only with its heading if the message is too large
	done   func()         // gives back the memory that is reserved while somebody fetches it
}

// errBusy is the error for a message that has no room now.
type errBusy struct{}

func (errBusy) Error() string {
	return "Too many large messages are being fetched at a time. Try again in a moment."
}

// opened reads a message, one of few at a time. Room for it is reserved until it is done: one who reads slowly holds it.
func (p *Page) opened(ctx context.Context, id string) (*openedMail, error) {
	m, err := p.Rig.Mailroom().Get(ctx, id)
	if errors.Is(err, mailroom.ErrNoMail) || errors.Is(err, store.ErrGone) {
		err = errMissing("This message isn't there any more: somebody has deleted it.")
	}
	if err != nil {
		return nil, err
	}
	select {
	case p.readers <- struct{}{}:
		defer func() { <-p.readers }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if p.Answers.ReserveAlone(m.Bytes) != nil {
		return nil, errBusy{}
	}
	done := func() { p.Answers.Release(m.Bytes) }
	raw, err := m.Raw(ctx)
	if errors.Is(err, store.ErrGone) {
		err = errMissing("This message isn't there any more: somebody has deleted it.")
	}
	if err != nil {
		done()
		return nil, err
	}
	if len(raw) > mostRead {
		return &openedMail{m, raw, letter.Heading(raw), done}, nil
	}
	return &openedMail{m, raw, letter.Open(raw), done}, nil
}

// open makes what a tab shows of a message.
func (p *Page) open(ctx context.Context, o *openedMail, name string) (*oneMessage, error) {
	raw, l := o.raw, o.letter
	m := &oneMessage{Mail: o.Mail, Letter: l, Tab: name, Large: len(raw) > mostRead}
	switch {
	case name == "" && l.HTML != "":
		m.Tab = "html"
	case name == "":
		m.Tab = "text"
	}
	messageID, unusual := message.Examine(raw)
	m.Form = append(inWords(unusual), l.Problems...)
	switch m.Tab {
	case "html":
		m.Shown = l.Harmless()
	case "parts":
		m.Parts = partsOf(nil, message.Parse(raw), 0)
	case "source":
		m.Source, m.Cut = visible(raw)
	case "journey":
		return m, p.journey(ctx, m, messageID)
	case "text", "headers":
	default:
		return nil, errMissing("There is no such view of a message.")
	}
	return m, nil
}

// inWords says what is unusual about a message's form.
func inWords(f *message.Form) (all []string) {
	if f == nil {
		return nil
	}
	if len(f.Missing) > 0 {
		all = append(all, "It has no "+strings.Join(f.Missing, " and no ")+" (RFC 5322 section 3.6).")
	}
	if len(f.Repeated) > 0 {
		all = append(all, strings.Join(f.Repeated, ", ")+" stands more than once (RFC 5322 section 3.6).")
	}
	if f.Bcc != "" {
		all = append(all, "Its header shows everybody the Bcc.")
	}
	if f.Date != "" {
		all = append(all, fmt.Sprintf("Nobody can read its Date, %q (RFC 5322 section 3.3).", f.Date))
	}
	if f.EightBit {
		all = append(all, "Its header has bytes above 127 (RFC 5322 section 2.2).")
	}
	if f.Boundary != "" {
		all = append(all, "The end of its multipart is missing (RFC 2046 section 5.1.1).")
	}
	return all
}

const mostParts = 500

func partsOf(list []part, p *message.Part, depth int) []part {
	if len(list) == mostParts {
		return list
	}
	name := message.Lookup(p.DispParams, "filename")
	if name == "" {
		name = message.Lookup(p.Params, "name")
	}
	list = append(list, part{
		Depth: min(depth, 8), Type: p.Type + "/" + p.Subtype, Encoding: p.Encoding, Name: message.DecodeText(name),
		Charset: message.Lookup(p.Params, "charset"), Bytes: int64(p.Octets),
	})
	for _, child := range p.Children {
		list = partsOf(list, child, depth+1)
	}
	return list
}

// visible returns the beginning of a message as text. What isn't UTF-8 or can't be printed is shown as \x and its value.
func visible(raw []byte) (text string, cut bool) {
	var b strings.Builder
	cut = len(raw) > mostSource
	for rest := raw[:min(len(raw), mostSource)]; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		switch {
		case r == '\r' && len(rest) > 1 && rest[1] == '\n':
		case r == utf8.RuneError && n == 1, r < ' ' && r != '\n' && r != '\t', r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, rest[0])
		default:
			b.WriteRune(r)
		}
		rest = rest[n:]
	}
	return b.String(), cut
}

// journey finds out where a message came from and where it went.
func (p *Page) journey(ctx context.Context, m *oneMessage, messageID string) error {
	found := p.bySession(ctx)
	if r, ok := p.Rig.Journal().Get(m.Session); ok && m.Session != "" {
		m.Brought = newSessionRow(r, found[r.ID], "")
		m.Findings = found[r.ID]
	}
	since := func(r *event.Record, _ []diagnose.Finding) bool {
		if r.Counts.MessagesOut == 0 || !r.End.IsZero() && r.End.Before(m.Received) {
			return false
		}
		for _, l := range r.Logins {
			if l.OK && strings.EqualFold(p.Rig.Address(l.User), m.Mailbox) {
				return true
			}
		}
		return false
	}
	m.Fetched, _ = p.listSessions(ctx, since, 0, mostJourney)
	messageID = strings.Trim(messageID, "<> \t")
	if len(messageID) < 3 || strings.ContainsAny(messageID, " :") {
		return nil
	}
	match, err := p.Rig.ParseMatch("body:" + messageID)
	if err != nil {
		return nil
	}
	page, err := p.Rig.Mailroom().List(ctx, mailroom.Query{Match: match, After: m.Arrival, Limit: mostJourney})
	for i := range page.Messages {
		m.Related = append(m.Related, p.mailRow(&page.Messages[i], "", mailBox{}, "", false))
	}
	return err
}

// framePolicy is that of a message in its frame: no script, no form, nothing from anywhere.
const framePolicy = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'self'"

// frame answers with a message's HTML for its frame.
func (p *Page) frame(w http.ResponseWriter, r *http.Request) {
	o, err := p.opened(r.Context(), r.PathValue("id"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	defer o.done()
	h := w.Header()
	h.Set("Content-Security-Policy", framePolicy)
	h.Set("X-DNS-Prefetch-Control", "off")
	h.Set("Content-Type", "text/html; charset=utf-8")
	const before = `<!DOCTYPE html><meta charset="utf-8"><style>html{color-scheme:light;background:#fff;color:#16191f;font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}` +
		`body{margin:12px}img{max-width:100%;height:auto}</style><body>`
	_, _ = fmt.Fprint(w, before, o.letter.Harmless().HTML)
}
