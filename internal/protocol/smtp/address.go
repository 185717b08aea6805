package smtp

import (
	"bytes"
	"strings"
)

// This file reads addresses (RFC 5321 section 4.1.2). It takes what real servers take too: a space behind the colon, and
// an address without brackets. No control character may stand in an address, so neither NUL nor CR.

// path is an address with what may be around it.
type path struct {
	local  string // as the client wrote it, with its quotes; "" for <>
	domain string // "" if there is none
	begin  int    // where the path begins and ends in the line, with its brackets
	end    int
}

// address returns the address as the client wrote it, without a source route, which servers must ignore (RFC 5321
// appendix C).
func (p path) address() string {
	if p.domain == "" {
		return p.local
	}
	return p.local + "@" + p.domain
}

// readPath reads the path behind a keyword, FROM: or TO:, in a command line. null says that <> is allowed.
func readPath(line []byte, keyword string, null bool) (p path, ok bool) {
	at := bytes.IndexByte(line, ' ')
	if at < 0 {
		return p, false
	}
	rest := bytes.TrimLeft(line[at:], " ")
	if len(rest) < len(keyword) || !strings.EqualFold(string(rest[:len(keyword)]), keyword) {
		return p, false
	}
	s := &scanner{line: line, at: len(line) - len(rest) + len(keyword), end: len(bytes.TrimRight(line, "\r\n"))}
	s.skip(" \t")
	p.begin = s.at
	bracket := s.take('<')
	if bracket && null && s.take('>') {
		p.end = s.at
		return p, s.separated()
	}
	if s.take('@') { // RFC 5321 section 4.1.2: A-d-l
		if s.until(":"); !s.take(':') {
			return p, false
		}
	}
	if p.local, ok = s.local(); !ok {
		return p, false
	}
	if s.take('@') {
		if p.domain, ok = s.domain(); !ok {
			return p, false
		}
	}
	if bracket && !s.take('>') {
		return p, false
	}
	p.end = s.at
	return p, s.separated()
}

// scanner reads a part of a line.
type scanner struct {
	line    []byte
	at, end int
}

func (s *scanner) take(c byte) bool {
	if s.at < s.end && s.line[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) skip(set string) {
	for s.at < s.end && strings.IndexByte(set, s.line[s.at]) >= 0 {
		s.at++
	}
}

// separated reports whether the line ends here, or goes on behind a space.
func (s *scanner) separated() bool {
	return s.at >= s.end || s.line[s.at] == ' ' || s.line[s.at] == '\t'
}

// local reads a local part: a dot-string or a quoted string. It isn't empty.
func (s *scanner) local() (string, bool) {
	begin := s.at
	if !s.take('"') {
		s.until("()<>@[]:;\\,\" \t")
		return string(s.line[begin:s.at]), s.at > begin
	}
	for s.at < s.end && !isControl(s.line[s.at]) {
		switch c := s.line[s.at]; {
		case c == '"':
			s.at++
			return string(s.line[begin:s.at]), s.at > begin+2
		case c == '\\':
			if s.at++; s.at >= s.end || isControl(s.line[s.at]) {
				return "", false
			}
		}
		s.at++
	}
	return "", false
}

// domain reads a domain or an address literal. It isn't empty.
func (s *scanner) domain() (string, bool) {
	begin := s.at
	if s.take('[') {
		s.until("<>()@[]\\\" \t")
		return string(s.line[begin:min(s.at+1, s.end)]), s.at > begin+1 && s.take(']')
	}
	s.until("()<>@[]:;\\,\" \t")
	return string(s.line[begin:s.at]), s.at > begin
}

// until goes on to one of the stops, a control character, or the end.
func (s *scanner) until(stops string) {
	for s.at < s.end && !isControl(s.line[s.at]) && strings.IndexByte(stops, s.line[s.at]) < 0 {
		s.at++
	}
}

func isControl(c byte) bool { return c < ' ' || c == 0x7f }
