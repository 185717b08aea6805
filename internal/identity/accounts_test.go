package identity

import (
	"slices"
	"strings"
	"testing"
)

func TestAccounts(t *testing.T) {
	t.Parallel()
	list := NewAccounts(strings.ToLower)
	list.Add("Alice", "secret")
	for _, tt := range []struct {
		authority       Authority
		user, secret    string
		password, token bool
	}{
		{list, "ALICE", "secret", true, true},
		{list, "alice", "Secret", false, true},
		{list, "alice", "secret ", false, true},
		{list, "alice", "", false, false},
		{list, "bob", "secret", false, false},
		{list, "bob", "", false, false},
		{Anyone{}, "bob", "x", true, true},
		{Anyone{}, "bob", "", false, false},
		{Anyone{}, "", "x", false, false},
		{Anyone{}, "bob:x", "x", false, false},
		{Anyone{}, "bob\nbob", "x", false, false},
	} {
		if got, err := tt.authority.Password(t.Context(), tt.user, tt.secret); got != tt.password || err != nil {
			t.Errorf("%T, %q with the password %q: %v, %v", tt.authority, tt.user, tt.secret, got, err)
		}
		if got, err := tt.authority.Token(t.Context(), tt.user, tt.secret, "imap"); (got.State == TokenValid) != tt.token || err != nil {
			t.Errorf("%T, %q with the token %q: %v, %v", tt.authority, tt.user, tt.secret, got, err)
		}
		if got, err := tt.authority.Certificate(t.Context(), tt.user, nil); got || err != nil {
			t.Errorf("%T, %q with no certificate: %v, %v", tt.authority, tt.user, got, err)
		}
	}
	if secret, ok, err := list.Secret(t.Context(), "aliCe"); string(secret) != "secret" || !ok || err != nil {
		t.Errorf("%q, %v, %v", secret, ok, err)
	}
	if _, ok, _ := list.Secret(t.Context(), "bob"); ok {
		t.Error("bob has a secret")
	}
}

func TestLoginNames(t *testing.T) {
	t.Parallel()
	got := LoginNames()
	for _, want := range []string{"PLAIN", "LOGIN", "USER", "APOP", "XOAUTH2", "SCRAM-SHA-256-PLUS"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s isn't among %v", want, got)
		}
	}
}
