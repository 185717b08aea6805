package fault

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/protocol"
)

// FailingMechanisms advertises mechanisms at which every login fails, as a relay does that lists what its library knows
// and only compares passwords. The exchange is a true one up to the client's proof.
type FailingMechanisms struct {
	Names []string `yaml:"names" doc:"CRAM-MD5, DIGEST-MD5, NTLM, GSSAPI" enum:"CRAM-MD5,DIGEST-MD5,NTLM,GSSAPI"`
	Texts `smtp:"the SMTP reply; 535 5.7.8 … by default" imap:"the IMAP status; NO [AUTHENTICATIONFAILED] … when left out" pop3:"the POP3 status; -ERR [AUTH] … when left out"`
}

// Kind implements Fault.
func (*FailingMechanisms) Kind() Kind {
	return Kind{
		Name:    "failing-mechanisms",
		Doc:     "The server also offers these mechanisms, and every login with them fails after its challenge.",
		Example: "{names: [CRAM-MD5, DIGEST-MD5]}",
		New:     func() Fault { return new(FailingMechanisms) },
	}
}

// ValidateFor fills in the usual replies and checks each.
func (f *FailingMechanisms) ValidateFor(among Protocols) error {
	if len(f.Names) == 0 {
		return fmt.Errorf("names: give at least one of %s", join(failing()))
	}
	fillIn(&f.Texts, usual(protocol.WrongPassword, among))
	return checkRefusals(f.Texts, among)
}

// failing lists the mechanisms that can fail so.
func failing() []string { return []string{"CRAM-MD5", "DIGEST-MD5", "NTLM", "GSSAPI"} }

// Fails implements FailStage.
func (f *FailingMechanisms) Fails() []string { return f.Names }

// Login implements LoginStage.
func (f *FailingMechanisms) Login(_ *Event, a identity.Attempt) (no *identity.Refusal, decided bool) {
	if !slices.Contains(f.Names, a.Mechanism) {
		return nil, false
	}
	return refusalOf(f.Texts), true
}

// ActsIn implements Spoken: every protocol advertises mechanisms.
func (f *FailingMechanisms) ActsIn(*protocol.Protocol) bool { return true }

// CheckRule refuses conditions that nobody can know at a login, and counters.
func (f *FailingMechanisms) CheckRule(r *Rule) error { return r.atLogin() }

// Explain says what the server offers.
func (f *FailingMechanisms) Explain() string {
	return "the server also offers " + join(f.Names) + ", and refuses every login with them after its challenge"
}

// FailingExchange is the server's side of a SASL exchange that fails. It has the method of a sasl.Server.
type FailingExchange struct {
	mechanism, domain string
	decide            func(identity.Attempt) error
	step              int
}

// Failing returns an exchange at which the login fails, or nil if no rule wants the mechanism to fail. decide is told of
// the attempt, and refuses it. domain is the server's.
func (c *Conn) Failing(mechanism, domain string, decide func(identity.Attempt) error) *FailingExchange {
	if names, _ := c.Fails(); !slices.Contains(names, mechanism) {
		return nil
	}
	return &FailingExchange{mechanism: mechanism, domain: domain, decide: decide}
}

// Fails lists the mechanisms that scenarios let fail, and returns one of the scenarios. Who will log in can't matter
// yet.
func (c *Conn) Fails() (names []string, by string) {
	if c == nil {
		return nil, ""
	}
	for _, r := range c.rules {
		s, ok := r.Fault.(FailStage)
		m := r.Match
		m.User, m.Mechanism = nil, nil
		if !ok || !m.matches(&c.Event) || !r.open(c) || !r.stands(c) {
			continue
		}
		for _, name := range s.Fails() {
			if !slices.Contains(names, name) {
				names, by = append(names, name), r.Scenario
			}
		}
	}
	return names, by
}

// Next takes the client's response and returns the next challenge, as a server with the mechanism would.
func (x *FailingExchange) Next(response []byte) (challenge []byte, done bool, err error) {
	x.step++
	switch x.mechanism {
	case "CRAM-MD5": // RFC 2195 section 2: the server begins
		if x.step == 1 {
			return x.first(response, fmt.Sprintf("<%d.%d@%s>", number(), time.Now().Unix(), x.domain))
		}
		user, _, ok := cutLast(string(response), " ")
		return x.fail(user, ok)
	case "DIGEST-MD5": // RFC 2831 section 2.1.1: the server begins
		if x.step == 1 {
			return x.first(response, fmt.Sprintf(`realm="%s",nonce="%s",qop="auth",charset=utf-8,algorithm=md5-sess`, x.domain, nonce()))
		}
		name := digestName.FindSubmatch(response)
		if name == nil {
			return x.fail("", false)
		}
		return x.fail(string(name[1]), true)
	case "NTLM": // MS-SMTPNTLM: the client begins with NEGOTIATE_MESSAGE, the server answers with CHALLENGE_MESSAGE
		switch {
		case x.step == 1 && len(response) == 0:
			x.step = 0
			return []byte{}, false, nil
		case x.step == 1 && isNTLM(response, 1):
			return x.ntlmChallenge(), false, nil
		}
		return x.fail(ntlmUser(response), isNTLM(response, 3))
	}
	if len(response) == 0 && x.step == 1 { // GSSAPI, RFC 4752 section 3.1: the client begins
		return []byte{}, false, nil
	}
	return x.fail("", len(response) > 0)
}

// first is the challenge of a mechanism in which the server begins. An initial response is against its rules (RFC 4422
// section 5).
func (x *FailingExchange) first(response []byte, challenge string) ([]byte, bool, error) {
	if len(response) > 0 {
		return nil, false, identity.ErrMalformed
	}
	return []byte(challenge), false, nil
}

func (x *FailingExchange) fail(user string, ok bool) ([]byte, bool, error) {
	if !ok {
		return nil, false, identity.ErrMalformed
	}
	err := x.decide(identity.Attempt{
		Mechanism: x.mechanism, User: user,
		Proof: func(context.Context, identity.Authority) (*identity.Refusal, error) {
			return &identity.Refusal{Reason: protocol.WrongPassword}, nil
		},
	})
	return nil, false, err
}

var digestName = regexp.MustCompile(`(?:^|,)\s*username="([^"]*)"`)

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i <= 0 {
		return "", "", false
	}
	return s[:i], s[i+len(sep):], true
}

func number() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails, says package crypto/rand
	return binary.LittleEndian.Uint32(b[:])
}

func nonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

const ntlmSignature = "NTLMSSP\x00"

// isNTLM reports whether b is an NTLM message of a type (MS-NLMP section 2.2.1).
func isNTLM(b []byte, kind uint32) bool {
	return len(b) >= 12 && bytes.HasPrefix(b, []byte(ntlmSignature)) && binary.LittleEndian.Uint32(b[8:]) == kind
}

// ntlmChallenge returns a CHALLENGE_MESSAGE (MS-NLMP section 2.2.1.2) with the server's domain as its target.
func (x *FailingExchange) ntlmChallenge() []byte {
	target := utf16le(strings.ToUpper(x.domain))
	m := make([]byte, 48, 48+len(target)+4)
	copy(m, ntlmSignature)
	le := binary.LittleEndian
	le.PutUint32(m[8:], 2)
	le.PutUint16(m[12:], uint16(len(target)))
	le.PutUint16(m[14:], uint16(len(target)))
	le.PutUint32(m[16:], 48)
	le.PutUint32(m[20:], 0x00898205) // Unicode, target is a domain, NTLM, extended security, target information
	_, _ = rand.Read(m[24:32])
	le.PutUint16(m[40:], 4) // of the target information: its end alone
	le.PutUint16(m[42:], 4)
	le.PutUint32(m[44:], uint32(48+len(target)))
	return append(append(m, target...), 0, 0, 0, 0)
}

func utf16le(s string) (b []byte) {
	for _, r := range s { // names of domains are ASCII
		b = append(b, byte(r), byte(r>>8))
	}
	return b
}

// ntlmUser returns the user's name of an AUTHENTICATE_MESSAGE (MS-NLMP section 2.2.1.3).
func ntlmUser(b []byte) string {
	if len(b) < 44 {
		return ""
	}
	n, at := int(binary.LittleEndian.Uint16(b[36:])), int(binary.LittleEndian.Uint32(b[40:]))
	if at < 0 || at > len(b) || n > len(b)-at {
		return ""
	}
	return strings.ReplaceAll(string(b[at:at+n]), "\x00", "")
}
