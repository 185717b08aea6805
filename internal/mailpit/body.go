package mailpit

import (
	"context"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/mailrig/mailrig/internal/letter"
	"github.com/mailrig/mailrig/internal/store"
)

const (
	mostKept      = 256 << 10 // the largest message whose text is kept for searches, in bytes
	snippetLength = 200       // in characters
)

// summary is what a list shows of a letter's body.
type summary struct {
	snippet              string
	attachments, inlines int
}

// open reads a letter as a person does.
func open(ctx context.Context, l *entry) (*letter.Letter, error) {
	raw, err := store.ReadAll(ctx, l.msg)
	if err != nil {
		return nil, err
	}
	return letter.Open(raw), nil
}

func summaryOf(ctx context.Context, l *entry) (summary, error) {
	return store.MemoSized(l.msg, "mailpit.summary", 512, func() (summary, error) {
		m, err := open(ctx, l)
		if err != nil {
			return summary{}, err
		}
		s := summary{snippet: snippet(shown(m))}
		for _, p := range m.Attachments {
			if p.Inline {
				s.inlines++
			} else {
				s.attachments++
			}
		}
		return s, nil
	})
}

// searchable returns what a word of a search may be in, in lower case and with single blanks.
func searchable(ctx context.Context, l *entry) (string, error) {
	if l.msg.Size() > mostKept {
		return searchableOf(ctx, l)
	}
	return store.MemoSized(l.msg, "mailpit.text", 256+l.msg.Size()*3/2, func() (string, error) { return searchableOf(ctx, l) })
}

func searchableOf(ctx context.Context, l *entry) (string, error) {
	h, err := headOf(ctx, l)
	if err != nil {
		return "", err
	}
	m, err := open(ctx, l)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	add := func(s string) {
		for word := range strings.FieldsSeq(s) {
			b.WriteString(strings.ToLower(word))
			b.WriteByte(' ')
		}
	}
	for _, list := range [][]address{{h.from}, h.to, h.cc, h.bcc, h.replyTo} {
		add(joined(list))
	}
	add(h.subject)
	add(h.returnPath)
	add(m.Text)
	if m.HTML != "" && !m.TextFromHTML {
		add(shown(m))
	}
	for _, p := range m.Attachments {
		if !p.Inline {
			add(p.Name)
		}
	}
	return b.String(), nil
}

func joined(list []address) string {
	var b strings.Builder
	for _, a := range list {
		b.WriteString(a.Name + " " + a.Address + " ")
	}
	return b.String()
}

// shown returns what a person sees at first: the HTML's text, or the text.
func shown(m *letter.Letter) string {
	if m.HTML == "" {
		return m.Text
	}
	var b strings.Builder
	hidden := 0
	z := html.NewTokenizer(strings.NewReader(m.HTML))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			if hidden == 0 {
				b.Write(z.Text())
			}
		case html.StartTagToken, html.EndTagToken:
			t := z.Token()
			switch t.DataAtom {
			case atom.Script, atom.Style, atom.Title, atom.Head:
				if t.Type == html.StartTagToken {
					hidden++
				} else if hidden > 0 {
					hidden--
				}
			case atom.A, atom.B, atom.I, atom.U, atom.Em, atom.Strong, atom.Span, atom.Font, atom.Code:
			case atom.Body:
				hidden = 0
			default:
				b.WriteByte(' ')
			}
		}
	}
}

// snippet shortens a text to what a list shows.
func snippet(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text[:min(len(text), 16*snippetLength)])
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " ")
	n := 0
	for i := range text {
		if n++; n > snippetLength {
			return text[:i] + "..."
		}
	}
	return text
}
