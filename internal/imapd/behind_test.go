package imapd

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/storetest"
)

// TestBehind checks that no command about a message succeeds and does nothing, because the store couldn't tell of it: the
// client has appended it, and knows its UID from the answer.
func TestBehind(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	cfg := testConfig(storetest.Wrap(newStore(), func(_ context.Context, call string, do func() error) error {
		if away.Load() && call == "Changes" {
			return store.ErrUnavailable
		}
		return do()
	}), newScene())
	client, server := net.Pipe()
	New(cfg).Serve(server)
	e := greeted(t, client)
	e.do("LOGIN user pass")
	e.do("SELECT INBOX")
	away.Store(true)
	if _, tagged := e.do("APPEND INBOX {3+}\r\nx\r\n"); !strings.HasPrefix(tagged, "OK [APPENDUID ") {
		t.Fatal(tagged)
	}
	for _, command := range []string{"UID STORE 1 +FLAGS (\\Flagged)", "UID COPY 1 Trash", "UID FETCH 1 UID", "UID SEARCH UID 1"} {
		if _, tagged := e.do(command); !strings.HasPrefix(tagged, "NO [UNAVAILABLE]") {
			t.Errorf("%s: %s", command, tagged)
		}
	}
	away.Store(false)
	if untagged, tagged := e.do("UID STORE 1 +FLAGS (\\Flagged)"); !strings.HasPrefix(tagged, "OK ") || !strings.Contains(strings.Join(untagged, "\n"), "1 EXISTS") {
		t.Errorf("%q, %s", untagged, tagged)
	}
	if untagged, _ := e.do("UID FETCH 1 FLAGS"); !strings.Contains(strings.Join(untagged, "\n"), `\Flagged`) {
		t.Errorf("it has %q", untagged)
	}
}
