package mailpit

import (
	"strings"
	"testing"
)

// remembered is a Chaos that only remembers.
type remembered struct{ t Triggers }

func (c *remembered) Triggers() Triggers           { return c.t }
func (c *remembered) SetTriggers(t Triggers) error { c.t = t; return nil }

// TestChaos compares with what was recorded of Mailpit.
func TestChaos(t *testing.T) {
	t.Parallel()
	g := start(t, true)
	g.h.cfg.Chaos = &remembered{NoTriggers}
	for _, c := range []struct {
		method, body string
		status       int
		want         string
	}{
		{"GET", "", 200, "451/0 451/0 535/0"}, {"PUT", "{}", 200, "451/0 451/0 535/0"},
		{"PUT", `{"Sender":{"ErrorCode":421,"Probability":100}}`, 200, "421/100 451/0 535/0"},
		{"PUT", `{"Recipient":{"ErrorCode":550,"Probability":100}}`, 200, "451/0 550/100 535/0"},
		{"PUT", `{"Authentication":{"Probability":100}}`, 200, "451/0 451/0 535/100"},
		{"PUT", `{"sender":{"errorcode":450,"probability":5}}`, 200, "450/5 451/0 535/0"},
		{"PUT", `{"Sender":{"ErrorCode":399,"Probability":1}}`, 400, "error code must be between 400 and 599"},
		{"PUT", `{"Sender":{"ErrorCode":600,"Probability":1}}`, 400, "error code must be between 400 and 599"},
		{"PUT", `{"Sender":{"ErrorCode":451,"Probability":101}}`, 400, "probability must be between 0 and 100"},
		{"PUT", `{"Recipient":{"ErrorCode":451,"Probability":-1}}`, 400, "probability must be between 0 and 100"},
		{"PUT", `{"Sender":{"ErrorCode":452,"Probability":7},"Recipient":{"ErrorCode":1,"Probability":1}}`, 400, "error code must be between 400 and 599"},
		{"GET", "", 200, "452/7 451/0 535/0"}, // what stood before the mistake is set
		{"PUT", `{"Sender":{"ErrorCode":"451"}}`, 400, "json: cannot unmarshal string into Go struct field Trigger.Sender.ErrorCode of type int"},
		{"PUT", `{"Sender":{"Probability":1.5}}`, 400, "json: cannot unmarshal number 1.5 into Go struct field Trigger.Sender.Probability of type int"},
		{"PUT", "{", 400, "unexpected EOF"}, {"PUT", "", 400, "EOF"}, {"PUT", `{"Foo":1}`, 200, "451/0 451/0 535/0"},
	} {
		status, _, got := g.do(c.method, "/api/v1/chaos", c.body)
		shown := strings.NewReplacer(`{"ErrorCode":`, "", `,"Probability":`, "/", `{"Sender":`, "", `,"Recipient":`, " ", `,"Authentication":`, " ", "}", "", "\n", "").Replace(got)
		if status != c.status || shown != c.want {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.body, status, shown, c.status, c.want)
		}
	}
	if _, _, got := g.do("GET", "/api/v1/webui", ""); !strings.Contains(got, `"ChaosEnabled":true`) {
		t.Error(got)
	}
}
