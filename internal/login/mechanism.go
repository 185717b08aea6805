package login

import (
	"errors"
	"slices"

	"github.com/emersion/go-sasl"
)

// ErrMechanism is returned by Server for a mechanism that isn't in the table.
var ErrMechanism = errors.New("SASL mechanism not supported")

// mechanisms lists what a server offers, best first.
var mechanisms = []struct {
	name string
	make func(decide func(Attempt) error) sasl.Server
}{
	{"PLAIN", newPlain},
	{"LOGIN", newLogin},
}

// Mechanisms lists the SASL names offered, best first, then those of OAuth that are
// offered more.
func Mechanisms(more ...string) []string {
	out := make([]string, len(mechanisms), len(mechanisms)+len(more))
	for i, m := range mechanisms {
		out[i] = m.name
	}
	return append(out, more...)
}

// Server starts an exchange. decide is asked once, when the client has said
// everything; its error comes back from Next unchanged. An unknown mechanism is
// ErrMechanism. Malformed responses end the exchange with ErrMalformed. more are those of
// OAuth that are offered too.
func Server(mechanism string, decide func(Attempt) error, more ...string) (sasl.Server, error) {
	for _, m := range mechanisms {
		if m.name == mechanism {
			return m.make(decide), nil
		}
	}
	if IsOAuth(mechanism) && slices.Contains(more, mechanism) {
		return newOAuth(mechanism, decide), nil
	}
	return nil, ErrMechanism
}

// ErrMalformed is returned by an exchange's Next when the client's response
// isn't what the mechanism asks for.
var ErrMalformed = errors.New("malformed SASL response")

// newPlain is PLAIN (RFC 4616). An authorization identity other than the user's
// own is refused like a wrong password: no account here may act for another.
func newPlain(decide func(Attempt) error) sasl.Server {
	return &plain{decide: decide}
}

type plain struct {
	decide func(Attempt) error
	asked  bool
}

func (p *plain) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil && !p.asked {
		p.asked = true
		return []byte{}, false, nil
	}
	id, rest, ok := cutNUL(response)
	if !ok {
		return nil, false, ErrMalformed
	}
	user, password, ok := cutNUL(rest)
	if !ok || user == "" {
		return nil, false, ErrMalformed
	}
	a := Attempt{Mechanism: "PLAIN", User: user, Password: string(password)}
	if id != "" && id != user {
		a.Password = "" // never right
	}
	if err := p.decide(a); err != nil {
		return nil, false, err
	}
	return nil, true, nil
}

func cutNUL(b []byte) (string, []byte, bool) {
	for i, c := range b {
		if c == 0 {
			return string(b[:i]), b[i+1:], true
		}
	}
	return "", b, false
}

// newLogin is LOGIN: never standardised (draft-murchison-sasl-login-00), still
// what many clients use. The challenges are the ones every server sends.
func newLogin(decide func(Attempt) error) sasl.Server {
	return &loginExchange{decide: decide}
}

type loginExchange struct {
	decide func(Attempt) error
	step   int
	user   string
}

func (l *loginExchange) Next(response []byte) (challenge []byte, done bool, err error) {
	l.step++
	switch {
	case l.step == 1 && response == nil:
		return []byte("Username:"), false, nil
	case l.step == 1:
		l.step++ // the user name came as the initial response
		fallthrough
	case l.step == 2:
		if len(response) == 0 {
			return nil, false, ErrMalformed
		}
		l.user = string(response)
		return []byte("Password:"), false, nil
	case l.step == 3:
		if err := l.decide(Attempt{Mechanism: "LOGIN", User: l.user, Password: string(response)}); err != nil {
			return nil, false, err
		}
		return nil, true, nil
	}
	return nil, false, sasl.ErrUnexpectedClientResponse
}
