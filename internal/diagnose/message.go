package diagnose

import (
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/lazyregexp"
)

// Predicates about the messages that a client sends. Copies that it puts into a mailbox don't count: they may be of other
// people's mail. What is unusual about a message's form was found when it was stored; the lines were counted as they came.

// sentMessage is a message that a client sent, with the commands of its transaction.
type sentMessage struct {
	mail   *Step   // MAIL; nil if it isn't in the record
	to     []*Step // RCPT, those that were accepted
	data   *Step   // DATA, or the latest BDAT
	stored *event.Stored
}

// sentMessages lists the messages that a session sent, whether they were accepted or not. Extract keeps the list.
func (f *Facts) sentMessages() (all []sentMessage) {
	if f.receives() || f.speaks.Words == nil {
		return nil
	}
	var m sentMessage
	next := 0
	for i, s := range f.inTurn() {
		switch {
		case s.Verb == "MAIL":
			m = sentMessage{mail: s}
		case s.Verb == "RCPT" && s.Reply.Class == event.OK:
			m.to = append(m.to, s)
		case s.Word.Mail && (s.Uploaded > 0 && (s.GoAhead || !s.Word.GoAhead) || m.data != nil):
			if m.data = s; s.moreChunks() && i+1 < len(f.Steps) {
				continue
			}
			if all == nil {
				all = make([]sentMessage, 0, min(1+len(f.Messages), 100))
			}
			for next < len(f.Messages) && f.Messages[next].At < s.At {
				next++
			}
			if next < len(f.Messages) && (i+1 == len(f.Steps) || f.Messages[next].At <= f.Steps[i+1].At) {
				m.stored = &f.Messages[next]
			}
			all = append(all, m)
			m.data, m.stored = nil, nil
		}
	}
	return all
}

// moreChunks reports whether the rest of the message follows in other commands (RFC 3030 section 2).
func (s *Step) moreChunks() bool {
	return s.Verb == "BDAT" && !s.Reply.Failed() && !strings.HasSuffix(strings.ToUpper(s.Args), " LAST")
}

// form returns what is unusual about the message's form, never nil.
func (m *sentMessage) form() *event.Form {
	if m.stored == nil || m.stored.Form == nil {
		return &event.Form{}
	}
	return m.stored.Form
}

// parameter reports whether MAIL had one of these parameters.
func (m *sentMessage) parameter(any ...string) bool {
	return m.mail != nil && slices.ContainsFunc(strings.Fields(strings.ToUpper(m.mail.Args)), func(p string) bool { return slices.Contains(any, p) })
}

// utf8Address returns the first address of the envelope with a character beyond ASCII, or "".
func (m *sentMessage) utf8Address() string {
	if m.mail == nil {
		return ""
	}
	for _, s := range slices.Concat([]*Step{m.mail}, m.to) {
		if a := path(s.Args); beyondASCII(a) {
			return a
		}
	}
	return ""
}

// path returns the address in the arguments of MAIL or RCPT.
func path(args string) string {
	return strings.Trim(address.FindString(args), "<>")
}

// beyondASCII reports whether an address has bytes above 127. In a record, \x stands for those that aren't UTF-8.
func beyondASCII(address string) bool {
	return strings.IndexFunc(address, func(r rune) bool { return r > 0x7f }) >= 0 || strings.Contains(address, `\x`) && !strings.Contains(address, `"`)
}

// eachMessage gives one piece of evidence for each session that sent a message for which wrong returns words. {more} says
// how many others there are.
func (c *Case) eachMessage(wrong func(*Facts, *sentMessage) (words map[string]string, severity Severity)) (all []Evidence) {
	for _, f := range c.Sessions {
		var first *Evidence
		more := 0
		for i := range f.sent {
			words, severity := wrong(f, &f.sent[i])
			switch {
			case words == nil:
			case first == nil:
				first = &Evidence{Sessions: []*Facts{f}, Step: f.sent[i].data, Words: words, Severity: severity}
			default:
				more++
			}
		}
		if first == nil {
			continue
		}
		first.Words["more"] = ""
		if more > 0 {
			first.Words["more"] = " (And " + itoa(more) + " more of this session's messages.)"
		}
		all = append(all, *first)
	}
	return all
}

// eachLines is eachMessage for what the lines of a message show.
func (c *Case) eachLines(wrong func(event.Lines) bool) []Evidence {
	return c.eachMessage(func(_ *Facts, m *sentMessage) (map[string]string, Severity) {
		if !wrong(m.data.Lines) {
			return nil, ""
		}
		return map[string]string{"longest": itoa(int(m.data.Lines.Longest))}, ""
	})
}

// longLines: RFC 5322 section 2.1.1 and RFC 5321 section 4.5.3.1.6.
func longLines(c *Case) []Evidence {
	return c.eachLines(func(l event.Lines) bool { return l.Longest > 998 })
}

// bareCR finds CR that isn't part of a line end (RFC 5321 section 2.3.8). Lines that end with CR CR LF are doubledCR's.
func bareCR(c *Case) []Evidence {
	return c.eachLines(func(l event.Lines) bool { return l.BareCR > l.DoubleCR })
}

func doubledCR(c *Case) []Evidence {
	return c.eachLines(func(l event.Lines) bool { return l.DoubleCR > 0 })
}

// eightBitUnannounced finds a message with bytes above 127 that nothing announced (RFC 6152 section 3). It does harm only at
// a server that doesn't list 8BITMIME.
func eightBitUnannounced(c *Case) []Evidence {
	return c.eachMessage(func(_ *Facts, m *sentMessage) (map[string]string, Severity) {
		if !m.data.Lines.EightBit || m.mail == nil || m.parameter("BODY=8BITMIME", "BODY=BINARYMIME", "SMTPUTF8") {
			return nil, ""
		}
		if m.mail.Listed.Has("8BITMIME") {
			return map[string]string{"how": "The server lists 8BITMIME, so it understands this one; a server on the way may not.", "do": "send BODY=8BITMIME with MAIL, or encode the text (quoted-printable, base64)"}, Info
		}
		return map[string]string{"how": "The server doesn't list 8BITMIME: it may refuse the message, or take the eighth bit away.", "do": "encode the text (quoted-printable, base64) for a server without 8BITMIME"}, Warning
	})
}

// utf8AddressUnannounced: RFC 6531 section 3.4.
func utf8AddressUnannounced(c *Case) []Evidence {
	return c.eachWords(func(f *Facts) map[string]string {
		if f.receives() {
			return nil
		}
		announced := false
		for _, s := range f.inTurn() {
			if s.Verb == "MAIL" {
				announced = slices.Contains(strings.Fields(strings.ToUpper(s.Args)), "SMTPUTF8")
			}
			if a := path(s.Args); (s.Verb == "MAIL" || s.Verb == "RCPT") && !announced && beyondASCII(a) {
				return map[string]string{"address": a}
			}
		}
		return nil
	})
}

// needlessSMTPUTF8 finds a message that asks for SMTPUTF8 and has nothing but ASCII (RFC 6531 section 3.4).
func needlessSMTPUTF8(c *Case) []Evidence {
	return c.eachMessage(func(_ *Facts, m *sentMessage) (map[string]string, Severity) {
		counted := m.data.Verb == "DATA" && m.data.Lines.CRLF > 0
		if !m.parameter("SMTPUTF8") || !counted || m.data.Lines.EightBit || m.utf8Address() != "" {
			return nil, ""
		}
		return map[string]string{}, ""
	})
}

// headerNotEncoded: RFC 5322 section 2.2, RFC 2047; RFC 6532 allows UTF-8 with SMTPUTF8.
func headerNotEncoded(c *Case) []Evidence {
	return c.eachMessage(func(_ *Facts, m *sentMessage) (map[string]string, Severity) {
		if !m.form().EightBit || m.parameter("SMTPUTF8") {
			return nil, ""
		}
		return map[string]string{}, ""
	})
}

// headerMissing finds a message without From or Date, which RFC 5322 section 3.6 requires, or without Message-ID. A
// submission server may add the last two (RFC 6409 section 8).
func headerMissing(c *Case) []Evidence {
	return c.eachMessage(func(f *Facts, m *sentMessage) (map[string]string, Severity) {
		missing := m.form().Missing
		if len(missing) == 0 {
			return nil, ""
		}
		harm, severity := "A message needs From and Date, and should have a Message-ID (RFC 5322 section 3.6). A server for submission may add Date and Message-ID, and others don't.", Info
		if slices.Contains(missing, "From") {
			harm, severity = "Every message needs From (RFC 5322 section 3.6): large providers refuse mail without it.", Warning
		}
		return map[string]string{"fields": alternatives(missing), "harm": harm}, severity
	})
}

func headerRepeated(c *Case) []Evidence {
	return c.eachMessage(func(_ *Facts, m *sentMessage) (map[string]string, Severity) {
		repeated := m.form().Repeated
		if len(repeated) == 0 {
			return nil, ""
		}
		return map[string]string{"fields": enumerate(repeated)}, ""
	})
}

// enumerate joins words with commas and "and".
func enumerate(words []string) string { return joined(words, " and ") }

// alternatives joins words with commas and "or".
func alternatives(words []string) string { return joined(words, " or ") }

func joined(words []string, last string) string {
	if n := len(words) - 1; n > 0 {
		return strings.Join(words[:n], ", ") + last + words[n]
	}
	return strings.Join(words, "")
}

func dateUnreadable(c *Case) []Evidence {
	return c.eachMessage(func(_ *Facts, m *sentMessage) (map[string]string, Severity) {
		if m.form().Date == "" {
			return nil, ""
		}
		return map[string]string{"date": clip(m.form().Date)}, ""
	})
}

func multipartOpen(c *Case) []Evidence {
	return c.eachMessage(func(_ *Facts, m *sentMessage) (map[string]string, Severity) {
		if m.form().Boundary == "" {
			return nil, ""
		}
		return map[string]string{"boundary": clip(m.form().Boundary)}, ""
	})
}

var mailbox = lazyregexp.New(`[^\s<>,;:"()]+@[^\s<>,;:"()]+`)

// bccInMessage finds a message that names its blind recipients to somebody who isn't one. A separate copy for the blind
// recipients may name them (RFC 5322 section 3.6.3, the second case).
func bccInMessage(c *Case) []Evidence {
	return c.eachMessage(func(_ *Facts, m *sentMessage) (map[string]string, Severity) {
		hidden := mailbox.FindAllString(m.form().Bcc, -1)
		if len(hidden) == 0 {
			return nil, ""
		}
		for _, s := range m.to {
			reader := path(s.Args)
			if reader != "" && !slices.ContainsFunc(hidden, func(h string) bool { return strings.EqualFold(h, reader) }) {
				return map[string]string{"hidden": enumerate(hidden[:min(len(hidden), 3)]), "reader": reader}, ""
			}
		}
		return nil, ""
	})
}

// bareLF and unstuffedDots: RFC 5321 sections 2.3.8 and 4.5.2.
func bareLF(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return f.Noticed(event.BareLF) })
}

func unstuffedDots(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return f.Noticed(event.UnstuffedDot) })
}
