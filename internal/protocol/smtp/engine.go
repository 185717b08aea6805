package smtp

import (
	"bytes"
	"fmt"
	"strings"
)

// This file is the framing's other half: what the engine says.

// corrections replaces engine replies that differ from what the RFCs require.
var corrections = map[string]string{
	"454 4.7.0 Invalid base64 data\r\n":      "501 5.5.2 Cannot decode base64 data\r\n", // RFC 4954 section 4
	"502 5.5.4 Missing parameter\r\n":        "501 5.5.4 AUTH needs a mechanism, like: AUTH PLAIN\r\n",
	"235 2.0.0 Authentication succeeded\r\n": "235 2.7.0 Authentication succeeded\r\n", // RFC 4954 section 6
}

func (f *framing) Write(line []byte, complete bool) (int, error) {
	if !complete {
		return 0, nil
	}
	n := len(line)
	more := n > 3 && line[3] == '-'
	if f.verb == "EHLO" {
		return n, f.writeEHLO(line, more)
	}
	if n > 3 {
		switch code := string(line[:4]); {
		case code == "354 " && f.verb == "DATA":
			f.next = data
		case code == "334 " && f.verb == "AUTH":
			f.next = auth
			return n, f.p.Tell(line, f.p.RefusedBy(false))
		}
	}
	if !more && f.verb != "" {
		f.follow(line[0] == '2')
	}
	if f.hidden {
		f.hidden = more
		f.over()
		return n, nil
	}
	if f.await && !more {
		f.await = false
		defer f.over()
		if line[0] == '2' {
			f.p.MessageIn()
		}
		if f.p.CutReply() {
			return n, nil
		}
	}
	if f.p.Replaced() && line[0] != '3' {
		if more {
			return n, nil
		}
		return n, f.p.Replace()
	}
	long := f.long
	f.long = false
	if fixed, ok := corrections[string(line)]; ok {
		line = []byte(fixed)
	} else if long {
		line = []byte("500 5.5.6 Authentication exchange line is too long\r\n") // RFC 4954 section 6
	} else if hello, ok := bytes.CutPrefix(line, []byte("250 2.0.0 Hello ")); ok && f.verb == "HELO" {
		line = append([]byte("250 "+f.hello()), hello...)
	}
	return n, f.p.Tell(line, f.p.RefusedBy(!more))
}

// writeEHLO gathers the lines of a reply to EHLO, because the list can only be edited as a whole.
func (f *framing) writeEHLO(line []byte, more bool) error {
	f.ehlo = append(f.ehlo, bytes.Clone(line))
	if more {
		return nil
	}
	f.follow(line[0] == '2')
	lines, by := f.editEHLO(f.ehlo)
	f.ehlo = nil
	f.verb = ""
	if f.p.Replaced() {
		return f.p.Replace()
	}
	for _, l := range lines {
		if err := f.p.Tell(l, by); err != nil {
			return err
		}
	}
	return nil
}

// editEHLO adds STARTTLS, and removes what the scenario hides.
func (f *framing) editEHLO(in [][]byte) (out [][]byte, by string) {
	if !bytes.HasPrefix(in[0], []byte("250")) {
		return in, ""
	}
	texts := make([]string, 0, len(in)+4)
	list := make([]string, 0, len(in)+4)
	for i, l := range in {
		text := strings.TrimRight(string(l[4:]), "\r\n")
		if i == 0 {
			texts = append(texts, f.hello()+strings.TrimPrefix(text, "Hello "))
		} else {
			list = append(list, text)
		}
	}
	if f.p.Offers() {
		list = append(list, "STARTTLS")
	}
	for i, text := range list {
		if limit := f.p.MaxBytes(); text == "SIZE" && limit > 0 { // RFC 1870 section 4
			list[i] = fmt.Sprintf("SIZE %d", limit)
		}
	}
	list, by = f.p.Capabilities(list)
	texts = append(texts, list...)
	size := 0
	for _, text := range texts {
		size += len("250-") + len(text) + len("\r\n")
	}
	all := make([]byte, 0, size)
	out = make([][]byte, len(texts))
	for i, text := range texts {
		sep := "250-"
		if i == len(texts)-1 {
			sep = "250 "
		}
		begin := len(all)
		all = append(append(append(all, sep...), text...), "\r\n"...)
		out[i] = all[begin:len(all):len(all)]
	}
	return out, by
}

// greeting is the engine's. RFC 5321 section 4.2: the server's name comes first.
func greeting(domain string) []byte { return []byte("220 " + domain + " ESMTP Service Ready\r\n") }

// hello begins the reply to EHLO and HELO: with the server's domain, and without an enhanced code (RFC 5321 section
// 4.1.1.1, RFC 2034 section 3).
func (f *framing) hello() string { return f.p.Domain() + " Hello " }

func (f *framing) InBody() bool                                        { return false }
func (f *framing) GreetingEnds(line []byte) bool                       { return len(line) < 4 || line[3] != '-' }
func (f *framing) EditGreeting(line []byte) (edited []byte, by string) { return line, "" }
func (f *framing) LoggedIn()                                           {}
