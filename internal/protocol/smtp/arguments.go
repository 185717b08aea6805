package smtp

import (
	"bytes"
	"strconv"
	"strings"
)

// This file checks the arguments of MAIL and RCPT (RFC 5321 sections 4.1.1.2, 4.1.1.3 and 4.1.1.11).

// mail checks the arguments of MAIL. It returns the line for the engine, or the reply that refuses it.
func (f *framing) mail(line, arg []byte) (pass []byte, refusal string) {
	p, ok := readPath(line, "FROM:", true)
	if !ok {
		return nil, badPath(arg, "FROM:", "501 5.1.7")
	}
	params := bytes.Fields(line[p.end:])
	binary, changed := false, false
	for i, param := range params {
		name, value, given := strings.Cut(string(param), "=")
		switch strings.ToUpper(name) {
		case "SIZE":
			if ok = isSize(value); !ok || len(value) < len("4294967295") {
				break
			}
			limit := uint64(max(0, f.p.MaxBytes()))
			n, over := cutSize(value, limit)
			if over && limit >= n {
				return nil, tooLarge
			}
			params[i], changed = strconv.AppendUint([]byte("SIZE="), n, 10), true
		case "BODY": // RFC 6152 section 2, RFC 3030 section 3
			value = strings.ToUpper(value)
			binary = value == "BINARYMIME"
			ok = binary || value == "7BIT" || value == "8BITMIME"
		case "SMTPUTF8": // RFC 6531 section 3.4
			ok = !given
		case "AUTH": // RFC 4954 section 5
			ok = isSubmitter(value)
		default:
			return nil, "555 5.5.4 MAIL has no parameter " + shown(name) + " here"
		}
		if !ok {
			return nil, "501 5.5.4 The value of " + shown(name) + " is wrong"
		}
	}
	f.asksBinary = binary
	return f.rewritten(line, p, params, changed), ""
}

// rcpt checks the arguments of RCPT, as mail does.
func (f *framing) rcpt(line, arg []byte) (pass []byte, refusal string) {
	p, ok := readPath(line, "TO:", false)
	if !ok {
		return nil, badPath(arg, "TO:", "501 5.1.3")
	}
	if params := bytes.Fields(line[p.end:]); len(params) > 0 {
		name, _, _ := strings.Cut(string(params[0]), "=")
		return nil, "555 5.5.4 RCPT has no parameter " + shown(name) + " here"
	}
	return f.rewritten(line, p, nil, false), ""
}

// badPath returns the reply to arguments without an address, or with one that is wrong. code is for the latter (RFC
// 3463 section 3.2).
func badPath(arg []byte, keyword, code string) string {
	if len(arg) < len(keyword) || !strings.EqualFold(string(arg[:len(keyword)]), keyword) {
		return "501 5.5.2 The argument must be like " + keyword + "<alice@example.test>"
	}
	return code + " The address is wrong; the argument must be like " + keyword + "<alice@example.test>"
}

// shown returns a parameter's name as a reply may have it.
func shown(name string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f {
			return '?'
		}
		return r
	}, name[:min(len(name), 64)])
}

// rewritten returns the line as the engine can take it: every address with a domain, because a server must accept
// <Postmaster> (RFC 5321 section 4.1.1.3) and should accept <root>; and a quoted local part quoted once more. The engine
// takes the quotes away, and would give the adapter an address that means something else.
func (f *framing) rewritten(line []byte, p path, params [][]byte, changed bool) []byte {
	quoted := strings.HasPrefix(p.local, `"`)
	bare := p.domain == "" && p.local != ""
	if !quoted && !bare && !changed {
		return line
	}
	address := p.local
	if quoted {
		address = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(p.local) + `"`
	}
	switch {
	case bare:
		address += f.p.Qualify("")
	case p.local != "":
		address += "@" + p.domain
	}
	out := append(append(bytes.Clone(line[:p.begin]), '<'), address...)
	out = append(out, '>')
	for _, param := range params {
		out = append(append(out, ' '), param...)
	}
	return append(out, "\r\n"...)
}

// isSize reports whether this is a size: 1 to 20 digits (RFC 1870 section 3).
func isSize(s string) bool {
	return s != "" && len(s) <= 20 && strings.Trim(s, "0123456789") == ""
}

// cutSize returns a size of which the engine can take the number, which is one of 32 bits. over says that it is over the
// limit.
func cutSize(digits string, limit uint64) (n uint64, over bool) {
	n, err := strconv.ParseUint(digits, 10, 64)
	over = err != nil || limit > 0 && n > limit
	return min(n, 1<<32-1), over
}

// isSubmitter reports whether this is a value of AUTH: <> or a mailbox, as xtext (RFC 3461 section 4).
func isSubmitter(value string) bool {
	var b []byte
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == '+':
			if i+2 >= len(value) || strings.ToUpper(value[i:i+3]) != value[i:i+3] {
				return false
			}
			n, err := strconv.ParseUint(value[i+1:i+3], 16, 7)
			if err != nil {
				return false
			}
			c, i = byte(n), i+2
		case c <= ' ' || c >= 0x7f || c == '=':
			return false
		}
		b = append(b, c)
	}
	if string(b) == "<>" {
		return true
	}
	s := &scanner{line: b, end: len(b)}
	_, ok := s.local()
	if ok = ok && s.take('@'); ok {
		_, ok = s.domain()
	}
	return ok && s.at == s.end
}
