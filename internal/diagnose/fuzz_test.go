package diagnose

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// FuzzFindings reads sessions of any content, with events in any order. Whatever a client or a scenario says, the
// result must come soon and without a panic.
//
// The script has one event on each line: a letter says which event, a digit says whether it is inside TLS and made by a
// scenario, and the text fills every field that holds text. A line that begins with N starts another session.
func FuzzFindings(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatal("no dialogues to begin with", err)
	}
	for _, path := range files {
		for _, p := range readGolden(f, path).parts {
			f.Add(script(readCase(f, p.dialogue).Sessions), uint8(1), true)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, door uint8, over bool) {
		if len(text) > 64<<10 {
			return
		}
		began := time.Now()
		list := unscript(text, door)
		c := NewCase(list, began)
		c.Over, c.Succeeded = over, &over
		found := c.Findings(true)
		if len(list) > 1 {
			c.WithControl(list[:1])
			found = append(found, c.Findings(true)...)
		}
		for _, s := range list {
			found = append(found, Product().Of(s, began)...)
		}
		for _, x := range found {
			if x.Title == "" || x.Sessions == nil || x.Injected == nil {
				t.Errorf("half a finding: %+v", x)
			}
		}
		if _, err := json.Marshal(found); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%v for %d bytes", took, len(text))
		}
	})
}

// fuzzed makes events from a text; the key is the letter.
var fuzzed = map[byte]func(p *protocol.Protocol, text string) event.What{
	'c': func(p *protocol.Protocol, text string) event.What {
		l := p.Replies.Command(text)
		return &event.Command{Line: text, Tag: l.Tag, Verb: l.Verb, Args: l.Args, Secret: strings.HasSuffix(text, event.Mask), Bytes: int64(len(text))}
	},
	'r': func(_ *protocol.Protocol, text string) event.What {
		return &event.Reply{Text: text, Bytes: int64(len(text))}
	},
	'b': func(_ *protocol.Protocol, text string) event.What {
		return &event.Body{From: event.Client, Head: text, Bytes: int64(len(text))}
	},
	'd': func(_ *protocol.Protocol, text string) event.What {
		return &event.Body{From: event.Server, Head: text, Bytes: int64(len(text))}
	},
	'a': func(_ *protocol.Protocol, text string) event.What { return &event.Answer{Form: event.AnswerForm(text)} },
	'f': func(_ *protocol.Protocol, text string) event.What { return &event.Finish{Line: text} },
	'o': func(_ *protocol.Protocol, text string) event.What {
		return &event.Overheard{Lines: []event.HeardLine{{Text: text, Verb: text, Secret: len(text)%2 == 0}}}
	},
	'n': func(_ *protocol.Protocol, text string) event.What { return &event.Noticed{Sign: event.Sign(text)} },
	's': func(*protocol.Protocol, string) event.What { return &event.Silenced{} },
	'x': func(_ *protocol.Protocol, text string) event.What { return &event.Cut{Moment: event.Moment(text)} },
	'w': func(_ *protocol.Protocol, text string) event.What {
		return &event.Delayed{Of: event.Delay(text), For: time.Duration(len(text))}
	},
	'h': func(_ *protocol.Protocol, text string) event.What { return &event.Waiting{For: event.Awaited(text)} },
	'p': func(_ *protocol.Protocol, text string) event.What { return &event.ClearOnTLS{Protocol: text} },
	'e': func(_ *protocol.Protocol, text string) event.What { return &event.BehindSTARTTLS{Bytes: len(text)} },
	'g': func(_ *protocol.Protocol, text string) event.What {
		return &event.Setting{Name: event.SettingName(text)}
	},
	'y': func(_ *protocol.Protocol, text string) event.What {
		return &event.Bouncing{Sender: text, After: time.Duration(len(text))}
	},
	'T': func(_ *protocol.Protocol, text string) event.What {
		outcomes := []event.HandshakeOutcome{event.Established, event.LeftByClient, event.RefusedByClient, event.NoVersion}
		return &event.Handshake{Outcome: outcomes[len(text)%4], Alert: len(text), AlertFrom: event.Client, Certificate: text, Bad: len(text)%3 == 0}
	},
	'L': func(_ *protocol.Protocol, text string) event.What {
		return &event.Login{User: text, OK: len(text)%2 == 0}
	},
	'M': func(_ *protocol.Protocol, text string) event.What {
		return &event.Stored{MessageID: text, Recipients: []string{text, "x"}}
	},
}

// letter returns the letter and the text from which fuzzed makes this event.
func letter(what event.What) (c byte, text string) {
	switch w := what.(type) {
	case *event.Command:
		return 'c', w.Line
	case *event.Reply:
		return 'r', w.Text
	case *event.Body:
		return map[event.Side]byte{event.Client: 'b', event.Server: 'd'}[w.From], w.Head
	case *event.Answer:
		return 'a', string(w.Form)
	case *event.Finish:
		return 'f', w.Line
	case *event.Overheard:
		return 'o', w.Lines[0].Text
	case *event.Noticed:
		return 'n', string(w.Sign)
	case *event.Silenced:
		return 's', ""
	case *event.Cut:
		return 'x', string(w.Moment)
	case *event.Delayed:
		return 'w', string(w.Of)
	case *event.Waiting:
		return 'h', string(w.For)
	case *event.ClearOnTLS:
		return 'p', w.Protocol
	case *event.BehindSTARTTLS:
		return 'e', "x"
	case *event.Setting:
		return 'g', string(w.Name)
	case *event.Bouncing:
		return 'y', w.Sender
	case *event.Handshake:
		return 'T', "xxxx"
	case *event.Login:
		return 'L', w.User
	case *event.Stored:
		return 'M', w.MessageID
	}
	return 0, ""
}

// script writes sessions in the form that unscript reads.
func script(list []*Facts) []byte {
	var b bytes.Buffer
	for i, f := range list {
		if i > 0 {
			b.WriteString("N\n")
		}
		for _, e := range f.Events {
			c, text := letter(e.What)
			if c == 0 {
				continue
			}
			flags := byte('0')
			if e.Secure {
				flags++
			}
			if e.By != "" {
				flags += 2
			}
			b.WriteByte(c)
			b.WriteByte(flags)
			b.WriteString(strings.ReplaceAll(text, "\n", "\x00"))
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

func unscript(text []byte, port uint8) (list []*event.Record) {
	doors := []int{25, 143, 110, 587, 993, 995, 465, 2525}
	var speaks *protocol.Protocol
	open := func() *event.Record {
		n := doors[(int(port)+len(list))%len(doors)]
		d, p := standardDoor(n)
		speaks = p
		r := &event.Record{ID: "1", Door: n, Service: d.Service, Protocol: p.Name, Security: string(d.Security), Client: "192.0.2.7:4000",
			Server: "192.0.2.1:1", Start: began.Add(time.Duration(len(list)) * time.Second)}
		list = append(list, r)
		return r
	}
	r, tag := open(), ""
	for line := range bytes.Lines(text) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if len(line) == 0 {
			continue
		}
		at := time.Duration(len(r.Events)) * time.Second
		if line[0] == 'N' {
			r.End, r.EndedBy = r.Start.Add(at), event.EndedByClient
			r, tag = open(), ""
			continue
		}
		make := fuzzed[line[0]]
		if make == nil || len(line) < 2 {
			continue
		}
		e := event.Event{At: at, Secure: line[1]&1 != 0, What: make(speaks, string(bytes.ReplaceAll(line[2:], []byte("\x00"), []byte("\n"))))}
		if line[1]&2 != 0 {
			e.By = "scenario"
			r.Injected = []string{e.By}
		}
		switch w := e.What.(type) {
		case *event.Command:
			tag = w.Tag
		case *event.Reply:
			w.Greeting = len(r.Events) == 0
			w.Verdict = speaks.Replies.Verdict(tag, w.Lines(), w.Greeting)
		case *event.Handshake:
			r.TLS = &event.TLS{Hello: true, Handshake: *w, ServerName: w.Certificate}
		case *event.Login:
			r.Logins = append(r.Logins, *w)
		case *event.Stored:
			r.Messages = append(r.Messages, *w)
		}
		r.Events = append(r.Events, e)
	}
	return list
}
