package identity

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestDigestIsForOneChallenge checks that a DIGEST-MD5 response is good for the challenge that it answers, and for no other.
func TestDigestIsForOneChallenge(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	list := NewAccounts(strings.ToLower)
	list.Add("alice", "secret")
	begin := func() *digestMD5 {
		d := digestMD5Mechanism.Server(Exchange{Host: "h.test", Decide: func(a Attempt) error {
			if no, err := a.Proof(t.Context(), list); no != nil || err != nil {
				return refused
			}
			return nil
		}}).(*digestMD5)
		if _, _, err := d.Next(nil); err != nil {
			t.Fatal(err)
		}
		return d
	}
	answer := func(nonce, password string) []byte {
		said := map[string]string{"username": "alice", "realm": "h.test", "nonce": nonce, "nc": "00000001", "cnonce": "c", "digest-uri": "imap/h.test"}
		return fmt.Appendf(nil, `username="alice",realm="h.test",nonce="%s",nc=00000001,cnonce="c",qop=auth,digest-uri="imap/h.test",response=%s`,
			nonce, digest(said, []byte(password), "AUTHENTICATE"))
	}
	first := begin()
	if _, _, err := first.Next(answer(first.nonce, "secret")); err != nil {
		t.Errorf("the right password: %v", err)
	}
	if _, _, err := begin().Next(answer(first.nonce, "secret")); !errors.Is(err, refused) {
		t.Errorf("the response to an earlier challenge: %v", err)
	}
	d := begin()
	if _, _, err := d.Next(answer(d.nonce, "wrong")); !errors.Is(err, refused) {
		t.Errorf("a wrong password: %v", err)
	}
}
