package issuer

import (
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/state"
)

// TestSharedTokens checks that a token which one process has made is good at another one that shares its records, and that
// both have one key.
func TestSharedTokens(t *testing.T) {
	t.Parallel()
	st := state.NewMemory(nil)
	a, b := New(Config{State: st}), New(Config{State: st})
	a.mu.Lock()
	g := a.newGrant(grant{provider: own, client: "app", user: "alice@x", offline: true})
	access, _ := a.accessToken(g, "", time.Now().Add(time.Hour))
	refresh, _ := a.refreshToken(g)
	a.save()
	a.mu.Unlock()
	for text, want := range map[string]identity.TokenState{access: identity.TokenValid, refresh: identity.TokenWrongScope, access + "x": identity.TokenUnknown} {
		if got, err := b.Examine(t.Context(), text, "imap"); err != nil || got.State != want || want == identity.TokenValid && got.User != "alice@x" {
			t.Errorf("the other process says %v, want %v, %v", got.State, want, err)
		}
	}
	b.mu.Lock()
	one, _ := b.known(access)
	other, _ := b.known(refresh)
	if one.grant != other.grant {
		t.Error("two tokens of a grant have two grants")
	}
	b.mu.Unlock()
	keyA, errA := a.key()
	keyB, errB := b.key()
	if errA != nil || errB != nil || keyA.id != keyB.id {
		t.Errorf("two keys: %v, %v", errA, errB)
	}
}
