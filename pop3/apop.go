package pop3

import "strings"

// takesPassword reports whether USER and PASS may be used.
func (c *Conn) takesPassword() bool {
	s, chooses := c.session.(LoginSession)
	return !chooses || s.TakesPassword()
}

// stamp returns the challenge for APOP, or "" if the session doesn't offer it.
func (c *Conn) stamp() string {
	if s, ok := c.session.(LoginSession); ok {
		return s.Stamp()
	}
	return ""
}

// apop handles APOP (RFC 1939 section 7).
func (c *Conn) apop(arg string) error {
	if !c.mayLogin() {
		return errInsecure
	}
	// The digest has no spaces; a name may have some.
	at := strings.LastIndexByte(arg, ' ')
	if at < 1 || len(arg)-at-1 != 32 {
		return &Error{Text: "APOP takes a name and a digest of 32 hexadecimal digits"}
	}
	if err := c.session.(LoginSession).APOP(arg[:at], arg[at+1:]); err != nil {
		return err
	}
	return c.enter()
}
