package protocol

import (
	"regexp"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/lazyregexp"
)

// Masker hides what could be a credential in what clients say. It doesn't look for passwords, because nobody can tell
// one from another word. It shows what it understands: the words of a protocol in their places, and arguments that a
// command's grammar allows (Word.Shows). Everything else is masked: a misspelt command's arguments, a line that isn't a
// command, a parameter that nobody knows. A client may speak SMTP to an IMAP door, forget its tag, or go on with its
// password after its login has been refused.
type Masker struct {
	all   []*Protocol
	forms map[string]event.Secret
	login *lazyregexp.Regexp
}

// NewMasker returns a Masker that knows the words of all these protocols, whichever one a client speaks.
func NewMasker(all []*Protocol) *Masker {
	m := &Masker{all: all, forms: map[string]event.Secret{}}
	var names []string
	for _, p := range all {
		for _, w := range p.Words {
			if w.Secret != event.NoSecret && m.forms[w.Verb] == event.NoSecret {
				m.forms[w.Verb] = w.Secret
				names = append(names, regexp.QuoteMeta(w.Verb))
			}
		}
	}
	// AUTHENTICATE must be tried before AUTH.
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
	m.login = lazyregexp.New(`(?i)(?:^|[^a-z0-9_.=-])(` + strings.Join(names, "|") + `)([ \t:=]+)[^ \t:=]`)
	return m
}

// Shown is what may be recorded of a client's line.
type Shown struct {
	Text string // with event.Mask in place of what may not be shown
	Line        // the parts of Text; a part that is masked is "", but a masked tag is event.Mask
	// Secret says that the line carries a credential, in the words of a login. Masked says that Text isn't the whole
	// line.
	Secret, Masked bool
}

// Show returns what may be recorded of a line at a door of p. text is the line without its line end, escaped
// (event.Escape). how is what the framing knows about it.
func (m *Masker) Show(p *Protocol, text string, how Show) (s Shown) {
	switch {
	case how == ShowNothing:
		return Shown{Text: event.Mask, Line: Line{Tag: maskedTag(p)}, Secret: true, Masked: true}
	case how == ShowAll:
		if l := p.Replies.Command(text); l.Verb != "" {
			if word, known := p.Words.Find(l.Verb); known && word.Secret == event.NoSecret {
				return m.known(word, l, text)
			}
		}
	}
	s.Text, s.Secret = m.line(p, text)
	if s.Masked = s.Text != text; s.Text == event.Mask {
		s.Tag = maskedTag(p)
		return s
	}
	s.Line = p.Replies.Command(s.Text)
	if strings.Contains(s.Verb, event.Mask) {
		s.Verb = ""
	}
	return s
}

// maskedTag returns the tag of a line that isn't shown.
func maskedTag(p *Protocol) string {
	if p.tagged() {
		return event.Mask
	}
	return ""
}

// known shows a command of which nothing but the arguments may be masked.
func (m *Masker) known(word Word, l Line, text string) Shown {
	if word.Shows == nil || l.Args == "" {
		return Shown{Text: text, Line: l}
	}
	args := word.Shows(l.Args)
	if args == l.Args {
		return Shown{Text: text, Line: l}
	}
	text = strings.TrimSuffix(text, l.Args) + args
	l.Args = args
	return Shown{Text: text, Line: l, Masked: true}
}

// tagged reports whether the protocol's commands begin with a tag.
func (p *Protocol) tagged() bool { return p.Replies.Command("x y").Tag != "" }

// line masks a line that isn't surely a command of p without a secret.
func (m *Masker) line(p *Protocol, text string) (shown string, secret bool) {
	if blank(text) {
		return text, false
	}
	own := slices.Insert(slices.DeleteFunc(slices.Clone(m.all), func(x *Protocol) bool { return x == p }), 0, p)
	for _, x := range own {
		// Before the words of a login are searched for: MAIL may have a parameter AUTH.
		if word, l, ok := x.command(text); ok && word.Secret == event.NoSecret && word.Shows != nil {
			return m.known(word, l, text).Text, false
		}
	}
	if first, _, _ := strings.Cut(text, " "); slices.Contains(strangers, first) {
		return stranger(text, m.all), false
	}
	if at := m.login.FindStringSubmatchIndex(text); at != nil {
		return m.credentials(p, text, at)
	}
	for _, x := range own {
		if word, l, ok := x.command(text); ok && word.Secret == event.NoSecret {
			return m.known(word, l, text).Text, false
		} else if ok && l.Args == "" { // the beginning of a login
			return text, false
		}
	}
	if n := Joined(text); n > 0 && !p.tagged() {
		return text[:n] + strings.TrimPrefix(masked(n < len(text)), " "), false
	}
	return stranger(text, m.all), false
}

// blank reports whether a line holds nothing but spaces and control characters. The header of the PROXY protocol,
// version 2, begins with such lines.
func blank(text string) bool { return control.ReplaceAllString(text, "") == "" }

var control = lazyregexp.New(`[ \t]|\\x[01][0-9a-f]`)

// command splits a line if it is a command of the protocol.
func (p *Protocol) command(text string) (word Word, l Line, ok bool) {
	l = p.Replies.Command(text)
	if l.Verb == "" || p.tagged() && !tag.MatchString(l.Tag) {
		return word, l, false
	}
	word, ok = p.Words.Find(l.Verb)
	return word, l, ok
}

// tag matches the tags that clients use: letters and then a number, a letter alone, four capitals, numbers with dots.
var tag = lazyregexp.New(`^(?:[A-Za-z]{0,5}[0-9]{1,9}|[A-Za-z]|[A-Z]{4}|[a-z]{4}|[0-9]{1,9}\.[0-9]{1,9}|TAG[0-9]*|\.)$`)

// What may stay of the arguments of a login.
var (
	// user matches the user's name, provided that something comes after it.
	user = lazyregexp.New(`^(?:"(?:[^"\\:]|\\.)*"|[^ \t"\\{}:]+)$`)
	// mechanism matches the names that IANA has for SASL mechanisms, and those that servers made up.
	mechanism = lazyregexp.New(`(?i)^"?(?:9798-[UM]-(?:RSA|DSA|ECDSA)-SHA1(?:-ENC)?|ANONYMOUS|APOP|ATOKEN|CRAM-(?:MD5|SHA1|SHA256)|DIGEST-MD5|` +
		`EAP-AES128(?:-PLUS)?|ECDH-X25519-CHALLENGE|ECDSA-NIST256P-CHALLENGE|EXTERNAL|GS2-[A-Z0-9-]{1,16}|GSSAPI|GSS-SPNEGO|` +
		`KERBEROS_V[45]|LOGIN|MSN|NMAS-(?:SAMBA|LOGIN)(?:-AUTH)?|NTLM|OAUTH(?:10A|BEARER)|OPENID20|OTP|PLAIN(?:-CLIENTTOKEN)?|` +
		`SAML20|SCRAM-SHA-?[0-9]{1,3}(?:-256)?(?:-PLUS)?|SECURID|SKEY|WETOKEN|XOAUTH2?|XYMCOOKIE(?:B64)?|X-[A-Z]{1,16})"?$`)
	// literal matches the announcement of an IMAP literal that stands for a whole argument.
	literal = lazyregexp.New(`^\{[0-9]+([+-]?)\}$`)
)

// credentials masks what follows the words of a login, which match m.login at these places.
func (m *Masker) credentials(p *Protocol, text string, at []int) (shown string, secret bool) {
	before, verb, args := text[:at[2]], text[at[2]:at[5]], text[at[5]:]
	if !innocent(p, before, m.all) {
		before = event.Mask + " "
	}
	if args == "<>" { // nobody, in MAIL's AUTH (RFC 4954 section 5)
		return before + verb + args, false
	}
	word := args[:wordEnd(args)]
	rest := strings.TrimLeft(args[len(word):], " \t")
	kept := ""
	switch m.forms[strings.ToUpper(text[at[2]:at[3]])] {
	case event.SecretResponse:
		if mechanism.MatchString(word) {
			kept = args[:len(args)-len(rest)]
		}
	case event.SecretBehind:
		if user.MatchString(word) && rest != "" {
			kept = args[:len(args)-len(rest)]
		}
		if literal.MatchString(word) && rest == "" { // LOGIN {5}: the user's name
			return before + verb + maskLiteral(word), false
		}
	}
	switch hidden := args[len(kept):]; {
	case hidden == "":
		return before + verb + kept, false
	case literal.MatchString(hidden): // the credential comes later
		return before + verb + kept + maskLiteral(hidden), false
	}
	return before + verb + kept + event.Mask, true
}

// maskLiteral hides the size in the announcement of a literal: the length of a password is private too.
func maskLiteral(announced string) string {
	return literal.ReplaceAllString(announced, "{"+event.Mask+"$1}")
}

// MaskLiteral returns the announcement of a literal at the end of a line, without its size. It returns event.Mask if
// the line has none.
func MaskLiteral(line string) string {
	if at := strings.LastIndexByte(line, '{'); at >= 0 && literal.MatchString(line[at:]) {
		return maskLiteral(line[at:])
	}
	return event.Mask
}

// innocent reports whether what stands before the words of a login may be shown: a tag, or commands.
func innocent(p *Protocol, before string, all []*Protocol) bool {
	list := strings.Fields(before)
	for i, w := range list {
		if i == 0 && (p.tagged() && len(list) == 1 || tag.MatchString(w)) {
			continue
		}
		if !knows(all, w) {
			return false
		}
	}
	return true
}

// knows reports whether a word is a command of any of the protocols. UID stands before others.
func knows(all []*Protocol, w string) bool {
	return strings.EqualFold(w, "UID") || slices.ContainsFunc(all, func(p *Protocol) bool {
		_, known := p.Words.Find(w)
		return known
	})
}

// wordEnd returns where the first word ends: at a space or after the closing quote.
func wordEnd(s string) int {
	if strings.HasPrefix(s, `"`) {
		for i := 1; i < len(s); i++ {
			switch s[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
		return len(s)
	}
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		return i
	}
	return len(s)
}
