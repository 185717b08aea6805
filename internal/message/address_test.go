package message

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func show(l []Address) string {
	var s []string
	for _, a := range l {
		switch {
		case a.Group:
			s = append(s, "{"+a.Mailbox+"}")
		default:
			s = append(s, fmt.Sprintf("%s<%s|%s>", a.Name, a.Mailbox, a.Host))
		}
	}
	return strings.Join(s, " ")
}

func TestParseAddresses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                     "",
		"a@b.test":                             "<a|b.test>",
		"a@b.test, c@d.test":                   "<a|b.test> <c|d.test>",
		"Joe Q. Public <john.q@x.test>":        "Joe Q. Public<john.q|x.test>",
		`"Doe, John" <j@x.test>`:               "Doe, John<j|x.test>",
		`"a \"q\" b" <"john doe"@x.test>`:      `a "q" b<john doe|x.test>`,
		"j@x.test (John (Jay) Doe)":            "John (Jay) Doe<j|x.test>",
		"=?utf-8?q?J=C3=B6rg?= <j@x.test>":     "=?utf-8?q?J=C3=B6rg?=<j|x.test>",
		"A group: a@b.test, C <c@d.test>; e@f": "{A group} <a|b.test> C<c|d.test> {} <e|f>",
		"undisclosed-recipients:;":             "{undisclosed-recipients} {}",
		"open: a@b":                            "{open} <a|b> {}",
		"<@r1.test,@r2.test:u@x.test>":         "<u|x.test>",
		"<>":                                   "",
		"root":                                 "<root|>",
		"just some words":                      "<just some words|>",
		"<a@b":                                 "<a|b>",
		"a@b@c":                                "<a@b|c>",
		"@x.test":                              "<|x.test>",
		",,;,":                                 "",
		"u@[127.0.0.1]":                        "<u|[127.0.0.1]>",
		"u@[::1], v@w":                         "<u|[::1]> <v|w>",
		`"open <a@b>`:                          "<open <a@b>|>",
	} {
		if got := show(ParseAddresses(in)); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	raw := []byte("Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\nSubject: =?utf-8?q?=C3=A9?=\r\n folded\r\n" +
		"From: A <a@x.test>\r\nTo: b@x.test\r\nTo: c@x.test\r\nMessage-ID: <1@x>\r\nIn-Reply-To:\r\n <0@x>\r\nSender:\r\n\r\n")
	e := Parse(raw).Envelope(raw)
	if e.Subject != "=?utf-8?q?=C3=A9?= folded" || e.InReplyTo != "<0@x>" || e.MessageID != "<1@x>" ||
		show(e.To) != "<b|x.test> <c|x.test>" || show(e.Sender) != "A<a|x.test>" || e.Date != "Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" {
		t.Errorf("%+v", e)
	}
	want := time.Date(1996, 7, 17, 9, 23, 25, 0, time.UTC)
	if d := ParseDate(e.Date); !d.Equal(want) {
		t.Errorf("date %v", d)
	}
	for _, s := range []string{"", "yesterday", "()"} {
		if d := ParseDate(s); !d.IsZero() {
			t.Errorf("%q: %v", s, d)
		}
	}
}
