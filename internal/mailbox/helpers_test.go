package mailbox

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func testMessage(text string) *Message {
	return NewMessage([]byte(text), time.Unix(1_700_000_000, 0), Envelope{})
}

func mustBox(t testing.TB, a *Account, name string) *Mailbox {
	t.Helper()
	b, err := a.Mailbox(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustAppend(t testing.TB, b *Mailbox, flags ...string) UID {
	t.Helper()
	uid, err := b.Append(testMessage("Subject: x\r\n\r\nx\r\n"), flags, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return uid
}

func mustStore(t testing.TB, v *View, uids []UID, op Op, flags ...string) []Item {
	t.Helper()
	items, err := v.Store(uids, op, flags)
	if err != nil {
		t.Fatal(err)
	}
	return items
}

// newInbox is an INBOX with n messages, UIDs 1 to n.
func newInbox(t testing.TB, n int) (*Account, *Mailbox) {
	t.Helper()
	a := New(Options{}).Account("u")
	b := mustBox(t, a, "INBOX")
	for range n {
		mustAppend(t, b)
	}
	return a, b
}

// show writes changes the way a client would see them.
func show(changes []Change) []string {
	lines := []string{}
	for _, c := range changes {
		switch {
		case c.Expunged != 0:
			lines = append(lines, fmt.Sprintf("%d EXPUNGE", c.Expunged))
		case c.Exists != 0:
			lines = append(lines, fmt.Sprintf("%d EXISTS", c.Exists))
		case c.Keywords != nil:
			lines = append(lines, fmt.Sprintf("FLAGS %v", c.Keywords))
		case c.Flags != nil:
			lines = append(lines, fmt.Sprintf("%d FETCH %v", c.Flags.Seq, c.Flags.Flags))
		default:
			lines = append(lines, "nothing set")
		}
	}
	return lines
}

func wantLines(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func hasToken(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
