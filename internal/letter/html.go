package letter

import (
	"strings"

	"github.com/inbucket/html2text"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// mostHTML is how much HTML is laid out as text, in bytes. Of a longer one, only the tags are removed.
const mostHTML = 256 << 10

// textOf returns HTML as text.
func textOf(source string) string {
	if len(source) <= mostHTML && strings.Count(source, "<table") < 50 {
		if text, err := html2text.FromString(source); err == nil {
			return valid(text)
		}
	}
	return stripped(source)
}

// stripped returns the text of HTML without its tags.
func stripped(source string) string {
	var b strings.Builder
	hidden := false
	for token := range tokens(source) {
		switch token.Type {
		case html.TextToken:
			if !hidden {
				b.WriteString(token.Data)
			}
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			switch token.DataAtom {
			case atom.Script, atom.Style, atom.Title:
				hidden = token.Type == html.StartTagToken
			case atom.A, atom.B, atom.I, atom.U, atom.Em, atom.Strong, atom.Span, atom.Font, atom.Code:
			default:
				b.WriteByte('\n')
			}
		}
	}
	return strings.TrimSpace(b.String())
}

// tokens yields the tokens of HTML. It ends at the first error, which is usually the end.
func tokens(source string) func(yield func(html.Token) bool) {
	return func(yield func(html.Token) bool) {
		z := html.NewTokenizer(strings.NewReader(source))
		for z.Next() != html.ErrorToken {
			if !yield(z.Token()) {
				return
			}
		}
	}
}

// hrefs yields what <a> and <area> point to.
func hrefs(source string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for token := range tokens(source) {
			if token.DataAtom != atom.A && token.DataAtom != atom.Area {
				continue
			}
			for _, a := range token.Attr {
				if a.Key == "href" && !yield(strings.TrimSpace(a.Val)) {
					return
				}
			}
		}
	}
}
