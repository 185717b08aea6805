package message

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"net/mail"
	"strings"
	"time"
)

// Form says what is unusual about the form of a message (RFC 5322, RFC 2045). The zero value is a message as it should be.
type Form struct {
	Missing  []string // fields that a message should have: From, Date, Message-ID (RFC 5322 section 3.6)
	Repeated []string // fields that a message may have once, and has more often (the same section)
	Bcc      string   // value of the Bcc field
	Date     string   // value of the Date field, if nobody can read it (section 3.3)
	EightBit bool     // the header has a byte above 127 (section 2.2)
	Boundary string   // boundary of a multipart message whose end isn't there (RFC 2046 section 5.1.1)
}

// maxHeader is how far into a message Examine looks for the end of the header, in bytes.
const maxHeader = 64 << 10

// single are the fields that a message may have once (RFC 5322 section 3.6), in the spelling for people.
var single = [...]string{"From", "Date", "Message-ID", "Sender", "Reply-To", "To", "Cc", "Bcc", "Subject", "In-Reply-To", "References"}

// wanted is how many of single a message should have.
const wanted = 3

// Examine returns the Message-ID of a message as it was sent, and what is unusual about its form: nil if nothing is. It reads
// the header once. In a multipart message it looks for the end, from the back. Of a header above 64 KiB it sees the beginning.
func Examine(raw []byte) (messageID string, unusual *Form) {
	head := raw[:min(len(raw), maxHeader)]
	var f Form
	var count [len(single)]uint8
	end, multipart := 0, ""
	for name, field := range eachField(head) {
		end += len(field)
		i := singleField(name)
		switch {
		case i < 0:
			if len(name) == len("Content-Type") && strings.EqualFold(string(name), "Content-Type") && multipart == "" {
				multipart = boundary(name, field)
			}
			continue
		case count[i] == 1:
			f.Repeated = append(f.Repeated, single[i])
		case count[i] == 0:
			f.look(&messageID, i, name, field)
		}
		count[i] = min(count[i]+1, 2)
	}
	if end < len(head) || len(raw) == len(head) { // otherwise more fields follow
		for i := range wanted {
			if count[i] == 0 {
				f.Missing = append(f.Missing, single[i])
			}
		}
	}
	f.EightBit = hasEightBit(head[:end])
	if multipart != "" && !ends(raw[end:], multipart) {
		f.Boundary = multipart
	}
	if f.Missing == nil && f.Repeated == nil && f.Bcc == "" && f.Date == "" && !f.EightBit && f.Boundary == "" {
		return messageID, nil
	}
	return messageID, &f
}

// look takes what is of interest from the first field with a name.
func (f *Form) look(messageID *string, i int, name, field []byte) {
	switch single[i] {
	case "Message-ID":
		*messageID = fieldValue(name, field)
	case "Bcc":
		f.Bcc = fieldValue(name, field)
	case "Date":
		if value := fieldValue(name, field); !validDate(value) {
			f.Date = cmp.Or(value, "(empty)")
		}
	}
}

// validDate reports whether a Date field has the form that RFC 5322 section 3.3 defines, or one of the obsolete ones.
func validDate(value string) bool {
	if _, err := time.Parse("Mon, 2 Jan 2006 15:04:05 -0700", value); err == nil {
		return true // nearly all dates; trying all forms costs twenty times as much
	}
	plain := strings.TrimSpace(stripComments(value))
	if len(plain) > maxDate {
		return false
	}
	_, err := mail.ParseDate(plain)
	return err == nil
}

func hasEightBit(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b)&0x8080808080808080 != 0 {
			return true
		}
	}
	for _, c := range b {
		if c > 0x7f {
			return true
		}
	}
	return false
}

// singleField returns the index in single of a field's name, or -1.
func singleField(name []byte) int {
	if len(name) < len("To") || len(name) > len("In-Reply-To") {
		return -1
	}
	for i := range single {
		if len(single[i]) == len(name) && strings.EqualFold(single[i], string(name)) {
			return i
		}
	}
	return -1
}

// boundary returns the boundary of a multipart Content-Type, or "".
func boundary(name, field []byte) string {
	value, params := ParseParams(fieldValue(name, field))
	if kind, _, _ := strings.Cut(value, "/"); !strings.EqualFold(strings.TrimSpace(kind), "multipart") {
		return ""
	}
	return Lookup(params, "boundary")
}

// ends reports whether a line of the body closes the boundary.
func ends(body []byte, boundary string) bool {
	closing := []byte("--" + boundary + "--")
	for {
		i := bytes.LastIndex(body, closing)
		if i < 0 {
			return false
		}
		if i == 0 || body[i-1] == '\n' {
			return true
		}
		body = body[:i]
	}
}
