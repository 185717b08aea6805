package diagnose

import (
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
)

// This file reads what a dialogue says about a message.

// form says what is unusual about the last stored message.
func (d *dialogue) form(parts []string) {
	f := &event.Form{}
	for _, part := range parts {
		word, rest, _ := strings.Cut(part, " ")
		switch word {
		case "missing":
			f.Missing = strings.Fields(rest)
		case "repeated":
			f.Repeated = strings.Fields(rest)
		case "bcc":
			f.Bcc = rest
		case "date":
			f.Date = rest
		case "eight-bit":
			f.EightBit = true
		case "boundary":
			f.Boundary = rest
		default:
			d.t.Fatalf("what is %q of a message?", part)
		}
	}
	d.cur.Messages[len(d.cur.Messages)-1].Form = f
}

// lines says how the lines of the last message are formed.
func (d *dialogue) lines(parts []string) {
	l := event.Lines{CRLF: 10, Longest: 70}
	for _, part := range parts {
		word, rest, _ := strings.Cut(part, " ")
		switch word {
		case "longest":
			l.Longest = int64(d.number(rest))
		case "bare-cr":
			l.BareCR += int64(d.number(rest))
		case "double-cr":
			l.DoubleCR = int64(d.number(rest))
			l.BareCR += l.DoubleCR
		case "eight-bit":
			l.EightBit = true
		case "plain":
		default:
			d.t.Fatalf("what is %q of lines?", part)
		}
	}
	for _, e := range slices.Backward(d.cur.Events) {
		if b, ok := e.What.(*event.Body); ok {
			b.Lines = l
			return
		}
	}
}
