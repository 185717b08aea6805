package fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/identity"
)

// OAuth offers logins with a token, and accepts every token; or, with a challenge, refuses
// them as RFC 7628 section 3.2 and Google have it: the error comes as a challenge, the client
// acknowledges it, and then comes the reply.
type OAuth struct {
	Mechanisms []string `yaml:"mechanisms" doc:"XOAUTH2, OAUTHBEARER; both when left out" enum:"XOAUTH2,OAUTHBEARER"`
	Challenge  string   `yaml:"challenge" doc:"the error that is sent before a refusal, usually JSON; without it every token is accepted"`
	SMTP       string   `yaml:"smtp" doc:"the SMTP reply behind it; 535 5.7.8 … when left out"`
	IMAP       string   `yaml:"imap" doc:"the IMAP status behind it; NO [AUTHENTICATIONFAILED] … when left out"`
	POP3       string   `yaml:"pop3" doc:"the POP3 status behind it; -ERR [AUTH] … when left out"`
}

// UnmarshalText takes the word accept.
func (f *OAuth) UnmarshalText(b []byte) error {
	if string(b) != "accept" {
		return &ValueError{string(b), []string{"accept"}}
	}
	return nil
}

// Validate fills in what is usual and checks the replies.
func (f *OAuth) Validate() error {
	if len(f.Mechanisms) == 0 {
		f.Mechanisms = identity.OnRequest()
	}
	if f.Challenge == "" {
		if f.SMTP+f.IMAP+f.POP3 != "" {
			return errors.New("a reply comes only behind a challenge; give the challenge, too, or use login to refuse without one")
		}
		return nil
	}
	if len(f.Challenge) > 4096 {
		return errors.New("challenge: has more than 4096 bytes")
	}
	d := identity.WrongPassword
	for _, r := range []struct {
		p *string
		d string
	}{{&f.SMTP, d.SMTP}, {&f.IMAP, d.IMAP}, {&f.POP3, d.POP3}} {
		if *r.p == "" {
			*r.p = r.d
		}
	}
	if strings.HasPrefix(f.IMAP, "BYE") {
		return errors.New("imap: BYE would come before the challenge; give NO or BAD")
	}
	return (&Login{f.SMTP, f.IMAP, f.POP3}).Validate()
}

// Mechanisms lists by what a login may come: its mechanism, or the command.
func Mechanisms() []string { return identity.LoginNames() }

func (f *OAuth) mechanisms() []string { return f.Mechanisms }

func (f *OAuth) login(_ *Conn, a identity.Attempt) *identity.Refusal {
	if f.Challenge == "" || !slices.Contains(f.Mechanisms, a.Mechanism) {
		return nil
	}
	return &identity.Refusal{SMTP: f.SMTP, IMAP: f.IMAP, POP3: f.POP3, Challenge: f.Challenge}
}

// Explain says what becomes of a login with a token.
func (f *OAuth) Explain() string {
	which := strings.Join(f.Mechanisms, " and ")
	if f.Challenge == "" {
		return which + " are offered, and every token is accepted"
	}
	return fmt.Sprintf("%s are offered, and a token is answered with the challenge %s; when the client has acknowledged it, the login is refused", which, f.Challenge)
}

// CheckRule refuses conditions that can't be known at a login, and counters that count nothing.
func (f *OAuth) CheckRule(r *Rule) error {
	if m := r.Match; len(m.Command)+len(m.Sender)+len(m.Recipient)+len(m.Mailbox) > 0 {
		return errors.New("oauth: acts at logins; command, sender, recipient and mailbox can't be matched")
	}
	if f.Challenge == "" {
		return checkUncounted("oauth", r)
	}
	return nil
}
