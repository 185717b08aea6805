package letter

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/html"
)

// Limits of HTML that is shown.
const (
	mostShown  = 2 << 20 // bytes of HTML; the rest isn't shown
	mostInline = 4 << 20 // bytes of images that are put into it
	mostListed = 200     // addresses and elements that are listed
)

// Harmless is a message's HTML as it can be put into a frame: it can run nothing and fetch nothing. A frame without scripts and a
// Content-Security-Policy that allows no network are needed all the same: style sheets stay as they are.
type Harmless struct {
	HTML    string
	Remote  []string // what the message would have loaded
	Dropped []string // names of elements that were left out, each once
}

// shownElements are the elements that stay. Nothing else does: not those that load (link, iframe, object), not those in which
// other rules of parsing hold (svg, math, noscript, template), not forms.
var shownElements = words(`a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del details dfn
	dir div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main map mark menu nav ol p pre q rp rt ruby s samp
	section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr area`)

// shownAttributes are the attributes that stay, whatever their value. None of them loads anything.
var shownAttributes = words(`abbr align alt bgcolor border cellpadding cellspacing class clear color cols colspan compact coords datetime dir face
	height hspace id lang noshade nowrap reversed rowspan rules scope shape size span start style summary title type valign value vspace width`)

// swallowed are elements whose content is left out with them, up to their end. html.Tokenizer gives that of most as one text.
var swallowed = words("script iframe noembed noframes noscript plaintext textarea title xmp svg math template object select video audio canvas")

// loads are attributes that name something to load.
var loads = words("src srcset background poster data lowsrc dynsrc longdesc manifest")

// words makes a set of words when it is first needed.
func words(list string) func() map[string]bool {
	return sync.OnceValue(func() map[string]bool {
		set := map[string]bool{}
		for _, w := range strings.Fields(list) {
			set[w] = true
		}
		return set
	})
}

// Harmless makes the message's HTML safe to look at. It takes time in proportion to its length, and nothing nests so deep in the
// result that it wasn't so in the message. Images that the message brings along are in it.
func (l *Letter) Harmless() Harmless {
	s := &shower{letter: l, room: mostInline}
	source := l.HTML
	if len(source) > mostShown {
		source = strings.ToValidUTF8(source[:mostShown], "")
		s.drop("everything behind the first 2 MiB")
	}
	hidden, depth := "", 0 // the element that is being left out, and how deep in others of its name
	for token := range tokens(source) {
		begins, ends := token.Type == html.StartTagToken, token.Type == html.EndTagToken
		if hidden != "" {
			switch {
			case begins && token.Data == hidden:
				depth++
			case ends && token.Data == hidden:
				if depth--; depth == 0 {
					hidden = ""
				}
			}
			continue
		}
		switch {
		case token.Type == html.TextToken:
			s.text(token.Data)
		case token.Type == html.StartTagToken && swallowed()[token.Data]:
			s.element(token)
			hidden, depth = token.Data, 1
		case begins || token.Type == html.SelfClosingTagToken:
			s.element(token)
		case ends:
			s.inStyle = false
			if shownElements()[token.Data] && token.Data != "img" && token.Data != "br" || token.Data == "style" {
				s.out.WriteString("</" + token.Data + ">")
			}
		}
	}
	s.shown.HTML = s.out.String()
	return s.shown
}

// shower writes what is shown.
type shower struct {
	letter  *Letter
	shown   Harmless
	out     strings.Builder
	room    int            // bytes of images that still fit
	brought map[string]int // of the attachments with a Content-ID, the first with it; made for the first image
	inStyle bool
}

// text writes a text. In a style sheet it is as it stands, but for what could end the sheet.
func (s *shower) text(text string) {
	if s.inStyle {
		s.remoteInStyle(text)
		s.out.WriteString(strings.ReplaceAll(text, "<", " "))
		return
	}
	s.out.WriteString(html.EscapeString(text))
}

func (s *shower) element(token html.Token) {
	name := token.Data
	for _, a := range token.Attr {
		if loads()[a.Key] || a.Key == "href" && !shownElements()[name] {
			s.remote(a.Val)
		}
	}
	switch {
	case name == "style":
		s.inStyle = token.Type == html.StartTagToken
		s.out.WriteString("<style>")
		return
	case name == "html" || name == "head" || name == "body":
		return
	case !shownElements()[name]:
		s.drop(name)
		return
	}
	s.out.WriteString("<" + name + s.attributes(token))
	if name == "a" || name == "area" {
		s.out.WriteString(` target="_blank" rel="noopener noreferrer"`)
	}
	s.out.WriteString(">")
}

// attributes writes those that stay.
func (s *shower) attributes(token html.Token) string {
	var b strings.Builder
	put := func(key, value string) { fmt.Fprintf(&b, ` %s="%s"`, key, html.EscapeString(value)) }
	leads := token.Data == "a" || token.Data == "area"
	for _, a := range token.Attr {
		switch {
		case a.Namespace != "":
		case a.Key == "title" && leads: // a link's title says where it leads; of two, browsers take the first
		case a.Key == "style":
			s.remoteInStyle(a.Val)
			put(a.Key, a.Val)
		case shownAttributes()[a.Key]:
			put(a.Key, a.Val)
		case a.Key == "href" && leads && followed(a.Val):
			put(a.Key, a.Val)
			put("title", a.Val)
		case a.Key == "src" && token.Data == "img":
			if data := s.image(strings.TrimSpace(a.Val)); data != "" {
				put(a.Key, data)
			}
		}
	}
	return b.String()
}

// followed reports whether a link may be followed.
func followed(link string) bool {
	scheme, _, ok := strings.Cut(strings.ToLower(strings.TrimSpace(link)), ":")
	return ok && (scheme == "http" || scheme == "https" || scheme == "mailto")
}

// pictures are the types of images that are shown. An SVG is a document.
var pictures = words("image/png image/jpeg image/gif image/webp image/bmp")

// attachment returns the number of the first attachment with this Content-ID.
func (s *shower) attachment(id string) (i int, ok bool) {
	if s.brought == nil {
		s.brought = map[string]int{}
		for i, p := range slices.Backward(s.letter.Attachments) {
			s.brought[p.ContentID] = i
		}
		delete(s.brought, "")
	}
	i, ok = s.brought[id]
	return i, ok
}

// image returns an image that the message brings along as a data: URL, or "".
func (s *shower) image(source string) string {
	if id, ok := strings.CutPrefix(source, "cid:"); ok {
		i, ok := s.attachment(id)
		if !ok {
			return ""
		}
		p := s.letter.Attachments[i]
		if !pictures()[p.Type] || len(p.Content) > s.room {
			return ""
		}
		s.room -= len(p.Content)
		return "data:" + p.Type + ";base64," + base64.StdEncoding.EncodeToString(p.Content)
	}
	if rest, ok := strings.CutPrefix(source, "data:"); ok && len(source) <= s.room {
		kind, _, _ := strings.Cut(rest, ";")
		if pictures()[strings.ToLower(kind)] {
			s.room -= len(source)
			return source
		}
	}
	return ""
}

// inCSS matches what a style sheet loads.
var inCSS = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)(?:url\(|@import)\s*["']?([^"')\s]{1,500})`) })

// remoteInStyle lists what a style sheet would load.
func (s *shower) remoteInStyle(css string) {
	for _, m := range inCSS().FindAllStringSubmatch(css, mostListed) {
		s.remote(m[1])
	}
}

// remote lists what the message would have loaded.
func (s *shower) remote(target string) {
	target = strings.TrimSpace(target)
	if lower := strings.ToLower(target); !strings.Contains(lower, "//") || strings.HasPrefix(lower, "data:") || strings.HasPrefix(lower, "cid:") {
		return
	}
	target = valid(target[:min(len(target), 500)])
	if len(s.shown.Remote) < mostListed && !slices.Contains(s.shown.Remote, target) {
		s.shown.Remote = append(s.shown.Remote, target)
	}
}

func (s *shower) drop(name string) {
	if name = valid(name[:min(len(name), 50)]); len(s.shown.Dropped) < mostListed && !slices.Contains(s.shown.Dropped, name) {
		s.shown.Dropped = append(s.shown.Dropped, name)
	}
}
