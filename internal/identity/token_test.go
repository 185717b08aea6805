package identity

import (
	"context"
	"strings"
	"testing"
)

// issuer is a TokenAuthority with a list of tokens.
type issuer map[string]Token

func (i issuer) Examine(_ context.Context, token, protocol string) (Token, error) {
	t, ok := i[token]
	if !ok {
		return Token{State: TokenUnknown}, nil
	}
	if t.State == TokenValid && protocol == "pop3" {
		t.State = TokenWrongScope
	}
	return t, nil
}

func TestTokensOfAnIssuer(t *testing.T) {
	t.Parallel()
	tokens := issuer{"good": {State: TokenValid, User: "Alice"}, "old": {State: TokenExpired, User: "alice"}, "anybody's": {State: TokenValid}}
	list := NewAccounts(strings.ToLower)
	list.Add("alice", "secret")
	list.Tokens = tokens
	for _, tt := range []struct {
		authority             Authority
		user, token, protocol string
		want                  TokenState
	}{
		{list, "alice", "good", "imap", TokenValid},
		{list, "alice", "good", "pop3", TokenWrongScope},
		{list, "alice", "old", "imap", TokenExpired},
		{list, "alice", "made up", "imap", TokenUnknown},
		{list, "alice", "anybody's", "imap", TokenValid},
		{list, "bob", "anybody's", "imap", TokenUnknown},
		{list, "bob", "good", "imap", TokenWrongUser},
		{Anyone{Tokens: tokens}, "alice", "good", "imap", TokenValid},
		{Anyone{Tokens: tokens}, "bob", "good", "imap", TokenWrongUser},
		{Anyone{Tokens: tokens}, "bob", "old", "imap", TokenExpired},
		{Anyone{Tokens: tokens}, "bob", "made up", "imap", TokenValid},
		{Anyone{Tokens: tokens}, "bob:x", "made up", "imap", TokenUnknown},
	} {
		got, err := tt.authority.Token(t.Context(), tt.user, tt.token, tt.protocol)
		if got.State != tt.want || err != nil {
			t.Errorf("%T, %s's %s at %s: %v, %v; want %s", tt.authority, tt.user, tt.token, tt.protocol, got.State, err, tt.want)
		}
	}
}

// TestChallengeOfARefusedToken checks what the client reads before it is refused.
func TestChallengeOfARefusedToken(t *testing.T) {
	t.Parallel()
	list := NewAccounts(strings.ToLower)
	list.Add("alice", "secret")
	list.Tokens = issuer{"good": {State: TokenValid, Wants: "mail", Configuration: "http://x/c"}}
	for mechanism, want := range map[string][2]string{
		"XOAUTH2":     {"user=alice\x01auth=Bearer good\x01\x01", `{"status":"400","schemes":"Bearer","scope":"mail"}`},
		"OAUTHBEARER": {"n,a=alice,\x01auth=Bearer good\x01\x01", `{"status":"insufficient_scope","scope":"mail","openid-configuration":"http://x/c"}`},
	} {
		m, _ := Find(Mechanisms(), mechanism)
		s := m.Server(Exchange{Context: t.Context(), Protocol: "pop3", Decide: func(a Attempt) error {
			no, err := a.Proof(t.Context(), list)
			if no == nil || err != nil || no.Token != TokenWrongScope {
				t.Fatalf("%s: %+v, %v", mechanism, no, err)
			}
			return no
		}})
		got, done, err := s.Next([]byte(want[0]))
		if string(got) != want[1] || done || err != nil {
			t.Errorf("%s: %s, %v, %v", mechanism, got, done, err)
		}
		if _, done, err := s.Next([]byte{}); done || !isErr(err, errRefused) {
			t.Errorf("%s, acknowledged: %v, %v", mechanism, done, err)
		}
	}
}
