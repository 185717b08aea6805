package transcript

import (
	"strings"
	"unicode/utf8"

	"github.com/mailrig/mailrig/internal/event"
)

// dialogue turns events into units.
type dialogue struct {
	words   func(*event.Event) Remark
	units   []Unit
	text    string // text of the last unit, including its last line end
	growing bool   // the next event may extend the last unit
}

// event adds the unit that an event leaves in the dialogue. An event that leaves none doesn't separate the units before
// and after it.
func (d *dialogue) event(e *event.Event) {
	u := Unit{At: e.At, Secure: e.Secure, Injected: e.By}
	switch x := e.What.(type) {
	case *event.Command:
		u.From, u.Kind, u.Text, u.Bytes = FromClient, Command, x.Line, x.Bytes
		d.add(u)
	case *event.Finish:
		u.From, u.Kind, u.Text, u.Bytes = FromClient, Command, x.Line, x.Bytes
		d.add(u)
	case *event.Answer:
		u.From, u.Kind, u.Text, u.Bytes = FromClient, Auth, answers[x.Form], x.Bytes
		d.add(u)
	case *event.Reply:
		u.From, u.Kind, u.Bytes = FromServer, Reply, x.Bytes
		d.grow(u, x.Text+"\n", event.MaxText)
	case *event.Body:
		u.From, u.Kind, u.Bytes = Direction(x.From), Data, x.Bytes
		d.grow(u, x.Head, event.MaxHead)
	case *event.Overheard:
		u.From, u.Kind, u.Bytes = FromClient, Data, x.Bytes
		var text strings.Builder
		for _, l := range x.Lines {
			text.WriteString(l.Text + "\n")
		}
		d.grow(u, text.String(), event.MaxHead)
	default:
		r := d.words(e)
		if r.Text == "" {
			return
		}
		if h, ok := x.(*event.Handshake); ok && h.Outcome == event.Established {
			u.Secure = true // the remark stands inside TLS
		}
		u.From, u.Kind, u.Event, u.Text = FromRig, Note, r.Event, r.Text
		d.add(u)
	}
}

// answers shows the lines of a login exchange.
var answers = map[event.AnswerForm]string{event.SecretAnswer: event.Mask, event.CancelAnswer: "*", event.EmptyAnswer: ""}

// add appends a unit that nothing extends.
func (d *dialogue) add(u Unit) {
	d.units = append(d.units, u)
	d.growing = false
}

// grow adds reply lines or bytes of a body. They extend the last unit if they continue it. limit bounds the unit's
// text, of which the first bytes are shown.
func (d *dialogue) grow(u Unit, text string, limit int64) {
	if !d.growing || !follows(&d.units[len(d.units)-1], &u) {
		d.add(u)
		d.text, d.growing = "", true
		d.units[len(d.units)-1].Bytes = 0
	}
	last := &d.units[len(d.units)-1]
	d.text += first(text, int(max(0, limit-last.Bytes)))
	last.Bytes += u.Bytes
	last.Text = strings.TrimSuffix(d.text, "\n")
}

// follows reports whether v continues what u is.
func follows(u, v *Unit) bool {
	return u.From == v.From && u.Kind == v.Kind && u.Injected == v.Injected && u.Secure == v.Secure
}

// first returns at most n bytes from the start of a text. It never cuts through a character.
func first(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
