package seed_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/memory"
	"github.com/mailrig/mailrig/internal/store/seed"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	date := time.Date(2020, 2, 29, 12, 0, 0, 0, time.UTC)
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s), ModTime: date} }
	dir := fstest.MapFS{
		"README.txt":                       file("no message"),
		".git/INBOX/x.eml":                 file("hidden"),
		"ann@Example.ORG/INBOX/2.eml":      file("two"),
		"ann@Example.ORG/INBOX/1.EML":      file("\x00\xff mixed\r\nbare\n"),
		"ann@Example.ORG/INBOX/notes.txt":  file("no message"),
		"ann@Example.ORG/inbox/deep/a.eml": file("deep"),
		"ann@Example.ORG/Work/2024/a.eml":  {Data: []byte("undated")},
		"bob/Empty/.keep":                  file(""),
	}
	now := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	st := memory.New(memory.Options{Now: func() time.Time { return now }})
	n, err := seed.Load(ctx, st, dir, seed.Options{})
	if err != nil || n != 4 {
		t.Fatalf("Load = %d, %v", n, err)
	}
	accounts, err := st.ListAccounts(ctx)
	if err != nil || !slices.Equal(accounts, []string{"ann@example.org", "bob@example.test"}) {
		t.Errorf("accounts %q, %v", accounts, err)
	}
	entries := func(account, name string) []store.Entry {
		t.Helper()
		box, err := st.Mailbox(ctx, account, name)
		if err != nil {
			t.Fatal(err)
		}
		list, err := st.Entries(ctx, box.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	inbox := entries("ann@example.org", "INBOX")
	raw, err := store.ReadAll(ctx, inbox[0].Message)
	if len(inbox) != 2 || err != nil || !bytes.Equal(raw, []byte("\x00\xff mixed\r\nbare\n")) ||
		inbox[1].UID != 2 || !inbox[0].Date.Equal(date) || inbox[0].Flags != nil {
		t.Errorf("INBOX: %+v, %v", inbox, err)
	}
	if deep := entries("ann@example.org", "INBOX/deep"); len(deep) != 1 {
		t.Errorf("INBOX/deep: %+v", deep)
	}
	if work := entries("ann@example.org", "Work/2024"); len(work) != 1 || !work[0].Date.Equal(now) {
		t.Errorf("Work/2024: %+v", work)
	}
	entries("bob", "Empty")

	for name, want := range map[string]error{
		"stray.eml":         nil,
		"ann/stray.eml":     nil,
		"ann/a*b/1.eml":     store.ErrBadName,
		"ann/INBOX/big.eml": store.ErrTooBig,
	} {
		_, err := seed.Load(ctx, memory.New(memory.Options{MaxMessageBytes: 4}), fstest.MapFS{name: file("12345")}, seed.Options{})
		if err == nil || want != nil && !errors.Is(err, want) ||
			!strings.Contains(err.Error(), name) && !strings.Contains(err.Error(), "a*b") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLineEnds(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 32<<10-1) // CR and LF fall into two pieces
	for _, test := range []struct{ in, out string }{
		{"", ""},
		{"no line end", "no line end"},
		{"a: b\n\nc\n", "a: b\r\n\r\nc\r\n"},
		{"a: b\r\n\nc\n", "a: b\r\n\nc\n"},
		{"a: b\n\nc\r\n", "a: b\n\nc\r\n"},
		{"a\rb\r", "a\rb\r"},
		{"a\rb\n", "a\rb\r\n"},
		{big + "\r\n\n", big + "\r\n\n"},
		{big + "x\n\n", big + "x\r\n\r\n"},
	} {
		for _, raw := range []bool{false, true} {
			want := test.out
			if raw {
				want = test.in
			}
			ctx, st := t.Context(), memory.New(memory.Options{})
			if n, err := seed.Load(ctx, st, fstest.MapFS{"ann/INBOX/1.eml": {Data: []byte(test.in)}}, seed.Options{Raw: raw}); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			box, err := st.Mailbox(ctx, "ann", "INBOX")
			if err != nil {
				t.Fatal(err)
			}
			list, err := st.Entries(ctx, box.ID, nil)
			if err != nil || len(list) != 1 {
				t.Fatal(list, err)
			}
			if got, err := store.ReadAll(ctx, list[0].Message); err != nil || string(got) != want {
				t.Errorf("raw %v: %.40q became %.40q, want %.40q; %v", raw, test.in, got, want, err)
			}
		}
	}
}

func TestNoAccount(t *testing.T) {
	t.Parallel()
	for _, dir := range []fstest.MapFS{{}, {"README": {}}, {".git/INBOX/1.eml": {}}} {
		if _, err := seed.Load(t.Context(), memory.New(memory.Options{}), dir, seed.Options{}); !errors.Is(err, seed.ErrNoAccount) {
			t.Errorf("%v: %v", dir, err)
		}
	}
}
