package diagnose

import (
	"strings"

	"github.com/mailrig/mailrig/internal/event"
)

// Predicates about logins that prove the password without sending it.

// trustedProof finds a client that goes on although the server's nonce or signature is wrong (RFC 5802 section 5.1).
func trustedProof(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return f.Noticed(event.TrustedProof) })
}

// refusedProof finds a client that doesn't go on then.
func refusedProof(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.Noticed(event.SpoiltProof) && !f.Noticed(event.TrustedProof) && !f.End.IsZero()
	})
}

func metSpoiltProof(c *Case) bool {
	return c.any(func(f *Facts) bool { return f.Noticed(event.SpoiltProof) })
}

// downgraded finds a client that sends its password itself, because a scenario has taken away the mechanism by which it
// proved the password before. Without a scenario it may be another program of the same user.
func downgraded(c *Case) []Evidence {
	proved := map[string]string{} // mechanism, by protocol and user
	return c.eachWords(func(f *Facts) map[string]string {
		for _, l := range f.Logins {
			key := f.Protocol + " " + strings.ToLower(l.User)
			switch {
			case l.OK && provesPassword(l.Mechanism):
				proved[key] = l.Mechanism
			case proved[key] != "" && f.acted() && sendsPassword(l.Mechanism):
				return map[string]string{"before": proved[key], "mechanism": l.Mechanism}
			}
		}
		return nil
	})
}

func provesPassword(mechanism string) bool {
	return strings.HasPrefix(mechanism, "SCRAM-") || strings.HasSuffix(mechanism, "-MD5") || mechanism == "APOP"
}

func sendsPassword(mechanism string) bool {
	return mechanism == "PLAIN" || mechanism == "LOGIN" || mechanism == "USER"
}
