package message

import "strings"

// Address is one entry in an ENVELOPE's address list (RFC 9051 section 7.5.2): an address, the start of a group
// (Mailbox is its name, Group is true), or the end of a group (all empty, Group is true). Encoded words in Name stay as
// they are.
type Address struct {
	Name, Mailbox, Host string
	Route               string // the obsolete source route of RFC 5322 section 4.4, like "@a,@b"
	Group               bool
}

// ParseAddresses parses an address list (RFC 5322 section 3.4). It never fails: an address without "@" has no Host, and
// text that fits nowhere becomes part of a name.
func ParseAddresses(s string) []Address {
	p := addressParser{tokens: lexAddresses(s)}
	p.list()
	return p.out
}

type tokenKind uint8

const (
	tokWord tokenKind = iota // atom characters
	tokQuoted
	tokComment
	tokSpecial // one of < > , ; : @ .
)

type token struct {
	kind  tokenKind
	text  string
	space bool // there were blanks before it
}

func lexAddresses(s string) []token {
	var tokens []token
	space := false
	add := func(k tokenKind, text string) {
		tokens = append(tokens, token{k, text, space})
		space = false
	}
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case ' ', '\t', '\r', '\n':
			space = true
			i++
		case '"':
			var text string
			text, i = lexQuoted(s, i+1)
			add(tokQuoted, text)
		case '(':
			var text string
			text, i = lexComment(s, i+1)
			add(tokComment, text)
		case '<', '>', ',', ';', ':', '@', '.':
			add(tokSpecial, s[i:i+1])
			i++
		case '[': // a domain literal is one word
			end := strings.IndexAny(s[i:], "]<>,; ")
			switch {
			case end < 0:
				end = len(s) - i
			case s[i+end] == ']':
				end++
			}
			add(tokWord, s[i:i+end])
			i += end
		default:
			end := strings.IndexAny(s[i:], " \t\r\n\"(<>,;:@.[")
			if end < 0 {
				end = len(s) - i
			}
			add(tokWord, s[i:i+end])
			i += end
		}
	}
	return tokens
}

func lexQuoted(s string, i int) (string, int) {
	var b strings.Builder
	for ; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), i + 1
		case '\\':
			if i+1 < len(s) {
				i++
			}
		}
		b.WriteByte(s[i])
	}
	return b.String(), i
}

func lexComment(s string, i int) (string, int) {
	var b strings.Builder
	for depth := 1; i < len(s); i++ {
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return b.String(), i + 1
			}
		case '\\':
			if i+1 < len(s) {
				i++
			}
		}
		b.WriteByte(s[i])
	}
	return b.String(), i
}

type addressParser struct {
	tokens  []token
	words   []token // of the entry being parsed
	named   bool    // one of them has a text
	comment string  // the last comment in it: an old-style name
	inGroup bool
	out     []Address
}

func (p *addressParser) list() {
	for i := 0; i < len(p.tokens); i++ {
		t := p.tokens[i]
		if t.kind == tokComment {
			p.comment = strings.TrimSpace(t.text)
			continue
		}
		if t.kind != tokSpecial {
			p.words = append(p.words, t)
			p.named = p.named || t.text != ""
			continue
		}
		switch t.text {
		case ",":
			p.flush()
		case ";":
			p.flush()
			if p.inGroup {
				p.out = append(p.out, Address{Group: true})
				p.inGroup = false
			}
		case ":":
			if p.inGroup || !p.named { // groups can't be nested, and must have a name
				p.words = append(p.words, t)
				p.named = true
				continue
			}
			p.out = append(p.out, Address{Mailbox: phrase(p.words), Group: true})
			p.clear()
			p.inGroup = true
		case "<":
			i = p.angle(i + 1)
		case ">":
			// a stray one
		default:
			p.words = append(p.words, t)
			p.named = true
		}
	}
	p.flush()
	if p.inGroup {
		p.out = append(p.out, Address{Group: true})
	}
}

// angle parses what is between < and >, without an obsolete route (RFC 5322 section 4.4). It returns the index of the
// closing bracket.
func (p *addressParser) angle(i int) int {
	name, comment := phrase(p.words), p.comment
	p.clear()
	var spec []token
	route := ""
	for ; i < len(p.tokens); i++ {
		t := p.tokens[i]
		switch {
		case t.kind == tokComment:
			continue
		case t.kind == tokSpecial && t.text == ":":
			if route == "" {
				route = join(spec)
			}
			spec = spec[:0]
			continue
		case t.kind == tokSpecial && (t.text == ">" || t.text == "<"):
			goto done
		}
		spec = append(spec, t)
	}
done:
	a := addrSpec(spec)
	a.Name, a.Route = name, route
	if a.Name == "" {
		a.Name = comment
	}
	if a.Name != "" || a.Mailbox != "" || a.Host != "" {
		p.out = append(p.out, a)
	}
	return i
}

// flush ends an entry without angle brackets.
func (p *addressParser) flush() {
	if len(p.words) > 0 {
		words, others := bareAddress(p.words)
		a := addrSpec(words)
		a.Name = p.comment
		if others != "" {
			a.Name = others
		}
		if a.Mailbox != "" || a.Host != "" {
			p.out = append(p.out, a)
		}
	}
	p.clear()
}

// clear begins another entry.
func (p *addressParser) clear() { p.words, p.named, p.comment = nil, false, "" }

// bareAddress separates an address without brackets from other words around it: "Alice alice@example.test" isn't the
// address Alicealice@example.test. Blanks around "." and "@" belong to the address (RFC 5322 section 4.4).
func bareAddress(words []token) (address []token, others string) {
	at := lastAt(words)
	if at < 0 {
		return words, ""
	}
	dot := func(i int) bool { return words[i].kind == tokSpecial && words[i].text == "." }
	from, to := at, at+1
	for from > 0 && (from == at || !words[from].space || dot(from) || dot(from-1)) {
		from--
	}
	for to < len(words) && (to == at+1 || !words[to].space || dot(to) || dot(to-1)) {
		to++
	}
	others = phrase(words[:from])
	if rest := phrase(words[to:]); rest != "" {
		others = strings.TrimSpace(others + " " + rest)
	}
	return words[from:to], others
}

// lastAt returns the index of the last "@", or -1.
func lastAt(words []token) int {
	at := -1
	for i, t := range words {
		if t.kind == tokSpecial && t.text == "@" {
			at = i
		}
	}
	return at
}

// addrSpec splits at the last "@" and removes quoting, as an ENVELOPE requires.
func addrSpec(words []token) Address {
	at := lastAt(words)
	if at < 0 {
		return Address{Mailbox: phrase(words)}
	}
	return Address{Mailbox: join(words[:at]), Host: join(words[at+1:])}
}

// phrase joins words. It puts a blank wherever there were blanks.
func phrase(words []token) string {
	var b strings.Builder
	for i, t := range words {
		if i > 0 && t.space {
			b.WriteByte(' ')
		}
		b.WriteString(t.text)
	}
	return b.String()
}

// join concatenates the pieces of a local part or a domain.
func join(words []token) string {
	var b strings.Builder
	for _, t := range words {
		b.WriteString(t.text)
	}
	return b.String()
}
