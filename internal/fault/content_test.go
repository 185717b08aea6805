package fault

import (
	"strings"
	"testing"
)

func TestContent(t *testing.T) {
	t.Parallel()
	const plain = "Subject: Your\r\n invoice\r\nMessage-ID: <1@x>\r\n\r\nHello there.\r\n"
	for name, tc := range map[string]struct {
		content Content
		message string // of DATA, without the final dot
		want    bool
	}{
		"no bare LF":                  {Content{BareLF: true}, plain, false},
		"a bare LF":                   {Content{BareLF: true}, plain + "a\nb\r\n", true},
		"a bare CR isn't LF":          {Content{BareLF: true}, plain + "a\rb\r\n", false},
		"998 bytes":                   {Content{LineOver: 998}, plain + strings.Repeat("x", 998) + "\r\n", false},
		"999 bytes":                   {Content{LineOver: 998}, plain + strings.Repeat("x", 999) + "\r\n", true},
		"998 bytes and a dot":         {Content{LineOver: 998}, plain + ".." + strings.Repeat("x", 997) + "\r\n", false},
		"folded":                      {Content{Header: []string{"subject: your *INVOICE"}}, plain, true},
		"another value":               {Content{Header: []string{"Subject: *order*"}}, plain, false},
		"a field in the body":         {Content{Header: []string{"X: *"}}, plain + "X: y\r\n", false},
		"has Message-ID":              {Content{Lacks: []string{"message-id"}}, plain, false},
		"lacks Date":                  {Content{Lacks: []string{"Message-ID", "Date"}}, plain, true},
		"word":                        {Content{Word: []string{"hello THERE"}}, plain, true},
		"word in the header":          {Content{Word: []string{"nothing", "invoice"}}, plain, true},
		"a word beyond ASCII":         {Content{Word: []string{"HELLO, ÄRGER"}}, plain + "Hello, Ärger\r\n", true},
		"no such word":                {Content{Word: []string{"goodbye"}}, plain, false},
		"as many bytes":               {Content{SizeOver: int64(len(plain))}, plain, false},
		"more bytes":                  {Content{SizeOver: int64(len(plain) - 1)}, plain, true},
		"the dots don't count":        {Content{SizeOver: int64(len(plain) + 3)}, plain + "..\r\n", false},
		"all must fit":                {Content{BareLF: true, Word: []string{"hello"}}, plain, false},
		"a message without an end":    {Content{Lacks: []string{"Message-ID"}}, "Subject: x\r\n", true},
		"an empty message":            {Content{Lacks: []string{"Subject"}}, "", true},
		"a header beyond 64 KiB":      {Content{Header: []string{"Late: *"}}, strings.Repeat("A: bcdefgh\r\n", 7000) + "Late: x\r\n\r\n", false},
		"a word behind a lot of text": {Content{Word: []string{"needle"}}, plain + strings.Repeat("hay\r\n", 5000) + "needle\r\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := plan(Rule{Match: Match{Content: tc.content}, Fault: &ReplaceReply{Texts: Texts{"smtp": "554 x"}}}).Conn(25, "smtp", localhost)
			for _, piece := range []int{1, 7, 1 << 20} { // however the message comes
				m := c.Contents(true)
				wire := tc.message + ".\r\n"
				for len(wire) > 0 {
					n := min(piece, len(wire))
					m.Add([]byte(wire[:n]))
					wire = wire[n:]
				}
				if got := tc.content.fits(m); got != tc.want {
					t.Errorf("in pieces of %d: %v", piece, got)
				}
			}
		})
	}
}

// TestContentIsForWhatComesAfter checks the first rule wins at the end of a message too, and that the others keep their
// counts.
func TestContentAndOrder(t *testing.T) {
	t.Parallel()
	data := Match{Command: []string{"DATA"}}
	long := data
	long.Content = Content{LineOver: 10}
	reply := func(text string) Fault { return &ReplaceReply{Texts: Texts{"smtp": text}} }
	for name, tc := range map[string]struct {
		rules []Rule
		want  string
	}{
		"content first":   {[]Rule{{Match: long, Fault: reply("500 long")}, {Match: data, Fault: reply("554 all")}}, "500 long"},
		"content second":  {[]Rule{{Match: data, Fault: reply("554 all")}, {Match: long, Fault: reply("500 long")}}, "554 all"},
		"the first is up": {[]Rule{{Match: data, Times: 1, Skip: 1, Fault: reply("554 all")}, {Match: long, Fault: reply("500 long")}}, "500 long"},
	} {
		c := plan(tc.rules...).Conn(25, "smtp", localhost)
		c.Event.Command = "DATA"
		said := c.Command().Replace
		m := c.Contents(true)
		m.Add([]byte("a line that is long\r\n.\r\n"))
		c.Event.Content = m
		if later := c.Sent().Replace; later != "" {
			said = later
		}
		if said != tc.want {
			t.Errorf("%s: %q, want %q", name, said, tc.want)
		}
	}
}

func TestMatchOnDetails(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		match Match
		event Event
		want  bool
	}{
		"glob":                     {Match{Arguments: []string{"_"}}, Event{Arguments: "_"}, true},
		"another name":             {Match{Arguments: []string{"_"}}, Event{Arguments: "client_1"}, false},
		"no arguments":             {Match{Arguments: []string{""}}, Event{}, true},
		"part":                     {Match{Arguments: []string{"*envelope*"}}, Event{Arguments: "1:* (FLAGS ENVELOPE)"}, true},
		"pattern":                  {Match{Arguments: []string{`/^\d+\.\d+\.\d+\.\d+$/`}}, Event{Arguments: "1.2.3.4"}, true},
		"pattern that doesn't fit": {Match{Arguments: []string{`/^\d+$/`}}, Event{Arguments: "1.2.3.4"}, false},
		"alternatives":             {Match{Arguments: []string{"x", "/_/"}}, Event{Arguments: "my_host"}, true},
		"message":                  {Match{Message: []int{2}}, Event{Messages: "2"}, true},
		"message in a range":       {Match{Message: []int{2}}, Event{Messages: "1,5:3,2:*"}, true},
		"message in 3:1":           {Match{Message: []int{2}}, Event{Messages: "3:1"}, true},
		"another message":          {Match{Message: []int{2}}, Event{Messages: "1,3:9"}, false},
		"no set":                   {Match{Message: []int{2}}, Event{}, false},
		"nonsense":                 {Match{Message: []int{2}}, Event{Messages: "two:x,$"}, false},
		"UID":                      {Match{UID: []int{17}}, Event{UIDs: "1:100"}, true},
		"a number isn't a UID":     {Match{UID: []int{17}}, Event{Messages: "17"}, false},
		"server name":              {Match{ServerName: []string{"*.example.test"}}, Event{Hello: true, ServerName: "MAIL.example.test"}, true},
		"no server name":           {Match{ServerName: []string{""}}, Event{Hello: true}, true},
		"no TLS":                   {Match{ServerName: []string{""}}, Event{}, false},
	} {
		m := plan(Rule{Match: tc.match, Fault: &Hide{"X"}}).rules[0].Match
		if got := m.matches(&tc.event); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
