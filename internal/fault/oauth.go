package fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/protocol"
)

// OAuth advertises logins with a token. Without a challenge it accepts every token. With one it refuses them as RFC
// 7628 section 3.2 and Google do: the server sends the error as a challenge, the client acknowledges it, and the reply
// follows.
type OAuth struct {
	Mechanisms []string `yaml:"mechanisms" doc:"XOAUTH2, OAUTHBEARER; both by default" enum:"XOAUTH2,OAUTHBEARER"`
	Challenge  string   `yaml:"challenge" doc:"the error that the server sends before it refuses, usually JSON; without it the server accepts every token"`
	Texts      `smtp:"the SMTP reply after it; 535 5.7.8 … by default" imap:"the IMAP status after it; NO [AUTHENTICATIONFAILED] … when left out" pop3:"the POP3 status after it; -ERR [AUTH] … when left out"`
}

// Kind implements Fault.
func (*OAuth) Kind() Kind {
	return Kind{
		Name:    "oauth",
		Doc:     "The server offers logins with a token (XOAUTH2, OAUTHBEARER), and accepts or refuses them.",
		Example: `{challenge: '{"status":"400","schemes":"Bearer","scope":"https://mail.example.test/"}'}`,
		New:     func() Fault { return new(OAuth) },
	}
}

// UnmarshalText parses the word accept.
func (f *OAuth) UnmarshalText(b []byte) error {
	if string(b) != "accept" {
		return &ValueError{Value: string(b), Known: []string{"accept"}}
	}
	return nil
}

// ValidateFor fills in the defaults and checks the replies.
func (f *OAuth) ValidateFor(among Protocols) error {
	if len(f.Mechanisms) == 0 {
		f.Mechanisms = identity.Tokens()
	}
	if f.Challenge == "" {
		if len(f.Texts.Protocols()) > 0 {
			return errors.New("a reply comes only after a challenge; give the challenge too, or use login to refuse without one")
		}
		return nil
	}
	if len(f.Challenge) > 4096 {
		return errors.New("challenge: has more than 4096 bytes")
	}
	fillIn(&f.Texts, usual(protocol.WrongPassword, among))
	if strings.HasPrefix(f.For("imap"), "BYE") {
		return errors.New("imap: BYE would come before the challenge; give NO or BAD")
	}
	return checkRefusals(f.Texts, among)
}

// Mechanisms lists the ways to log in: mechanisms and commands.
func Mechanisms() []string {
	names := identity.LoginNames()
	for _, name := range failing() {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Offers implements OfferStage.
func (f *OAuth) Offers() []string { return f.Mechanisms }

// Login implements LoginStage.
func (f *OAuth) Login(_ *Event, a identity.Attempt) (no *identity.Refusal, decided bool) {
	if !slices.Contains(f.Mechanisms, a.Mechanism) {
		return nil, false
	}
	if f.Challenge == "" {
		return nil, true
	}
	no = refusalOf(f.Texts)
	no.Challenge = f.Challenge
	return no, true
}

// ActsIn implements Spoken: every protocol advertises the mechanisms.
func (f *OAuth) ActsIn(*protocol.Protocol) bool { return true }

// Explain says what happens to a login with a token.
func (f *OAuth) Explain() string {
	which := "the server offers " + strings.Join(f.Mechanisms, " and ")
	if f.Challenge == "" {
		return which + ", and accepts every token"
	}
	return fmt.Sprintf("%s, and answers a token with the challenge %s; when the client has acknowledged it, the server refuses the login", which, f.Challenge)
}

// CheckRule refuses conditions that nobody can know at a login, and counters that count nothing.
func (f *OAuth) CheckRule(r *Rule) error {
	if m := r.Match; len(m.Command)+len(m.Sender)+len(m.Recipient)+len(m.Mailbox) > 0 {
		return errors.New("oauth: acts at logins; leave out command, sender, recipient and mailbox")
	}
	if f.Challenge == "" {
		return r.uncounted()
	}
	return nil
}

// Mechanisms lists the mechanisms that a scenario allows besides the usual ones.
func (c *Conn) Mechanisms() (names []string) {
	eachOffer(c, func(s OfferStage, _ string) {
		for _, name := range s.Offers() {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	})
	return names
}
