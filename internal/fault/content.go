package fault

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Content says what a message from the client is like. All that is given must fit. It is known when the last byte of
// the message has come, so only kinds that act then can match on it (Afterwards).
type Content struct {
	BareLF   bool     `yaml:"bare-lf" doc:"true: a line ends with LF alone"`
	LineOver int      `yaml:"line-over" doc:"a line has more bytes than this, without its line end, like 998"`
	SizeOver int64    `yaml:"size-over" doc:"the message has more bytes than this"`
	Lacks    []string `yaml:"lacks" doc:"a header field that the message doesn't have, like Message-ID"`
	Header   []string `yaml:"header" doc:"a header field and its value, like 'Subject: *invoice*'; * and ? as in file names"`
	Word     []string `yaml:"word" doc:"a text in the header or the body, as it was sent: not decoded; upper and lower case are the same in ASCII"`
}

const (
	maxHeader = 64 << 10 // bytes of a message's header that rules see
	maxWord   = 200      // bytes of a word
)

// Validate checks the form of each condition.
func (m *Content) Validate() error {
	switch {
	case m.none():
		return errors.New("say what the message is like, such as {line-over: 998}")
	case m.LineOver < 0:
		return errors.New("line-over: can't be negative")
	case m.SizeOver < 0:
		return errors.New("size-over: can't be negative")
	}
	for _, h := range m.Header {
		if name, _, ok := strings.Cut(h, ":"); !ok || strings.TrimSpace(name) == "" {
			return errors.New("header: give a field's name, a colon and its value, like 'Subject: *invoice*'")
		}
	}
	if slices.ContainsFunc(m.Word, func(w string) bool { return w == "" || len(w) > maxWord }) {
		return errors.New("word: give 1 to 200 bytes")
	}
	return nil
}

func (m *Content) none() bool {
	return !m.BareLF && m.LineOver == 0 && m.SizeOver == 0 && len(m.Lacks)+len(m.Header)+len(m.Word) == 0
}

// Words says the conditions in words, joined by "and", behind "the message". There are none without conditions.
func (m *Content) Words() []string {
	var all []string
	say := func(given bool, format string, args ...any) {
		if given {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	say(m.BareLF, "has a bare LF")
	say(m.LineOver > 0, "has a line of more than %d bytes", m.LineOver)
	say(m.SizeOver > 0, "has more than %d bytes", m.SizeOver)
	say(len(m.Lacks) > 0, "has no %s", strings.Join(m.Lacks, " or no "))
	say(len(m.Header) > 0, "has the header field %s", strings.Join(m.Header, " or "))
	say(len(m.Word) > 0, "has the text %s", strings.Join(m.Word, " or "))
	if len(all) == 0 {
		return nil
	}
	return []string{join(all)}
}

// fits reports whether a message is like that.
func (m *Content) fits(c *Contents) bool {
	if c == nil || m.BareLF && !c.bareLF || m.LineOver > 0 && c.longest <= m.LineOver || m.SizeOver > 0 && c.size <= m.SizeOver {
		return false
	}
	lacks := func(name string) bool {
		return !slices.ContainsFunc(c.fields(), func(f string) bool { return isField(f, name) })
	}
	if len(m.Lacks) > 0 && !slices.ContainsFunc(m.Lacks, lacks) {
		return false
	}
	if len(m.Header) > 0 && !slices.ContainsFunc(m.Header, c.has) {
		return false
	}
	return len(m.Word) == 0 || slices.ContainsFunc(m.Word, func(w string) bool { return c.words[lower(w)] })
}

// isField reports whether a header field has this name.
func isField(field, name string) bool {
	n, _, ok := strings.Cut(field, ":")
	return ok && strings.EqualFold(strings.TrimSpace(n), name)
}

// has reports whether the header has a field like "Subject: *invoice*".
func (c *Contents) has(want string) bool {
	name, value, _ := strings.Cut(want, ":")
	return slices.ContainsFunc(c.fields(), func(f string) bool {
		_, is, _ := strings.Cut(f, ":")
		return isField(f, strings.TrimSpace(name)) && glob([]string{strings.TrimSpace(value)}, strings.TrimSpace(is))
	})
}

// Contents looks at a message while it comes from the client. It keeps the header (64 KiB of it), and of the rest only
// what rules ask for.
type Contents struct {
	dotted  bool // as in SMTP's DATA: leading dots are doubled, and a dot alone ends it
	size    int64
	line    int // bytes of the line so far
	longest int
	bareLF  bool
	cr      bool // the last byte was CR
	dot     bool // the line begins with a dot that isn't the message's
	inBody  bool
	header  []byte
	split   []string        // the header's fields, unfolded
	words   map[string]bool // in lower case: whether the message has it
	seen    []byte          // in lower case: the end of what has been searched, and what comes next
}

// Contents returns what looks at the message that is about to come, or nil if no rule asks for it. dotted is as in
// SMTP's DATA.
func (c *Conn) Contents(dotted bool) *Contents {
	if c == nil {
		return nil
	}
	var m *Contents
	for _, r := range c.rules {
		if r.Match.Content.none() {
			continue
		}
		if m == nil {
			m = &Contents{dotted: dotted, words: map[string]bool{}}
		}
		for _, w := range r.Match.Content.Word {
			m.words[lower(w)] = false
		}
	}
	return m
}

// Add looks at the next bytes.
func (c *Contents) Add(b []byte) {
	for _, x := range b {
		if c.dotted && c.line == 0 && !c.dot && x == '.' && !c.cr {
			c.dot = true
			continue
		}
		c.add(x)
	}
	c.search()
}

func (c *Contents) add(x byte) {
	if x == '\n' {
		c.endLine()
		return
	}
	if c.cr {
		c.put('\r') // a bare one
		c.cr = false
	}
	if x == '\r' {
		c.cr = true
		return
	}
	c.put(x)
}

func (c *Contents) put(x byte) {
	c.line++
	c.keep(x)
}

func (c *Contents) keep(x byte) {
	c.size++
	if !c.inBody && len(c.header) < maxHeader {
		c.header = append(c.header, x)
	}
	if len(c.words) > 0 {
		c.seen = append(c.seen, lowerByte(x))
	}
}

func (c *Contents) endLine() {
	if c.dot && c.line == 0 { // the end of DATA
		c.dot, c.cr = false, false
		return
	}
	c.bareLF = c.bareLF || !c.cr
	c.longest = max(c.longest, c.line)
	if c.cr {
		c.keep('\r')
	}
	c.keep('\n')
	c.inBody = c.inBody || c.line == 0
	c.line, c.cr, c.dot = 0, false, false
}

// lower returns a text with the letters of ASCII in lower case. What else it has may be of any charset, and stays.
func lower(text string) string {
	b := []byte(text)
	for i, x := range b {
		b[i] = lowerByte(x)
	}
	return string(b)
}

func lowerByte(x byte) byte {
	if 'A' <= x && x <= 'Z' {
		return x + 'a' - 'A'
	}
	return x
}

// search looks for the words in what has come, and keeps as much as may be the beginning of one.
func (c *Contents) search() {
	if len(c.seen) == 0 {
		return
	}
	for w, found := range c.words {
		if !found && bytes.Contains(c.seen, []byte(w)) {
			c.words[w] = true
		}
	}
	c.seen = append(c.seen[:0], c.seen[max(0, len(c.seen)-maxWord):]...)
}

// fields returns the header's fields, each unfolded to one line (RFC 5322 section 2.2.3).
func (c *Contents) fields() []string {
	if c.split == nil {
		text := strings.ReplaceAll(string(c.header), "\r\n", "\n")
		text = strings.NewReplacer("\n ", " ", "\n\t", " ").Replace(text)
		c.split = strings.Split(text, "\n")
	}
	return c.split
}

// Afterwards is a kind whose fault acts when a message has come whole, or can.
type Afterwards interface{ Afterwards() bool }

// seesContent reports whether a rule with this fault may match on the content.
func seesContent(f Fault) bool {
	a, ok := f.(Afterwards)
	return ok && a.Afterwards()
}

// CheckContent refuses conditions on the content for kinds that act before the message has come.
func (r *Rule) CheckContent() error {
	if r.Match.Content.none() || seesContent(r.Fault) {
		return nil
	}
	return errors.New(r.Kind() + ": acts before the message has come, and content is known only then; use replace-reply, delay-final-reply, bounce, delivery, or cut with in: reply")
}
