package message

import (
	"runtime/debug"
	"strings"
	"testing"
)

// TestMessageCostGrowsWithLength checks that the structure of no message costs more than in proportion to its length, nor what
// is shown and searched of it.
func TestMessageCostGrowsWithLength(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector's turns aren't the parser's cost
	const mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	for name, m := range map[string]struct{ head, piece string }{
		"parts":               {mixed, "--b\r\n\r\nx\r\n"},
		"empty parts":         {mixed, "--b\n"},
		"false boundaries":    {mixed, "--\n"},
		"nested multiparts":   {"", mixed + "--b\r\n"},
		"nested messages":     {"", "Content-Type: message/rfc822\r\n\r\n"},
		"messages in parts":   {mixed, "--b\r\nContent-Type: message/rfc822\r\n\r\nTo: a,b\r\n\r\nx\r\n"},
		"fields":              {"", "To: a@b\r\n"},
		"folded lines":        {"Subject: a", "\r\n "},
		"no header":           {"", "x\r\n"},
		"carriage returns":    {"", "\r"},
		"parameters":          {"Content-Type: text/plain", "; a=b"},
		"one parameter":       {"Content-Type: text/plain", "; a*0*=b"},
		"languages":           {"Content-Language: a", ",b"},
		"quoted-printable":    {"Content-Transfer-Encoding: quoted-printable\r\n\r\n", "= "},
		"base64":              {"Content-Transfer-Encoding: base64\r\n\r\n", "YQ=="},
		"UTF-7":               {"Content-Type: text/plain; charset=utf-7\r\n\r\n", "+AGE-"},
		"one UTF-7 run":       {"Content-Type: text/plain; charset=utf-7\r\n\r\n+", "A"},
		"ISO-2022-JP":         {"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n", "\x1b$B$\"\x1b(B"},
		"bytes outside a set": {"Content-Type: text/plain; charset=gb18030\r\n\r\n", "\xff"},
		"words in a subject":  {"Subject: ", "=?utf-8?q?a?= "},
		"bytes in a subject":  {"Subject: ", "\xff="},
	} {
		best := 100.0
		const most = 8 // 16 would be the square
		for try := 0; try < 20 && best > most; try++ {
			best = min(best, cost(look, m.head+strings.Repeat(m.piece, (1<<18)/len(m.piece)))/cost(look, m.head+strings.Repeat(m.piece, (1<<16)/len(m.piece))))
		}
		if best > most {
			t.Errorf("%s: four times the length costs %.1f times as much", name, best)
		}
	}
}

// look does to a message what FETCH and SEARCH do.
func look(s string) {
	raw := []byte(s)
	p := Parse(raw)
	p.Envelope(raw)
	for _, f := range Header(raw[:p.BodyStart]) {
		DecodeText(f.Value)
	}
	var walk func(p *Part)
	walk = func(p *Part) {
		if len(p.Children) == 0 {
			p.Text(raw)
		}
		for _, c := range p.Children {
			if p.IsMessage() {
				c.Envelope(raw)
			}
			walk(c)
		}
	}
	walk(p)
	HeaderFields(raw[:p.BodyStart], []string{"Subject", "From"}, true)
}
