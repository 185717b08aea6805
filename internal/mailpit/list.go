package mailpit

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/answer"
)

// item is a letter in a list.
type item struct {
	ID          string
	MessageID   string
	Read        bool
	From        address
	To          []address
	Cc          []address
	Bcc         []address
	ReplyTo     []address
	Subject     string
	Created     time.Time
	Username    string
	Tags        []string
	Size        int64
	Attachments int
	Snippet     string
}

// page is a part of a list.
type page struct {
	Total    int      `json:"total"`
	Unread   int      `json:"unread"`
	Count    int      `json:"count"` // of this page
	Matching int      `json:"messages_count"`
	New      int      `json:"messages_unread"`
	Start    int      `json:"start"`
	Tags     []string `json:"tags"`
	Messages []item   `json:"messages"`
}

const (
	usualPage   = 50
	mostOnePage = 10_000 // of a list: more than that is given in several pages
)

// itemOf shows a letter in a list. The caller has the box.
func (h *Handler) itemOf(ctx context.Context, l *Entry) (item, error) {
	head, err := headOf(ctx, l)
	if err != nil {
		return item{}, err
	}
	s, err := summaryOf(ctx, l)
	if err != nil {
		return item{}, err
	}
	tags, err := tagsOf(ctx, l)
	return item{
		ID: l.id, MessageID: head.messageID, Read: l.read, From: head.from, To: head.to, Cc: head.cc, Bcc: head.bcc, ReplyTo: head.replyTo,
		Subject: head.subject, Created: l.created, Username: l.origin.Envelope.User, Tags: answer.List(tags), Size: h.size(l, head), Attachments: s.attachments, Snippet: s.snippet,
	}, err
}

// size returns the number of bytes of what raw gives back.
func (h *Handler) size(l *Entry, head *head) int64 {
	if h.cfg.Alike {
		return l.msg.Size() + int64(len(head.added()))
	}
	return l.msg.Size()
}

// pageOf shows a part of the letters that match. negative limits and starts have been dealt with.
func (h *Handler) pageOf(ctx context.Context, all, matching []*Entry, start, limit int) (page, error) {
	p := page{Total: len(all), Unread: unread(all), Matching: len(matching), Start: start, Messages: []item{}}
	if p.New = p.Unread; len(matching) < len(all) {
		p.New = unread(matching)
	}
	var err error
	if p.Tags, err = h.box.allTags(ctx, all); err != nil {
		return p, err
	}
	for i := start; i < len(matching) && i-start < min(limit, mostOnePage); i++ {
		it, err := h.itemOf(ctx, matching[i])
		if err != nil {
			return p, err
		}
		p.Messages = append(p.Messages, it)
	}
	p.Count = len(p.Messages)
	return p, ctx.Err()
}

func unread(list []*Entry) (n int) {
	for _, l := range list {
		if !l.read {
			n++
		}
	}
	return n
}

// messages lists the letters, the latest first: ?start=&limit=&before=. A limit of 0 means all of them.
func (h *Handler) messages(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	start, limit := number(q, "start", 0), number(q, "limit", usualPage)
	if limit == 0 {
		limit = mostOnePage
	}
	before, dated := parseTime(q.Get("before"), zone(q))
	h.show(w, r, func(all []*Entry) (page, error) {
		shown := all
		if dated {
			shown = slices.DeleteFunc(slices.Clone(all), func(l *Entry) bool { return !l.created.Before(before) })
		}
		p, err := h.pageOf(r.Context(), all, shown, start, limit)
		p.Matching, p.New = p.Total, p.Unread // as Mailpit does, whatever before says
		for i := range p.Messages {
			p.Messages[i].ReplyTo = answer.List(p.Messages[i].ReplyTo)
		}
		return p, err
	})
}

// search lists the letters that match: ?query=&start=&limit=&tz=. A limit of 0 means none of them.
func (h *Handler) search(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if strings.TrimSpace(q.Get("query")) == "" {
		bad(w, "Error: no search query")
		return
	}
	h.show(w, r, func(all []*Entry) (page, error) {
		found, err := matching(r.Context(), all, q)
		if err != nil {
			return page{}, err
		}
		return h.pageOf(r.Context(), all, found, number(q, "start", 0), number(q, "limit", usualPage))
	})
}

// show answers with a page that f makes while it has the box.
func (h *Handler) show(w http.ResponseWriter, r *http.Request, f func(all []*Entry) (page, error)) {
	var p page
	err := h.box.with(r.Context(), func(all []*Entry) (err error) {
		p, err = f(all)
		return err
	})
	if err != nil {
		h.trouble(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, p)
}

func matching(ctx context.Context, all []*Entry, q url.Values) (found []*Entry, err error) {
	match := parseQuery(q.Get("query"), zone(q))
	for _, l := range all {
		ok, err := match.fits(ctx, l)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, l)
		}
	}
	return found, nil
}

// zone returns the time zone of dates in a query. An unknown one is ignored.
func zone(q url.Values) *time.Location {
	if name := q.Get("tz"); name != "" && len(name) < 100 {
		if z, err := time.LoadLocation(name); err == nil {
			return z
		}
	}
	return time.Local
}

// number returns a parameter, or what is usual if it isn't a number from 0 on.
func number(q url.Values, key string, usual int) int {
	if n, err := strconv.Atoi(q.Get(key)); err == nil && n >= 0 {
		return n
	}
	return usual
}

// setRead changes whether letters are read: those with these IDs, those that a search finds, or all.
func (h *Handler) setRead(w http.ResponseWriter, r *http.Request) {
	var body struct {
		IDs    []string
		Read   bool
		Search string
	}
	if err := decode(r, &body); err != nil {
		badBody(w, err)
		return
	}
	if len(body.IDs) > 0 && body.Search != "" {
		bad(w, "You may specify either IDs or a search query, not both")
		return
	}
	q := r.URL.Query()
	q.Set("query", body.Search)
	h.change(w, r, func(all []*Entry) error {
		which := all
		switch {
		case len(body.IDs) > 0:
			which = h.box.named(body.IDs)
		case body.Search != "":
			var err error
			if which, err = matching(r.Context(), all, q); err != nil {
				return err
			}
		}
		for _, l := range which {
			if l.read == body.Read {
				continue
			}
			l.read = body.Read
			h.box.keep(l)
			if len(body.IDs) > 0 || body.Search != "" {
				h.tellRead(l)
			}
		}
		h.changed()
		return nil
	})
}

// named returns the letters that exist.
func (b *box) named(ids []string) (found []*Entry) {
	seen := map[string]bool{}
	for _, id := range ids {
		if l := b.byID[id]; l != nil && !seen[id] {
			seen[id] = true
			found = append(found, l)
		}
	}
	return found
}

// change answers "ok" when f has changed something.
func (h *Handler) change(w http.ResponseWriter, r *http.Request, f func(all []*Entry) error) {
	if err := h.box.with(r.Context(), f); err != nil {
		h.trouble(w, r, err)
		return
	}
	ok(w)
}

// deleteMessages deletes the letters with these IDs. Without any, or without a body that can be read, it deletes all:
// Mailpit's clients rely on it.
func (h *Handler) deleteMessages(w http.ResponseWriter, r *http.Request) {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		badBody(w, err) // a list that broke off on the way mustn't delete everything
		return
	}
	var body struct{ IDs []string }
	if json.Unmarshal(sent, &body) != nil {
		body.IDs = nil
	}
	err = h.box.with(r.Context(), func(all []*Entry) error {
		if len(body.IDs) > 0 {
			return h.remove(r.Context(), h.box.named(body.IDs))
		}
		clear(h.box.strangers)
		h.box.keeper.tagging = true
		if err := h.box.remove(r.Context(), all); err != nil {
			return err
		}
		h.events.tell("truncate", nil)
		h.changed()
		return nil
	})
	switch {
	case err != nil:
		h.trouble(w, r, err)
	case ofMailHog(r):
		w.WriteHeader(http.StatusOK)
	default:
		ok(w)
	}
}

// ofMailHog reports whether a client of MailHog's may be asking, whose call has the same name: it takes any text in the answer for
// JSON. npm mailhog is known by what it doesn't send, as it uses Node's http module without any header.
func ofMailHog(r *http.Request) bool {
	h := r.Header
	return h.Get("User-Agent") == "" && h.Get("Accept") == "" && h.Get("Connection") != ""
}

func (h *Handler) deleteSearch(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if strings.TrimSpace(q.Get("query")) == "" {
		bad(w, "Error: no search query")
		return
	}
	h.change(w, r, func(all []*Entry) error {
		found, err := matching(r.Context(), all, q)
		if err != nil {
			return err
		}
		return h.remove(r.Context(), found)
	})
}

// remove deletes letters, and tells so. The caller has the box.
func (h *Handler) remove(ctx context.Context, which []*Entry) error {
	if err := h.box.remove(ctx, which); err != nil {
		return err
	}
	for _, l := range which {
		h.events.tell("delete", changeEvent{ID: l.id})
	}
	if len(which) > 0 {
		h.changed()
	}
	return nil
}
