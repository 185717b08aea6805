package pop3

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"strings"

	"github.com/emersion/go-sasl"
)

// mayLogin reports whether credentials may be sent on this connection.
func (c *Conn) mayLogin() bool {
	_, secure := c.conn.(*tls.Conn)
	return secure || c.server.AllowInsecureAuth
}

// errInsecure has the code that RFC 3206 section 4 gives to problems with credentials. Dovecot answers the same way.
var errInsecure = &Error{Code: "AUTH", Text: "Login isn't permitted without TLS"}

// capa is the same in both states (RFC 2449 section 5), except for what TLS changes.
func (c *Conn) capa(arg string) error {
	if err := noArg(arg); err != nil {
		return err
	}
	caps := []string{"TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING"}
	if c.mayLogin() {
		if c.takesPassword() {
			caps = append(caps, "USER")
		}
		if s, ok := c.session.(AuthSession); ok {
			if mechs := s.AuthMechanisms(); len(mechs) > 0 {
				caps = append(caps, "SASL "+strings.Join(mechs, " "))
			}
		}
	}
	if _, secure := c.conn.(*tls.Conn); !secure && c.server.TLSConfig != nil {
		caps = append(caps, "STLS")
	}
	c.ok("Capability list follows")
	c.lines(func(w io.Writer) {
		for _, name := range caps {
			io.WriteString(w, name+"\r\n")
		}
	})
	return nil
}

func (c *Conn) userCommand(arg string) error {
	if !c.mayLogin() {
		return errInsecure
	}
	if !c.takesPassword() {
		return &Error{Text: "USER is switched off; log in by AUTH"}
	}
	if arg == "" {
		return &Error{Text: "USER takes a name"}
	}
	if strings.ContainsAny(arg, " \t") { // RFC 1939 section 3: a space ends an argument. Perhaps it is the password.
		return &Error{Text: "USER takes one name, without spaces"}
	}
	// Otherwise accepted: before PASS, the server doesn't reveal whether a name exists.
	c.user, c.gotUser = arg, true
	c.ok("Send PASS")
	return nil
}

// passCommand takes the rest of the line as it is: "the server may treat spaces in the argument as part of the
// password" (RFC 1939 section 7).
func (c *Conn) passCommand(password string) error {
	user, ok := c.user, c.gotUser
	c.user, c.gotUser = "", false
	if !ok {
		return &Error{Text: "PASS must follow USER"}
	}
	if err := c.session.Login(user, password); err != nil {
		return err
	}
	return c.enter()
}

// auth handles AUTH (RFC 5034 section 4).
func (c *Conn) auth(arg string) error {
	s, ok := c.session.(AuthSession)
	if !ok {
		return &Error{Text: "Unknown command"}
	}
	if !c.mayLogin() {
		return errInsecure
	}
	mech, initial, hasInitial := strings.Cut(arg, " ")
	if mech == "" {
		return &Error{Text: "AUTH takes a mechanism"}
	}
	server, err := s.Auth(strings.ToUpper(mech))
	if err != nil {
		return saslError(err, "Unsupported authentication mechanism")
	}
	var response []byte // nil: no initial response
	if hasInitial {
		if initial == "=" { // an empty one
			initial = ""
		}
		if response, err = decode(initial); err != nil {
			return err
		}
	}
	if err := c.exchange(server, response); err != nil {
		return err
	}
	return c.enter()
}

// exchange goes through challenges and responses to the end.
func (c *Conn) exchange(server sasl.Server, response []byte) error {
	for {
		challenge, done, err := server.Next(response)
		if err != nil {
			return saslError(err, "Authentication failed")
		}
		if done && len(challenge) == 0 {
			return nil
		}
		c.bw.WriteString("+ " + base64.StdEncoding.EncodeToString(challenge) + "\r\n")
		line, err := c.readLine()
		if err != nil {
			return err
		}
		if done {
			// +OK carries no data, so the last data went as a challenge, and the answer to that must be empty (RFC 4422
			// section 5, item 2c). A client that takes back a login here has to connect again.
			if line != "" {
				c.fail(&Error{Text: "An empty response is needed here"})
				return errEnd
			}
			return nil
		}
		if line == "*" {
			return &Error{Text: "Authentication cancelled"}
		}
		if response, err = decode(line); err != nil {
			return err
		}
	}
}

// decode never returns nil without an error.
func decode(s string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, &Error{Text: "Invalid base64"}
	}
	if b == nil {
		b = []byte{}
	}
	return b, nil
}

// saslError keeps the words of an *Error. Any other error is the mechanism's complaint about what the client sent, not
// a failure of the server.
func saslError(err error, text string) error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Text: text}
}

// stls handles STLS (RFC 2595 section 4).
func (c *Conn) stls(arg string) error {
	if err := noArg(arg); err != nil {
		return err
	}
	if _, secure := c.conn.(*tls.Conn); secure {
		return &Error{Text: "TLS is active already"}
	}
	c.ok("Begin TLS negotiation")
	if err := c.bw.Flush(); err != nil {
		return errEnd
	}
	// What came along in clear must not count as said inside TLS.
	c.br.Reset((*wire)(c))
	c.conn = tls.Server(c.raw, c.server.TLSConfig)
	if err := c.handshake(); err != nil {
		c.log("TLS handshake failed", err)
		return errEnd
	}
	c.logout()
	if !c.newSession() {
		return errEnd
	}
	return nil
}
