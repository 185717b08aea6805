package robot

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
)

// login tries the advertised mechanisms one after the other, until one is refused because of the password.
func (c *smtp) login() error {
	listed := strings.Fields(c.caps["AUTH"])
	if m := c.r.tokenMechanism(listed); m != "" {
		return c.loginByToken(m)
	}
	if c.r.hasProved("smtp") && !slices.Contains(listed, "SCRAM-SHA-256") {
		c.r.refuseLogin("smtp")
		return fail(never, "the server offered SCRAM before, and now only %q", listed)
	}
	var last error = fail(unfit, "no mechanism in common: %q", listed)
	for _, m := range []string{"SCRAM-SHA-256", "PLAIN", "LOGIN", "CRAM-MD5"} {
		if !slices.Contains(listed, m) || m == "CRAM-MD5" && (slices.Contains(listed, "PLAIN") || slices.Contains(listed, "LOGIN")) {
			continue
		}
		p, err := c.auth(m)
		if err != nil {
			return err
		}
		if p.code == 235 {
			c.r.prove("smtp", m)
			return nil
		}
		t := c.refused("AUTH", p)
		if t.fate == never {
			switch p.code {
			case 501, 503:
				t.fate = unfit
			case 504, 534, 538:
				last = t // another mechanism may work
				continue
			default:
				c.r.refuseLogin("smtp")
			}
			return t
		}
		if p.code == 432 {
			last = t
			continue
		}
		t.in = true
		return t
	}
	if fateOf(last) == never {
		c.r.refuseLogin("smtp")
	}
	return last
}

func (c *smtp) loginByToken(mechanism string) error {
	var p *smtpReply
	var err error
	none := c.r.eachToken(func(token string) bool {
		if p, err = c.do("AUTH " + mechanism + " " + bearer(mechanism, c.r.target.User, token)); err == nil && p.code == 334 {
			p, err = c.do(acknowledgement(mechanism))
		}
		return err != nil || p.code == 235
	})
	if none != nil {
		c.r.refuseLogin("smtp")
		return none
	}
	if err != nil || p.code == 235 {
		return err
	}
	c.r.refuseLogin("smtp")
	return c.refused("AUTH", p)
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func (c *smtp) auth(mechanism string) (*smtpReply, error) {
	user, password := c.r.target.User, c.r.target.Password
	switch mechanism {
	case "SCRAM-SHA-256":
		return c.scram(user, password)
	case "PLAIN":
		return c.do("AUTH PLAIN " + b64("\x00"+user+"\x00"+password))
	case "LOGIN":
		p, err := c.do("AUTH LOGIN")
		if err == nil && p.code == 334 {
			p, err = c.do(b64(user))
		}
		if err == nil && p.code == 334 {
			p, err = c.do(b64(password))
		}
		return p, err
	}
	p, err := c.do("AUTH CRAM-MD5")
	if err != nil || p.code != 334 {
		return p, err
	}
	challenge, bad := base64.StdEncoding.DecodeString(strings.TrimPrefix(p.lines[0], "334 "))
	if bad != nil {
		return c.do("*") // RFC 4954 section 4
	}
	mac := hmac.New(md5.New, []byte(password))
	mac.Write(challenge)
	return c.do(b64(user + " " + hex.EncodeToString(mac.Sum(nil))))
}

// scram logs in by SCRAM-SHA-256, and cancels if the server can't prove that it knows the password (RFC 5802 section 5.1).
func (c *smtp) scram(user, password string) (*smtpReply, error) {
	p, err := c.do("AUTH SCRAM-SHA-256 " + scramFirst(user))
	if err != nil || p.code != 334 {
		return p, err
	}
	final, proof, right, bad := scramFinal(user, password, strings.TrimPrefix(p.lines[0], "334 "))
	if bad != nil || !right {
		return c.do("*")
	}
	p, err = c.do(final)
	switch {
	case err != nil || p.code != 334:
		return p, err
	case strings.TrimPrefix(p.lines[0], "334 ") != proof:
		return c.do("*")
	}
	return c.do("")
}
