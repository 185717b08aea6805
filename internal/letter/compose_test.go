package letter

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestCompose(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 14, 0, 0, 0, time.UTC)
	raw, sender, recipients, err := Compose(Draft{
		From: "Jürgen <j@example.test>", To: []string{"bob@example.test", "Carol <c@example.test>"}, Cc: []string{"d@example.test"}, Bcc: []string{"e@example.test"},
		Subject: "Grüße", Text: "Your code: 123456", HTML: `<img src="cid:logo">`, Headers: map[string]string{"X-Test": "yes"},
		Attachments: []Attached{{Name: "a.txt", Type: "text/plain", Content: []byte("hi")}, {Name: "l.png", Type: "image/png", ContentID: "logo", Content: []byte{1}}},
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	if sender != "j@example.test" || fmt.Sprint(recipients) != "[bob@example.test c@example.test d@example.test e@example.test]" {
		t.Errorf("%s, %s", sender, recipients)
	}
	l := Open(raw)
	if l.Subject != "Grüße" || l.From[0].Name != "Jürgen" || len(l.To) != 2 || len(l.Cc) != 1 || len(l.Bcc) != 0 || l.Get("x-test") != "yes" || !l.Date.Equal(now) ||
		strings.TrimSpace(l.Text) != "Your code: 123456" || strings.TrimSpace(l.HTML) != `<img src="cid:logo">` || len(l.Attachments) != 2 || fmt.Sprint(l.Codes) != "[123456]" {
		t.Errorf("%+v\n%s", l, raw)
	}
	if strings.Contains(strings.ReplaceAll(string(raw), "\r\n", ""), "\n") {
		t.Errorf("a line doesn't end in CRLF: %q", raw)
	}
	ok := Draft{From: "a@b.test", To: []string{"c@d.test"}}
	for name, change := range map[string]func(*Draft){
		"no sender":       func(d *Draft) { d.From = "" },
		"bad sender":      func(d *Draft) { d.From = "nobody" },
		"no recipient":    func(d *Draft) { d.To = nil },
		"empty recipient": func(d *Draft) { d.Cc = []string{""} },
		"bad recipient":   func(d *Draft) { d.Bcc = []string{"a@b\r\nX: y"} },
		"many": func(d *Draft) {
			d.To = make([]string, 1001)
			for i := range d.To {
				d.To[i] = "a@b.test"
			}
		},
		"subject":           func(d *Draft) { d.Subject = "a\r\nX: y" },
		"field's name":      func(d *Draft) { d.Headers = map[string]string{"X Y": "z"} },
		"field's value":     func(d *Draft) { d.Headers = map[string]string{"X": "z\ny"} },
		"own field":         func(d *Draft) { d.Headers = map[string]string{"subject": "z"} },
		"attachment's type": func(d *Draft) { d.Attachments = []Attached{{Type: "png"}} },
		"attachment's name": func(d *Draft) { d.Attachments = []Attached{{Name: "a\n"}} },
	} {
		d := ok
		change(&d)
		if _, _, _, err := Compose(d, now); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
