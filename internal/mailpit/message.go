package mailpit

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/answer"
	"github.com/mailrig/mailrig/internal/lazyregexp"
	"github.com/mailrig/mailrig/internal/letter"
	"github.com/mailrig/mailrig/internal/message"
	"github.com/mailrig/mailrig/internal/store"
)

// full is a letter with its contents.
type full struct {
	ID              string
	MessageID       string
	From            address
	To              []address
	Cc              []address
	Bcc             []address
	ReplyTo         []address
	ReturnPath      string
	Subject         string
	ListUnsubscribe unsubscribe
	Date            time.Time
	Tags            []string
	Username        string
	Text            string
	HTML            string
	Size            int64
	Inline          []attachment
	Attachments     []attachment
}

type unsubscribe struct {
	Header     string
	Links      []string
	Errors     string
	HeaderPost string
}

type attachment struct {
	PartID      string
	FileName    string
	ContentType string
	ContentID   string
	Size        int
	Checksums   struct{ MD5, SHA1, SHA256 string }
}

// message answers with a letter, and marks it as read.
func (h *Handler) message(w http.ResponseWriter, r *http.Request) {
	l, ok := h.found(w, r, r.PathValue("id"))
	if !ok {
		return
	}
	var shown full
	err := h.box.with(r.Context(), func([]*Entry) error {
		head, err := headOf(r.Context(), l)
		if err != nil {
			return err
		}
		m, err := open(r.Context(), l)
		if err != nil {
			return err
		}
		tags, err := tagsOf(r.Context(), l)
		if err != nil {
			return err
		}
		h.markRead(l)
		shown = full{
			ID: l.id, MessageID: head.messageID, From: head.from, To: answer.List(head.to), Cc: answer.List(head.cc), Bcc: answer.List(head.bcc), ReplyTo: answer.List(head.replyTo),
			ReturnPath: head.returnPath, Subject: head.subject, ListUnsubscribe: unsubscribeOf(head), Date: head.date, Tags: answer.List(tags),
			Username: l.origin.Envelope.User, Text: m.Text, HTML: m.HTML, Size: h.size(l, head), Inline: []attachment{}, Attachments: []attachment{},
		}
		for _, p := range m.Attachments {
			switch {
			case p.Name == "" && p.ContentID == "":
			case p.Inline:
				shown.Inline = append(shown.Inline, attachmentOf(p))
			default:
				shown.Attachments = append(shown.Attachments, attachmentOf(p))
			}
		}
		return nil
	})
	if err != nil {
		h.trouble(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, shown)
}

// markRead marks a letter as read. The caller has the box.
func (h *Handler) markRead(l *Entry) {
	if now := h.box.byID[l.id]; now != nil {
		l = now // the box may have let go of it meanwhile
	}
	if !l.read {
		l.read = true
		h.box.keep(l)
		h.tellRead(l)
		h.changed()
	}
}

func attachmentOf(p letter.Part) attachment {
	a := attachment{PartID: p.ID, FileName: p.Name, ContentType: p.Type, ContentID: p.ContentID, Size: p.Size}
	md, sha, sum := md5.Sum(p.Content), sha1.Sum(p.Content), sha256.Sum256(p.Content)
	a.Checksums.MD5, a.Checksums.SHA1, a.Checksums.SHA256 = hex.EncodeToString(md[:]), hex.EncodeToString(sha[:]), hex.EncodeToString(sum[:])
	return a
}

var inAngles = lazyregexp.New(`<([^<>]*)>`)

// unsubscribeOf reads the fields of RFC 2369 and RFC 8058.
func unsubscribeOf(h *head) unsubscribe {
	u := unsubscribe{Header: h.unsubscribe, Links: []string{}, HeaderPost: h.oneClick}
	for _, m := range inAngles.FindAllStringSubmatch(h.unsubscribe, 20) {
		link := strings.TrimSpace(m[1])
		if parsed, err := url.Parse(link); err != nil || parsed.Scheme != "mailto" && parsed.Scheme != "http" && parsed.Scheme != "https" {
			u.Errors = fmt.Sprintf("not a link that can unsubscribe: %q", link)
			continue
		}
		u.Links = append(u.Links, link)
	}
	if u.Header != "" && len(u.Links) == 0 && u.Errors == "" {
		u.Errors = "no link in angle brackets"
	}
	return u
}

// bytesOf returns what raw gives back, and the header's size in it.
func (h *Handler) bytesOf(r *http.Request, l *Entry) ([]byte, error) {
	raw, err := store.ReadAll(r.Context(), l.msg)
	if err != nil || !h.cfg.Alike {
		return raw, err
	}
	head, err := headOf(r.Context(), l)
	if err != nil {
		return nil, err
	}
	return append([]byte(head.added()), raw...), nil
}

// asked returns the letter that the path names, and its bytes. ok is false if the answer has been given.
func (h *Handler) asked(w http.ResponseWriter, r *http.Request) (l *Entry, raw []byte, ok bool) {
	l, ok = h.found(w, r, r.PathValue("id"))
	if !ok {
		return nil, nil, false
	}
	raw, err := h.bytesOf(r, l)
	if err != nil {
		h.trouble(w, r, err)
		return nil, nil, false
	}
	return l, raw, true
}

// headers answers with the header's fields, not decoded. It leaves the letter unread.
func (h *Handler) headers(w http.ResponseWriter, r *http.Request) {
	_, raw, ok := h.asked(w, r)
	if !ok {
		return
	}
	fields := message.Header(raw[:min(len(raw), mostHeader)])
	all := map[string][]string{}
	for _, f := range fields[:min(len(fields), letter.MaxFields)] {
		if f.Name != "" {
			name := textproto.CanonicalMIMEHeaderKey(strings.ToValidUTF8(f.Name, "\uFFFD"))
			all[name] = append(all[name], strings.ToValidUTF8(f.Value, "\uFFFD"))
		}
	}
	writeJSON(w, http.StatusOK, all)
}

// raw answers with the message's bytes. A browser shows them as text, or saves them with ?dl=1.
func (h *Handler) raw(w http.ResponseWriter, r *http.Request) {
	l, raw, ok := h.asked(w, r)
	if !ok {
		return
	}
	if r.URL.Query().Get("dl") == "1" {
		w.Header().Set("Content-Disposition", `attachment; filename="`+l.id+`.eml"`)
	}
	answer.Hostile(w, "text/plain; charset=utf-8", raw)
}

// part answers with one part, decoded.
func (h *Handler) part(w http.ResponseWriter, r *http.Request) {
	l, ok := h.found(w, r, r.PathValue("id"))
	if !ok {
		return
	}
	p, ok, err := h.partOf(r, l)
	switch {
	case err != nil:
		h.trouble(w, r, err)
	case !ok:
		plain(w, http.StatusNotFound, "404 page not found")
	default:
		w.Header().Set("Content-Disposition", `inline; filename="`+url.PathEscape(p.Name)+`"`)
		answer.Hostile(w, p.Type, p.Content)
	}
}

func (h *Handler) partOf(r *http.Request, l *Entry) (p letter.Part, ok bool, err error) {
	err = h.box.with(r.Context(), func([]*Entry) error {
		m, err := open(r.Context(), l)
		if err == nil {
			p, ok = m.Part(r.PathValue("part"))
		}
		return err
	})
	return p, ok, err
}
