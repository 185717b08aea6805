package mailhog

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/mailpit"
	"github.com/mailrig/mailrig/internal/message"
	"github.com/mailrig/mailrig/internal/store"
)

// item is a message in MailHog's JSON.
type item struct {
	ID      string
	From    *path
	To      []*path
	Content *content
	Created time.Time
	MIME    *parts
	Raw     raw
}

// path is an address of the envelope.
type path struct {
	Relays          []string // always null: source routes are obsolete (RFC 5321 appendix C)
	Mailbox, Domain string
	Params          string
}

// raw is what the client sent.
type raw struct {
	From string
	To   []string
	Data string
	Helo string
}

// host is behind the "@" of ids, as with a MailHog that wasn't told its name.
const host = "@mailhog.example"

// idOf returns an id for an entry. MailHog's have 44 characters, twice as many as Mailpit's, so it is Mailpit's twice.
func idOf(e *mailpit.Entry) string { return e.ID() + e.ID() + host }

// entryOf returns the id of the entry that has an id here.
func entryOf(id string) (entry string, ok bool) {
	twice, ok := strings.CutSuffix(id, host)
	half := len(twice) / 2
	return twice[:half], ok && len(twice) == 2*half && twice[:half] == twice[half:]
}

func pathOf(address string) *path {
	mailbox, domain := address, ""
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		mailbox, domain = address[:at], address[at+1:]
	}
	return &path{Mailbox: mailbox, Domain: domain}
}

// itemOf shows a message. The caller need not have the entries.
func itemOf(ctx context.Context, e *mailpit.Entry) (*item, error) {
	all, err := store.ReadAll(ctx, e.Message())
	if err != nil {
		return nil, err
	}
	envelope := e.Origin().Envelope
	sent, helo := withoutTrace(all, envelope.Session != "")
	data := string(bytes.TrimSuffix(sent, []byte("\r\n")))
	it := &item{
		ID: idOf(e), From: pathOf(envelope.From), Content: split(data), Created: e.Created(),
		Raw: raw{From: envelope.From, To: envelope.Recipients, Data: data, Helo: helo},
	}
	for _, to := range envelope.Recipients {
		it.To = append(it.To, pathOf(to))
	}
	it.MIME = it.Content.pieces()
	header := it.Content.Headers
	header["Received"] = append([]string{it.received()}, header["Received"]...)
	header["Return-Path"] = []string{"<" + envelope.From + ">"}
	if it.Content.get("Message-ID") == "" {
		header["Message-ID"] = []string{it.ID}
	}
	return it, nil
}

// withoutTrace cuts off the fields that mailrig has put in front of a message, and returns the name that the client gave in
// its EHLO. bySMTP says that there is a Received field among them.
func withoutTrace(all []byte, bySMTP bool) (sent []byte, helo string) {
	const mostTrace = 4 << 10
	fields := message.Header(all[:min(len(all), mostTrace)])
	for i, name := range []string{"Return-Path", "Received"} {
		if len(fields) == 0 || fields[0].Name != name || i == 1 && !bySMTP {
			break
		}
		all = all[len(fields[0].Raw):]
		if from, ok := strings.CutPrefix(fields[0].Value, "from "); i == 1 && ok {
			helo, _, _ = strings.Cut(from, " ")
		}
		fields = fields[1:]
	}
	return all, helo
}

// received returns the value of the Received field that MailHog would have added.
func (it *item) received() string {
	return fmt.Sprintf("from %s by mailhog.example (mailrig)\r\n          id %s; %s", it.Raw.Helo, it.ID, it.Created.Format(time.RFC1123Z))
}

// trace returns the fields that MailHog would have put in front of the message.
func (it *item) trace() string {
	return "Received: " + it.received() + "\r\nReturn-Path: <" + it.Raw.From + ">\r\n"
}
