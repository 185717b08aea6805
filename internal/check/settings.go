package check

import (
	"slices"
	"strconv"

	"github.com/mailrig/mailrig/internal/door"
)

// choose finds the settings to type into a client. It chooses a door whose certificate doesn't verify only if there is
// no better one.
func (c *checker) choose(r *Report) {
	r.Settings = []Setting{}
	for _, p := range protocols() {
		if c.wish(p) == Off || !slices.ContainsFunc(c.Doors, func(t Target) bool { return t.Protocol == p }) {
			continue
		}
		var good, bad []*Door
		for _, port := range preferred(p) {
			switch d := r.door(port); {
			case d == nil || !d.Usable:
			case c.wish(p) == Plain || d.TLS.Verified:
				good = append(good, d)
			default:
				bad = append(bad, d)
			}
		}
		if len(good) == 0 && len(bad) == 0 {
			continue
		}
		for i, d := range append(good, bad...) {
			// Port 25 is for servers: it is the last resort, and never an alternative.
			if i > 0 && (d.Port == 25 || i >= len(good)) {
				break
			}
			r.Settings = append(r.Settings, c.setting(r, d, i > 0))
		}
	}
}

func (c *checker) setting(r *Report, d *Door, alternative bool) Setting {
	_, at := c.hostPort(c.target(d))
	port, _ := strconv.Atoi(at)
	s := Setting{Protocol: d.Protocol, Server: clean(c.Host), Port: port, Door: d.Port, User: clean(c.User), Alternative: alternative}
	caps := d.InTLS
	switch {
	case c.wish(d.Protocol) == Plain:
		s.Encryption, caps = "None", d.BeforeTLS
	case d.implicit:
		s.Encryption = "SSL/TLS"
	default:
		s.Encryption = "STARTTLS"
	}
	s.Authentication = authentication(d.Protocol, caps)
	if r.refusesPasswords(d.Protocol, caps) {
		s.Authentication = authentication(d.Protocol, caps.withoutPasswords())
	}
	if d.Login != nil && d.Login.State == LoginOAuth {
		s.Authentication = "OAuth2"
	}
	return s
}

// refusesPasswords reports whether a login has shown that the server takes no password as it is, although a list says so.
func (r *Report) refusesPasswords(p door.Protocol, caps *Capabilities) bool {
	return slices.ContainsFunc(r.Doors, func(d *Door) bool {
		return d.Protocol == p && d.Login != nil && d.Login.State == LoginNoMechanism && d.Login.Mechanism != "" && slices.Contains(caps.Mechanisms, d.Login.Mechanism)
	})
}

// withoutPasswords returns the capabilities without the mechanisms that send the password as it is.
func (c *Capabilities) withoutPasswords() *Capabilities {
	rest := *c
	rest.userPass = false
	rest.Mechanisms = slices.DeleteFunc(slices.Clone(c.Mechanisms), func(m string) bool { return slices.Contains([]string{"PLAIN", "LOGIN", "USER"}, m) })
	return &rest
}

// authentication returns the name that settings screens use for the best of the mechanisms.
func authentication(p door.Protocol, caps *Capabilities) string {
	switch {
	case speak(p).usable(caps) != "":
		return "Normal password"
	case firstOf(caps.Mechanisms, "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "CRAM-MD5", "DIGEST-MD5") != "":
		return "Encrypted password"
	case firstOf(caps.Mechanisms, "XOAUTH2", "OAUTHBEARER") != "":
		return "OAuth2"
	case firstOf(caps.Mechanisms, "GSSAPI", "GSS-SPNEGO") != "":
		return "Kerberos / GSSAPI"
	case firstOf(caps.Mechanisms, "NTLM") != "":
		return "NTLM"
	case firstOf(caps.Mechanisms, "EXTERNAL") != "":
		return "TLS certificate"
	default:
		return "none that is known"
	}
}

// door returns the door with this standard port number, or nil if it wasn't examined.
func (r *Report) door(port int) *Door {
	for _, d := range r.Doors {
		if d.Port == port {
			return d
		}
	}
	return nil
}

// first returns the first setting for a protocol, or nil.
func (r *Report) first(p door.Protocol) *Setting {
	for i := range r.Settings {
		if r.Settings[i].Protocol == p {
			return &r.Settings[i]
		}
	}
	return nil
}
