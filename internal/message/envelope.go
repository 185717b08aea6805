package message

import (
	"net/mail"
	"strings"
	"time"
)

// Envelope is what IMAP's ENVELOPE shows (RFC 9051 section 7.5.2). Texts are as in the header, unfolded; encoded words
// aren't decoded.
type Envelope struct {
	Date      *string // nil: absent
	Subject   *string
	From      []Address
	Sender    []Address // From if the field is absent or empty
	ReplyTo   []Address // From if the field is absent or empty
	To        []Address
	Cc        []Address
	Bcc       []Address
	InReplyTo *string
	MessageID *string
}

// Envelope parses the header of the message p.
func (p *Part) Envelope(raw []byte) *Envelope {
	e := &Envelope{}
	var seen [10]bool
	once := func(i int) bool {
		was := seen[i]
		seen[i] = true
		return !was
	}
	lists := func(l *[]Address, value string) { *l = append(*l, ParseAddresses(value)...) }
	for name, field := range eachField(raw[p.Start:p.BodyStart]) {
		value := func() string { return fieldValue(name, field) }
		text := func() *string { v := value(); return &v }
		switch strings.ToLower(string(name)) {
		case "date":
			if once(0) {
				e.Date = text()
			}
		case "subject":
			if once(1) {
				e.Subject = text()
			}
		case "in-reply-to":
			if once(2) {
				e.InReplyTo = text()
			}
		case "message-id":
			if once(3) {
				e.MessageID = text()
			}
		case "from":
			lists(&e.From, value())
		case "sender":
			lists(&e.Sender, value())
		case "reply-to":
			lists(&e.ReplyTo, value())
		case "to":
			lists(&e.To, value())
		case "cc":
			lists(&e.Cc, value())
		case "bcc":
			lists(&e.Bcc, value())
		}
	}
	if len(e.Sender) == 0 {
		e.Sender = e.From
	}
	if len(e.ReplyTo) == 0 {
		e.ReplyTo = e.From
	}
	return e
}

// maxDate is the length of the longest date that is read, in bytes without comments. Trying layouts takes time that grows with
// the square of the length.
const maxDate = 200

// ParseDate parses a Date field as tolerantly as it can. It returns the zero time if it can't.
func ParseDate(s string) time.Time {
	s = strings.TrimSpace(stripComments(s))
	if s == "" || len(s) > maxDate {
		return time.Time{}
	}
	if t, err := mail.ParseDate(plainDate(s)); err == nil {
		return t
	}
	for _, layout := range []string{
		"Mon, 2 Jan 2006 15:04:05", "2 Jan 2006 15:04:05", "Mon, 2 Jan 2006 15:04",
		time.RFC3339, time.ANSIC, time.UnixDate, time.RFC850,
		"Mon Jan 2 15:04:05 2006 -0700", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// zones are the obsolete names of time zones. The military ones of one letter were so often wrong that they mean nothing (RFC
// 5322 section 4.3).
var zones = map[string]string{
	"UT": "+0000", "GMT": "+0000", "EST": "-0500", "EDT": "-0400", "CST": "-0600", "CDT": "-0500", "MST": "-0700", "MDT": "-0600", "PST": "-0800", "PDT": "-0700",
}

// plainDate writes a date without comments in the form of RFC 5322 section 3.3: without the day of the week, with single
// blanks, and with a zone in digits.
func plainDate(s string) string {
	if _, after, found := strings.Cut(s, ","); found {
		s = after
	}
	words := strings.Fields(s)
	if n := len(words); n > 1 {
		zone := strings.ToUpper(words[n-1])
		if offset, ok := zones[zone]; ok {
			words[n-1] = offset
		} else if len(zone) == 1 && 'A' <= zone[0] && zone[0] <= 'Z' && zone != "J" {
			words[n-1] = "-0000"
		}
	}
	return strings.Join(words, " ")
}
