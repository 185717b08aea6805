package imap

import (
	"slices"
	"testing"

	"github.com/mailrig/mailrig/internal/protocol"
)

func TestUses(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		"a1 IDLE": {"IDLE"}, "a1 uid move 1 x": {"MOVE"}, "a1 NOOP": nil, "a1 LOGIN {5+}": {"LITERAL+", "LITERAL-"}, "a1 LOGIN {5}": nil,
	} {
		got := slices.Concat(uses((&replies{}).Command(line))...)
		if !slices.Equal(got, want) {
			t.Errorf("%s uses %q, want %q", line, got, want)
		}
	}
}

func TestTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line string
		want protocol.Told
	}{
		{`* LIST (\Sent) "/" "Sent Items"`, protocol.Told{Mailboxes: []string{"Sent Items"}}},
		{`* list () NIL Attacker`, protocol.Told{Mailboxes: []string{"Attacker"}}},
		{`* STATUS Injected (MESSAGES 1)`, protocol.Told{Mailboxes: []string{"Injected"}}},
		{`* STATUS INBOX (MESSAGES 1)`, protocol.Told{}},
		{`* SEARCH 1 2 3`, protocol.Told{}},
		{`a1 NO [REFERRAL imap://mallory;AUTH=*@localhost:143/] moved`, protocol.Told{Referred: []string{"mallory"}}},
		{`a2 NO [REFERRAL imap://bob@x.test/Archive;UIDVALIDITY=3 imap://y.test/INBOX] moved`, protocol.Told{Referred: []string{"bob", "Archive"}}},
		{`a2 NO [REFERRAL %] moved`, protocol.Told{}},
	} {
		got := told([]string{c.line})
		if !slices.Equal(got.Mailboxes, c.want.Mailboxes) || !slices.Equal(got.Referred, c.want.Referred) {
			t.Errorf("%s tells %+v, want %+v", c.line, got, c.want)
		}
	}
}
