package login

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"
)

// oauths take a token instead of a password: RFC 7628, and what Google had before it
// (https://developers.google.com/gmail/imap/xoauth2-protocol). A server without accounts at
// an identity provider has no use for them, so they are there only where asked for.
var oauths = []struct {
	name  string
	parse func(response []byte) (user, token string, ok bool)
	ack   []byte // what the client answers to an error: RFC 7628 section 3.2.3; Google: nothing
}{
	{"XOAUTH2", parseXOAUTH2, []byte{}},
	{"OAUTHBEARER", parseOAUTHBEARER, []byte{1}},
}

// OAuth lists the mechanisms that take a token.
func OAuth() []string {
	var out []string
	for _, o := range oauths {
		out = append(out, o.name)
	}
	return out
}

// IsOAuth tells a mechanism that takes a token; Attempt.Password is the token then.
func IsOAuth(mechanism string) bool { return slices.Contains(OAuth(), mechanism) }

// challenged is an error that the client is told as a challenge first.
type challenged struct {
	error
	refusal *Refusal
}

func (c *challenged) Unwrap() error { return c.error }

// Before makes err, which is the refusal in an adapter's words, wait until the client has
// answered the refusal's challenge, if it has one. Only OAuth mechanisms send it.
func (r *Refusal) Before(err error) error {
	if r.Challenge == "" || err == nil {
		return err
	}
	return &challenged{err, r}
}

// newOAuth is one of oauths.
func newOAuth(name string, decide func(Attempt) error) sasl.Server {
	for _, o := range oauths {
		if o.name == name {
			return &oauth{name: name, parse: o.parse, ack: o.ack, decide: decide}
		}
	}
	return nil
}

type oauth struct {
	name   string
	parse  func([]byte) (user, token string, ok bool)
	ack    []byte
	decide func(Attempt) error

	asked bool
	no    *challenged // waits for the client's answer
}

func (o *oauth) Next(response []byte) (challenge []byte, done bool, err error) {
	if o.no != nil {
		if answered := o.no.refusal.Answered; answered != nil {
			answered(bytes.Equal(response, o.ack))
		}
		return nil, false, o.no.error
	}
	if response == nil && !o.asked {
		o.asked = true
		return []byte{}, false, nil
	}
	user, token, ok := o.parse(response)
	if !ok {
		return nil, false, ErrMalformed
	}
	err = o.decide(Attempt{Mechanism: o.name, User: user, Password: token})
	if errors.As(err, &o.no) {
		return []byte(o.no.refusal.Challenge), false, nil
	}
	return nil, err == nil, err
}

// parseXOAUTH2 reads "user=alice@example.test^Aauth=Bearer token^A^A".
func parseXOAUTH2(b []byte) (user, token string, ok bool) {
	fields := strings.Split(string(b), "\x01")
	user, ok = strings.CutPrefix(fields[0], "user=")
	if !ok || user == "" {
		return "", "", false
	}
	token, ok = bearer(fields[1:])
	return user, token, ok
}

// parseOAUTHBEARER reads "n,a=alice@example.test,^Ahost=…^Aport=…^Aauth=Bearer token^A^A"
// (RFC 7628 section 3.1, RFC 5801 section 4).
func parseOAUTHBEARER(b []byte) (user, token string, ok bool) {
	fields := strings.Split(string(b), "\x01")
	header := strings.Split(fields[0], ",")
	if len(header) != 3 {
		return "", "", false
	}
	user, ok = strings.CutPrefix(header[1], "a=")
	if !ok || user == "" {
		return "", "", false // nobody here knows a token's user
	}
	user = strings.NewReplacer("=2C", ",", "=3D", "=").Replace(user)
	token, ok = bearer(fields[1:])
	return user, token, ok
}

func bearer(fields []string) (token string, ok bool) {
	n := len(fields)
	if n < 3 || fields[n-1] != "" || fields[n-2] != "" {
		return "", false // it ends with two ^A
	}
	for _, f := range fields {
		value, found := strings.CutPrefix(f, "auth=")
		scheme, token, spaced := strings.Cut(value, " ")
		if found && spaced && strings.EqualFold(scheme, "Bearer") {
			return token, true
		}
	}
	return "", false
}
