package mailpit

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/mailrig/mailrig/internal/answer"
	"github.com/mailrig/mailrig/internal/letter"
)

// viewPolicy lets a browser show a letter's HTML with its own styles and images. It runs no script, sends no form, loads nothing
// from elsewhere and can't leave for another page by itself. The page keeps its origin, because a browser would otherwise
// refuse it the images of the letter; without scripts, the origin is of no use to it.
const viewPolicy = "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

// view answers /view/ID.html, /view/ID.txt, /view/ID and the same with "latest" for ID and ?query=.
func (h *Handler) view(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	id, isHTML := strings.CutSuffix(name, ".html")
	id, isText := strings.CutSuffix(id, ".txt")
	l, err := h.look(r.Context(), id, r.URL.Query().Get("query"))
	switch {
	case errors.Is(err, errNotFound) && name == latest:
		http.Redirect(w, r, "/", http.StatusFound)
		return
	case errors.Is(err, errNotFound):
		notFound(w, r)
		return
	case err != nil:
		h.trouble(w, r, err)
		return
	case name == latest:
		http.Redirect(w, r, "/view/"+l.id, http.StatusFound)
		return
	}
	var m *letter.Letter
	err = h.box.with(r.Context(), func([]*Entry) error {
		if m, err = open(r.Context(), l); err != nil {
			return err
		}
		if isText || isHTML && m.HTML != "" {
			h.markRead(l)
		}
		return nil
	})
	switch {
	case err != nil:
		h.trouble(w, r, err)
	case isText:
		answer.Hostile(w, "text/plain; charset=utf-8", []byte(m.Text))
	case !isHTML && m.HTML == "":
		http.Redirect(w, r, "/view/"+l.id+".txt", http.StatusFound)
	case !isHTML:
		http.Redirect(w, r, "/view/"+l.id+".html", http.StatusFound)
	case m.HTML == "":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte("This message does not contain a HTML part"))
	default:
		page := withImages(m, l.id)
		if r.URL.Query().Get("embed") == "1" {
			page = embeddable(page)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", viewPolicy)
		_, _ = w.Write([]byte(page))
	}
}

// withImages makes the letter's own images load.
func withImages(m *letter.Letter, id string) string {
	var pairs []string
	for _, p := range m.Attachments {
		if p.ContentID != "" {
			pairs = append(pairs, "cid:"+p.ContentID, "/api/v1/message/"+id+"/part/"+url.PathEscape(p.ID))
		}
	}
	return strings.NewReplacer(pairs...).Replace(m.HTML)
}

// embeddable makes the links of HTML open in a window of their own.
func embeddable(source string) string {
	if strings.Count(source, "<") > 20_000 {
		return source // the parser's time grows faster than the number of elements
	}
	root, err := html.Parse(strings.NewReader(source))
	if err != nil {
		return source
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.DataAtom != atom.A && n.DataAtom != atom.Area {
			continue
		}
		kept := n.Attr[:0]
		for _, a := range n.Attr {
			if a.Key != "target" && a.Key != "rel" {
				kept = append(kept, a)
			}
		}
		n.Attr = append(kept, html.Attribute{Key: "target", Val: "_blank"}, html.Attribute{Key: "rel", Val: "noreferrer noopener"})
	}
	var b strings.Builder
	if html.Render(&b, root) != nil {
		return source
	}
	return b.String()
}
