package scenarios

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mailrig/mailrig/internal/fault"
)

// width is how wide Explain's lines are, in characters.
const width = 78

// Explain describes the scenario in words: its story, what each rule does, and what a good client must do.
func (s *Scenario) Explain() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n", s.Name, visible(s.Title))
	for _, paragraph := range strings.Split(s.Story, "\n") {
		wrap(&b, "", paragraph)
	}
	b.WriteString("\nWhat happens:\n")
	for _, r := range s.Rules {
		wrap(&b, "  - ", s.sentence(&r))
	}
	list := func(title string, texts []string) {
		if len(texts) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n%s:\n", title)
		for _, text := range texts {
			wrap(&b, "  - ", text)
		}
	}
	must, mustNot := s.Expect.musts(true)
	list("A good client must", must)
	list("A good client must not", mustNot)
	return b.String()
}

// Happens says in one sentence for each rule when it acts and what it does.
func (s *Scenario) Happens() []string {
	all := make([]string, len(s.Rules))
	for i := range s.Rules {
		all[i] = s.sentence(&s.Rules[i])
	}
	return all
}

// visible makes visible what isn't printable, in YAML's form. A scenario may make a server say such characters, and its
// text may come from anybody: they must not reach a terminal, nor a page.
func visible(text string) string {
	var b strings.Builder
	for _, r := range strings.ReplaceAll(text, "\r\n", "\n") {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r == '\t':
			b.WriteByte(' ')
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

// sentence says in one sentence when a rule acts and what it does. It holds printable characters only.
func (s *Scenario) sentence(r *fault.Rule) string { return visible(s.said(r)) }

func (s *Scenario) said(r *fault.Rule) string {
	if e, ok := r.Fault.(fault.Explainer); ok {
		return fmt.Sprintf("%s: %s.", strings.Join(when(r), ", "), e.Explain())
	}
	g := s.grammar
	if g == nil {
		g = Standard()
	}
	doc := r.Fault.Kind().Doc
	first, size := utf8.DecodeRuneInString(doc)
	doc = string(unicode.ToLower(first)) + strings.TrimSuffix(doc[size:], ".")
	return fmt.Sprintf("%s: %s (%s).", strings.Join(when(r), ", "), doc, g.settings(reflect.ValueOf(r.Fault).Elem(), g.spoken(&r.Match)))
}

// when says where and when a rule acts.
func when(r *fault.Rule) []string {
	m := &r.Match
	parts := []string{where(m)}
	if m.TLS != nil {
		parts = append(parts, map[bool]string{true: "inside TLS", false: "in clear"}[*m.TLS])
	}
	for _, p := range []struct {
		before string
		list   []string
	}{
		{"over ", m.Family},
		{"to clients from ", m.Client},
		{"for the user ", m.User},
		{"for the mailbox ", m.Mailbox},
		{"when the login is by ", m.Mechanism},
		{"when the sender is ", m.Sender},
		{"when the recipient is ", m.Recipient},
		{"when the client asks for the server name ", m.ServerName},
		{"when the client sends ", m.Command},
		{"with the arguments ", m.Arguments},
		{"about message ", numbers(m.Message)},
		{"about UID ", numbers(m.UID)},
		{"when the message ", m.Content.Words()},
	} {
		switch {
		case len(p.list) == 1 && p.list[0] == "" && p.before == "for the user ":
			parts = append(parts, "when nobody is logged in")
		case len(p.list) == 1 && p.list[0] == "?*" && p.before == "for the user ":
			parts = append(parts, "when somebody is logged in")
		case len(p.list) == 1 && p.list[0] == "" && len(m.ServerName) > 0 && p.before == "when the client asks for the server name ":
			parts = append(parts, "when the client asks for no server name")
		case len(p.list) == 1 && p.list[0] == "":
			parts = append(parts, p.before+"empty")
		case len(p.list) > 0:
			parts = append(parts, p.before+join(p.list, "or"))
		}
	}
	if len(m.Connection) > 0 {
		parts = append(parts, "on connection "+join(numbers(m.Connection), "and"))
	}
	parts = append(parts, howLong(r)...)
	return append(parts, howOften(r)...)
}

func numbers(list []int) (out []string) {
	for _, n := range list {
		out = append(out, strconv.Itoa(n))
	}
	return out
}

// howLong says during which part of a connection's life a rule acts.
func howLong(r *fault.Rule) (parts []string) {
	of := map[fault.Per]string{
		fault.PerClient:   " from the first time for each client address",
		fault.PerUser:     " from the first time for each user",
		fault.PerEnvelope: " from the first time for each sender, recipient and client together",
	}[r.Per]
	if of == "" {
		of = " of " + r.Timed()
	}
	moment := func(m *fault.Moment) string {
		if len(m.Command) > 0 {
			return join(m.Command, "or") + " has been answered OK" + perWords[r.Per]
		}
		return m.Time.String() + of
	}
	if m := &r.After; len(m.Command) > 0 {
		parts = append(parts, "once "+moment(m))
	} else if m.Time > 0 {
		parts = append(parts, "after "+moment(m))
	}
	if m := &r.Until; len(m.Command) > 0 {
		parts = append(parts, "until "+moment(m))
	} else if m.Time > 0 {
		parts = append(parts, "in the first "+moment(m))
	}
	return parts
}

func where(m *fault.Match) string {
	if len(m.Door) == 1 {
		return fmt.Sprintf("On door %d", m.Door[0])
	}
	if len(m.Door) > 1 {
		var ports []string
		for _, p := range m.Door {
			ports = append(ports, strconv.Itoa(p))
		}
		return "On doors " + join(ports, "and")
	}
	if len(m.Protocol) > 0 {
		var names []string
		for _, p := range m.Protocol {
			names = append(names, strings.ToUpper(p))
		}
		return "On every " + join(names, "and") + " door"
	}
	return "On every door"
}

var perWords = map[fault.Per]string{
	fault.PerConnection: " on each connection",
	fault.PerClient:     " for each client address",
	fault.PerUser:       " for each user",
	fault.PerEnvelope:   " for each sender, recipient and client together",
}

func howOften(r *fault.Rule) []string {
	if r.Chance > 0 {
		return append([]string{"with a chance of " + r.Chance.String()}, counted(r)...)
	}
	return counted(r)
}

func counted(r *fault.Rule) []string {
	per := perWords[r.Per]
	switch {
	case r.Skip == 0 && r.Times == 0:
		return nil
	case r.Skip == 0 && r.Times == 1:
		return []string{"the first time" + per}
	case r.Skip == 0:
		return []string{fmt.Sprintf("the first %d times%s", r.Times, per)}
	case r.Times == 0:
		return []string{fmt.Sprintf("after letting %d pass%s", r.Skip, per)}
	case r.Times == 1:
		return []string{fmt.Sprintf("after letting %d pass%s, once", r.Skip, per)}
	}
	return []string{fmt.Sprintf("after letting %d pass%s, %d times", r.Skip, per, r.Times)}
}

// settings formats a fault's value for people, without the texts for protocols that don't matter.
func (g *Grammar) settings(v reflect.Value, protocols []string) string {
	switch v.Kind() {
	case reflect.Slice:
		var list []string
		for i := range v.Len() {
			list = append(list, g.settings(v.Index(i), protocols))
		}
		return strings.Join(list, ", ")
	case reflect.Struct:
		return g.parts(v, protocols)
	}
	if v.Type() == duration {
		return time.Duration(v.Int()).String()
	}
	return fmt.Sprint(v.Interface())
}

// parts formats the fields of a fault. It leaves out the keys if only one protocol matters.
func (g *Grammar) parts(v reflect.Value, protocols []string) string {
	var parts []string
	write := func(key string, value reflect.Value) {
		if slices.Contains(g.Protocols.Names(), key) {
			if !slices.Contains(protocols, key) {
				return
			}
			if len(protocols) == 1 {
				key = ""
			}
		}
		text := g.settings(value, protocols)
		if key != "" {
			text = key + ": " + text
		}
		parts = append(parts, text)
	}
	for i := range v.NumField() {
		f, value := v.Type().Field(i), v.Field(i)
		switch {
		case f.Anonymous && value.Kind() == reflect.Map:
			for _, name := range g.Protocols.Names() {
				if of := value.MapIndex(reflect.ValueOf(name)); of.IsValid() && !of.IsZero() {
					write(name, of)
				}
			}
		case f.IsExported() && (value.Kind() != reflect.String || !value.IsZero()):
			write(f.Tag.Get("yaml"), value)
		}
	}
	return strings.Join(parts, "; ")
}

// wrap writes a text in lines. The first follows a bullet, and the others are indented.
func wrap(b *strings.Builder, bullet, text string) {
	indent := strings.Repeat(" ", utf8.RuneCountInString(bullet))
	line := bullet
	for _, word := range strings.Fields(visible(text)) {
		if utf8.RuneCountInString(line)+utf8.RuneCountInString(word) > width && line != bullet && line != indent {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent
		}
		line += word + " "
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}
