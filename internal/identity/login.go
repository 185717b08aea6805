package identity

import "github.com/emersion/go-sasl"

// loginMechanism is LOGIN. It was never standardized (draft-murchison-sasl-login-00), but many clients use it. The
// challenges are those that every server sends.
var loginMechanism = Mechanism{
	Name: "LOGIN", Exposes: true, Needs: NeedsPassword,
	Server: func(x Exchange) sasl.Server { return &loginExchange{decide: x.Decide} },
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
		if err := l.decide(passwordAttempt("LOGIN", l.user, string(response))); err != nil {
			return nil, false, err
		}
		return nil, true, nil
	}
	return nil, false, sasl.ErrUnexpectedClientResponse
}
