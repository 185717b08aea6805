package letter

import (
	"strings"

	"github.com/mailrig/mailrig/internal/lazyregexp"
)

// maxLink is the length of the longest link, in bytes.
const maxLink = 8 << 10

// inText matches a URL in plain text.
var inText = lazyregexp.New(`(?i)\bhttps?://[^\s<>"\x60]+`)

// scheme matches the beginning of a URL with any scheme. Apps have their own ones.
var scheme = lazyregexp.New(`^(?i)[a-z][a-z0-9+.-]*://`)

// links finds the URLs in the text and, unless the text was made from it, in the HTML.
func links(l *Letter) []string {
	list, seen := []string{}, map[string]bool{}
	add := func(link string) bool {
		if link = valid(link); link != "" && len(link) <= maxLink && !seen[link] {
			seen[link] = true
			list = append(list, link)
		}
		return len(list) < MaxLinks
	}
	if !l.TextFromHTML {
		for rest := l.Text; ; {
			at := inText.FindStringIndex(rest)
			if at == nil || !add(trimLink(rest[at[0]:at[1]])) {
				break
			}
			rest = rest[at[1]:]
		}
	}
	for link := range hrefs(l.HTML) {
		if scheme.MatchString(link) && !add(link) {
			break
		}
	}
	return list
}

// trimLink removes what belongs to the sentence around a link: punctuation, and closing brackets that it doesn't open.
func trimLink(link string) string {
	link = link[:min(len(link), maxLink+1)]
	for {
		short := strings.TrimRight(link, `.,;:!?'*_`)
		for _, pair := range []string{"()", "[]", "{}"} {
			if strings.HasSuffix(short, pair[1:]) {
				if extra := strings.Count(short, pair[1:]) - strings.Count(short, pair[:1]); extra > 0 {
					short = cutEnd(short, pair[1], extra)
				}
			}
		}
		if short == link {
			return link
		}
		link = short
	}
}

// cutEnd removes c from the end, at most n times.
func cutEnd(s string, c byte, n int) string {
	for ; n > 0 && len(s) > 0 && s[len(s)-1] == c; n-- {
		s = s[:len(s)-1]
	}
	return s
}
