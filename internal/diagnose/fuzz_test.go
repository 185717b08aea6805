package diagnose

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/transcript"
)

var fuzzEvents = []transcript.Event{"", transcript.SpokeEarly, transcript.Pipelined, transcript.BehindSTARTTLS, transcript.TookInjected, transcript.BareLF,
	transcript.UnstuffedDot, transcript.Delayed, transcript.Silent, transcript.Cut, transcript.ClearOnTLSPort, transcript.TLSOnClearPort,
	transcript.NoHello, transcript.Knocked, transcript.Acknowledged, transcript.NotAcknowledged}

// FuzzFindings reads sessions of any content, in any order of units: whatever a client or
// a scenario says, there is a finding or none, soon, and no panic.
//
// The script is one unit a line; its first byte says who speaks, what, and whether inside
// TLS. A line that begins with N starts another session.
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
			found = append(found, Of(s, began)...)
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

var fuzzFroms = []transcript.Direction{transcript.FromClient, transcript.FromServer, transcript.FromRig}
var fuzzKinds = []transcript.Kind{transcript.Command, transcript.Reply, transcript.Data, transcript.Auth}

// script writes sessions down as unscript reads them.
func script(list []*Facts) []byte {
	var b bytes.Buffer
	for i, f := range list {
		if i > 0 {
			b.WriteString("N\n")
		}
		for _, u := range f.Units {
			if u.From == transcript.FromRig {
				b.WriteByte('a' + byte(slices.Index(fuzzEvents, u.Event)))
				b.WriteByte(' ')
			} else {
				code := byte(slices.Index(fuzzFroms, u.From)) | byte(max(0, slices.Index(fuzzKinds, u.Kind)))<<1
				if u.Secure {
					code |= 8
				}
				if u.Injected != "" {
					code |= 16
				}
				b.WriteByte('0' + code)
			}
			b.Write(bytes.ReplaceAll([]byte(u.Text), []byte("\n"), []byte("\x00")))
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

func unscript(text []byte, door uint8) (list []*transcript.Session) {
	doors := []int{25, 143, 110, 587, 993, 995, 465, 2525}
	open := func() *transcript.Session {
		d := doors[(int(door)+len(list))%len(doors)]
		facts := doorFacts[d]
		s := &transcript.Session{ID: "1", Door: d, Service: facts[0], Protocol: facts[1], Security: facts[2], Client: "192.0.2.7:4000",
			Server: "192.0.2.1:1", Start: began.Add(time.Duration(len(list)) * time.Second)}
		list = append(list, s)
		return s
	}
	s := open()
	for line := range bytes.Lines(text) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if len(line) == 0 {
			continue
		}
		first, rest := line[0], string(bytes.ReplaceAll(line[1:], []byte("\x00"), []byte("\n")))
		at := time.Duration(len(s.Units)) * time.Second
		switch {
		case first == 'N':
			s.End, s.EndedBy = s.Start.Add(at), transcript.EndedByClient
			s = open()
		case first == 'T':
			s.TLS = &transcript.TLS{Hello: true, Established: len(rest)%2 == 0, Alert: len(rest), ServerName: rest, Certificate: rest}
		case first == 'L':
			s.Logins = append(s.Logins, transcript.Login{User: rest, OK: len(rest)%2 == 0, At: at})
		case first == 'M':
			s.Messages = append(s.Messages, transcript.Stored{MessageID: rest, Recipients: []string{rest, "x"}})
		case first >= 'a' && int(first-'a') < len(fuzzEvents):
			s.Units = append(s.Units, transcript.Unit{At: at, From: transcript.FromRig, Kind: transcript.Note, Text: rest, Event: fuzzEvents[first-'a']})
		default:
			code := first - '0'
			u := transcript.Unit{At: at, From: fuzzFroms[code&1], Kind: fuzzKinds[code>>1&3], Text: rest, Bytes: int64(len(rest)), Secure: code&8 != 0}
			if code&16 != 0 {
				u.Injected = "scenario"
				s.Injected = []string{"scenario"}
			}
			s.Units = append(s.Units, u)
		}
	}
	return list
}
