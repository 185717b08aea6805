package mailpit

import (
	"context"
	"strings"

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
func open(ctx context.Context, l *Entry) (*letter.Letter, error) {
	raw, err := store.ReadAll(ctx, l.msg)
	if err != nil {
		return nil, err
	}
	return letter.Open(raw), nil
}

func summaryOf(ctx context.Context, l *Entry) (summary, error) {
	return store.MemoSized(l.msg, "mailpit.summary", 512, func() (summary, error) {
		m, err := open(ctx, l)
		if err != nil {
			return summary{}, err
		}
		s := summary{snippet: snippet(m.Shown())}
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
func searchable(ctx context.Context, l *Entry) (string, error) {
	if l.msg.Size() > mostKept {
		return searchableOf(ctx, l)
	}
	return store.MemoSized(l.msg, "mailpit.text", 256+l.msg.Size()*3/2, func() (string, error) { return searchableOf(ctx, l) })
}

func searchableOf(ctx context.Context, l *Entry) (string, error) {
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
		add(m.Shown())
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
