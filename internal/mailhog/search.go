package mailhog

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mailrig/mailrig/internal/mailpit"
	"github.com/mailrig/mailrig/internal/message"
	"github.com/mailrig/mailrig/internal/store"
)

const (
	usualPage   = 50
	longestPage = 250
	pageBytes   = 16 << 20  // messages on one page, in bytes; a page ends before the message that would be too much
	mostHeader  = 256 << 10 // of a header that is searched, in bytes
	mostQuery   = 1000      // bytes
)

// page is a part of a list.
type page struct {
	Total int     `json:"total"`
	Count int     `json:"count"`
	Start int     `json:"start"`
	Items []*item `json:"items"`
}

// messages lists the messages, the latest first: ?start=&limit=.
func (h *Handler) messages(w http.ResponseWriter, r *http.Request) {
	h.show(w, r, textJSON, nil)
}

// search lists the messages that match: ?kind=from|to|containing&query=&start=&limit=.
func (h *Handler) search(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	query := strings.ToLower(q.Get("query"))
	var fits func(context.Context, *mailpit.Entry, string) (bool, error)
	switch q.Get("kind") {
	case "from":
		fits = from
	case "to":
		fits = to
	case "containing":
		fits = containing
	}
	if fits == nil || query == "" || len(query) > mostQuery {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	h.show(w, r, realJSON, func(e *mailpit.Entry) (bool, error) { return fits(r.Context(), e, query) })
}

// show answers with a page of the messages that fit, or of all if fits is nil.
func (h *Handler) show(w http.ResponseWriter, r *http.Request, kind string, fits func(*mailpit.Entry) (bool, error)) {
	start, limit := bounds(r.URL.Query())
	p := page{Start: start, Items: []*item{}}
	var size int64
	defer func() { h.cfg.Answers.Release(size) }()
	full := false
	err := h.cfg.Letters.With(r.Context(), func(all []*mailpit.Entry) error {
		for _, e := range all {
			if fits == nil && (len(p.Items) == limit || full) {
				p.Total = len(all)
				return nil
			}
			ok, err := fits == nil, r.Context().Err()
			if !ok && err == nil {
				ok, err = fits(e)
			}
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			p.Total++
			n := e.Message().Size()
			full = full || len(p.Items) > 0 && size+n > pageBytes
			if p.Total <= start || len(p.Items) == limit || full {
				continue
			}
			if err := h.cfg.Answers.ReserveAlone(n); err != nil {
				full = true
				continue
			}
			size += n
			it, err := itemOf(r.Context(), e)
			if err != nil {
				return err
			}
			p.Items = append(p.Items, it)
		}
		return nil
	})
	if err != nil {
		h.trouble(w, r, err)
		return
	}
	if full && len(p.Items) == 0 {
		tooMany(w)
		return
	}
	p.Count = len(p.Items)
	writeJSON(w, kind, p)
}

// bounds reads start and limit. What is no number, or too small, counts as left out.
func bounds(q url.Values) (start, limit int) {
	limit = usualPage
	if n, err := strconv.Atoi(q.Get("start")); err == nil && n > 0 {
		start = n
	}
	if n, err := strconv.Atoi(q.Get("limit")); err == nil && n > 0 {
		limit = min(n, longestPage)
	}
	return start, limit
}

// from reports whether the sender matches: in the envelope, or in the header as it is.
func from(ctx context.Context, e *mailpit.Entry, query string) (bool, error) {
	return address(ctx, e, []string{e.Origin().Envelope.From}, "From", query)
}

// to is the same for the recipients.
func to(ctx context.Context, e *mailpit.Entry, query string) (bool, error) {
	return address(ctx, e, e.Origin().Envelope.Recipients, "To", query)
}

func address(ctx context.Context, e *mailpit.Entry, envelope []string, field, query string) (bool, error) {
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), query) }
	if slices.ContainsFunc(envelope, has) {
		return true, nil
	}
	all, err := store.ReadAll(ctx, e.Message())
	return err == nil && has(message.Value(all[:min(len(all), mostHeader)], field)), err
}

// containing reports whether the message has the text anywhere. Nothing is decoded before.
func containing(ctx context.Context, e *mailpit.Entry, query string) (bool, error) {
	all, err := store.ReadAll(ctx, e.Message())
	return err == nil && contains(all, query), err
}

// contains reports whether a text has the query, which is in lower case, in any case. It copies only a piece at a time.
func contains(text []byte, query string) bool {
	const piece = 4 * mostQuery
	if strings.IndexFunc(query, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
		return bytes.Contains(bytes.ToLower(text), []byte(query))
	}
	var buf [piece]byte
	for {
		n := copy(buf[:], text)
		for i, c := range buf[:n] {
			if 'A' <= c && c <= 'Z' {
				buf[i] = c + 'a' - 'A'
			}
		}
		if bytes.Contains(buf[:n], []byte(query)) {
			return true
		}
		if n == len(text) {
			return false
		}
		text = text[n-len(query)+1:] // the query may lie across two pieces
	}
}
