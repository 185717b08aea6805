package message

import (
	"fmt"
	"runtime"
	"runtime/debug"
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
	if *e.Subject != "=?utf-8?q?=C3=A9?= folded" || *e.InReplyTo != "<0@x>" || *e.MessageID != "<1@x>" ||
		show(e.To) != "<b|x.test> <c|x.test>" || show(e.Sender) != "A<a|x.test>" || *e.Date != "Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" {
		t.Errorf("%+v", e)
	}
	want := time.Date(1996, 7, 17, 9, 23, 25, 0, time.UTC)
	if d := ParseDate(*e.Date); !d.Equal(want) {
		t.Errorf("date %v", d)
	}
	for s, want := range map[string]string{
		"Mon,3 Mar 2025 10:11:12 +0100":                    "2025-03-03T10:11:12+01:00",
		"Mon (day), 3 (of) Mar 2025 (year) 10:11:12 +0100": "2025-03-03T10:11:12+01:00",
		"Mon, 3 Mar 2025 10:11:12 Z":                       "2025-03-03T10:11:12Z",
		"3 Mar 25 10:11 EST":                               "2025-03-03T10:11:00-05:00",
		"Mon, 3 Mar 2025 10:11:12 -0000":                   "2025-03-03T10:11:12Z",
		"Mon,  3\tMar 2025 10:11:12 pdt":                   "2025-03-03T10:11:12-07:00",
		"Mon Mar  3 10:11:12 2025":                         "2025-03-03T10:11:12Z",
		"2025-03-03T10:11:12Z":                             "2025-03-03T10:11:12Z",
		"Monday, 03-Mar-25 10:11:12 GMT":                   "2025-03-03T10:11:12Z",
	} {
		if d := ParseDate(s).Format(time.RFC3339); d != want {
			t.Errorf("%q: %s, want %s", s, d, want)
		}
	}
	for _, s := range []string{"", "yesterday", "()"} {
		if d := ParseDate(s); !d.IsZero() {
			t.Errorf("%q: %v", s, d)
		}
	}
}

// TestAddressesAsWritten checks that nothing is shown that nobody wrote.
func TestAddressesAsWritten(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Address{
		"Alice alice@example.test":                   {Name: "Alice", Mailbox: "alice", Host: "example.test"},
		"alice@example.test (Alice)":                 {Name: "Alice", Mailbox: "alice", Host: "example.test"},
		"alice@example.test Alice B":                 {Name: "Alice B", Mailbox: "alice", Host: "example.test"},
		"alice . b @ example . test":                 {Mailbox: "alice.b", Host: "example.test"},
		"A <@one.test,@two.test:alice@example.test>": {Name: "A", Route: "@one.test,@two.test", Mailbox: "alice", Host: "example.test"},
		`"al ice"@example.test`:                      {Mailbox: "al ice", Host: "example.test"},
	} {
		if got := ParseAddresses(in); len(got) != 1 || got[0] != want {
			t.Errorf("%q: %+v, want %+v", in, got, want)
		}
	}
}

// TestCostGrowsWithLength checks that no header costs more than in proportion to its length.
func TestCostGrowsWithLength(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector's turns aren't the parser's cost
	for name, piece := range map[string]string{
		"colons in a group": "a:", "nameless colons": `"":`, "names": "a ", "at signs": "a@", "routes": "<@a:", "commas": "a,",
		"comments": "(", "closed comments": "(a)", "quotes": `"a`, "brackets": "[a", "dots": "a.", "angles": "<a>", "semicolons": "a:;",
		"escapes": `\`, "encoded words": "=?utf-8?q?a?= ", "broken words": "=?utf-8?q?",
	} {
		for what, parse := range map[string]func(string){
			"addresses": func(s string) { ParseAddresses(s) },
			"text":      func(s string) { DecodeText(s) },
			"date":      func(s string) { ParseDate(s) },
			"params":    func(s string) { ParseParams(s) },
		} {
			best := 100.0
			const most = 8 // 16 would be the square
			for try := 0; try < 20 && best > most; try++ {
				best = min(best, cost(parse, strings.Repeat(piece, 1<<15))/cost(parse, strings.Repeat(piece, 1<<13)))
			}
			if best > most {
				t.Errorf("%s of %s: four times the length costs %.1f times as much", what, name, best)
			}
		}
	}
}

// cost returns the least time of three, in seconds, and at least half a millisecond.
func cost(parse func(string), s string) float64 {
	least := time.Hour
	for range 3 {
		runtime.GC() // so that memory is used again: a larger input would pay for fresh pages
		began := time.Now()
		parse(s)
		least = min(least, time.Since(began))
	}
	return max(least.Seconds(), 5e-4)
}
