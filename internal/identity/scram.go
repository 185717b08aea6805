package identity

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/xdg-go/scram"
)

// The SCRAM mechanisms (RFC 5802, RFC 7677). Client and server prove to each other that they know the password, and
// nobody who listens learns it. With -PLUS the proof holds for this TLS connection alone.
var (
	scramSHA1   = scramForm{"SCRAM-SHA-1", scram.SHA1}
	scramSHA256 = scramForm{"SCRAM-SHA-256", scram.SHA256}
	scramSHA512 = scramForm{"SCRAM-SHA-512", scram.SHA512}
)

// scramIterations is how often the password is hashed: RFC 7677 section 4 asks for 4096 at least.
const scramIterations = 4096

type scramForm struct {
	name string
	hash scram.HashGeneratorFcn
}

// mechanism returns the row for Mechanisms.
func (f scramForm) mechanism() Mechanism {
	return Mechanism{
		Name: f.name, Needs: NeedsSecret,
		Server: func(x Exchange) sasl.Server { return &scramExchange{scramForm: f, x: x} },
	}
}

// plus returns the row of the mechanism with channel binding.
func (f scramForm) plus() Mechanism {
	name := f.name + "-PLUS"
	return Mechanism{
		Name: name, Needs: NeedsSecret, ByName: true, InTLS: true,
		Server: func(x Exchange) sasl.Server {
			return &scramExchange{scramForm: scramForm{name, f.hash}, x: x, bound: true}
		},
	}
}

type scramExchange struct {
	scramForm
	x     Exchange
	bound bool // -PLUS

	step    scramStep
	talk    *scram.ServerConversation
	known   bool  // the authority knows the user
	err     error // why the authority can't decide
	spoiled bool  // what was sent last is wrong on purpose
}

type scramStep int

const (
	scramAsks scramStep = iota
	scramFirst
	scramFinal
	scramAck
)

func (s *scramExchange) Next(response []byte) (challenge []byte, done bool, err error) {
	if s.spoiled {
		s.x.Spoiler.Trusted()
		s.spoiled = false
	}
	switch s.step {
	case scramAsks:
		s.step = scramFirst
		if response == nil {
			return []byte{}, false, nil
		}
		fallthrough
	case scramFirst:
		s.step = scramFinal
		return s.first(response)
	case scramFinal:
		s.step = scramAck
		return s.final(response)
	}
	if len(response) > 0 {
		return nil, false, ErrMalformed
	}
	return nil, true, nil
}

// first answers the client's first message with the server's nonce and the salt.
func (s *scramExchange) first(message []byte) (challenge []byte, done bool, err error) {
	binding, ok := s.binding(message)
	if !ok {
		return nil, false, ErrMalformed
	}
	server, err := s.hash.NewServer(s.credentials)
	if err != nil {
		return nil, false, err
	}
	if binding.IsSupported() {
		s.talk = server.NewConversationWithChannelBinding(binding)
	} else {
		s.talk = server.NewConversation()
	}
	answer, err := s.talk.Step(string(message))
	if err != nil {
		if answer == "" {
			return nil, false, ErrMalformed
		}
		return nil, false, s.refuse()
	}
	return []byte(s.spoil(answer, ServerNonce)), false, nil
}

// final checks the client's proof and answers with the server's.
func (s *scramExchange) final(message []byte) (challenge []byte, done bool, err error) {
	answer, err := s.talk.Step(string(message))
	if err != nil && answer == "" {
		return nil, false, ErrMalformed
	}
	if err := s.decide(s.talk.Valid()); err != nil {
		return nil, false, err
	}
	challenge = []byte(s.spoil(answer, ServerSignature))
	if s.x.Connection != nil {
		s.x.Connection.Hide(challenge) // whoever has it and the rest can guess the password
	}
	return challenge, false, nil
}

// spoil changes the first character behind "r=" or "v=", if a scenario wants that.
func (s *scramExchange) spoil(message string, part ProofPart) string {
	if s.x.Spoiler == nil || !s.x.Spoiler.Spoils(part) {
		return message
	}
	s.spoiled = true
	const at = len("r=")
	other := "A"
	if message[at] == 'A' {
		other = "B"
	}
	return message[:at] + other + message[at+1:]
}

// refuse refuses a client that asks for what the mechanism can't do, before it has proved anything.
func (s *scramExchange) refuse() error {
	if err := s.decide(false); err != nil {
		return err
	}
	return errors.New("a login that proves nothing was accepted")
}

func (s *scramExchange) decide(valid bool) error {
	user := s.talk.Username()
	return s.x.Decide(Attempt{Mechanism: s.name, User: user, Proof: proof(func(context.Context, Authority) (bool, error) {
		id := s.talk.AuthzID()
		return valid && s.known && (id == "" || id == user), s.err
	})})
}

// binding returns what the client's first message binds its proof to. ok is false if the message can't belong to this
// mechanism.
func (s *scramExchange) binding(message []byte) (b scram.ChannelBinding, ok bool) {
	flag, _, _ := bytes.Cut(message, []byte(","))
	kind, wanted := bytes.CutPrefix(flag, []byte("p="))
	switch {
	case wanted != s.bound:
		return b, false
	case wanted:
		b.Type = scram.ChannelBindingType(kind)
		if s.x.Connection != nil {
			b.Data = s.x.Connection.Binding(string(kind))
		}
	case slices.Contains(s.x.Offered, strings.TrimSuffix(s.name, "-PLUS")+"-PLUS"):
		// The client's "y" says that it saw no -PLUS (RFC 5802 section 6): somebody has taken it away. The library then
		// refuses, whatever the binding is.
		b = scram.ChannelBinding{Type: "none", Data: []byte{0}}
	}
	return b, true
}

// credentials returns what the authority's secret becomes. For a user who doesn't exist it makes something up, so that
// the client learns no more than that its proof is wrong.
func (s *scramExchange) credentials(user string) (c scram.StoredCredentials, err error) {
	secret, known, err := s.x.Authority.Secret(s.x.Context, user)
	s.known, s.err = known, err
	var salt [16]byte
	_, _ = rand.Read(salt[:]) // never fails, says package crypto/rand
	if !known || err != nil {
		secret = []byte(rand.Text())
	}
	client, err := s.hash.NewClient(user, string(secret), "")
	if err != nil { // the name or the password has characters that SASLprep forbids
		s.known = false
		if client, err = s.hash.NewClient("nobody", rand.Text(), ""); err != nil {
			return c, err
		}
	}
	return client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: string(salt[:]), Iters: scramIterations})
}
