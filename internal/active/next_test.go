package active

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/protocol/imap"
	"github.com/mailrig/mailrig/internal/protocol/smtp"
)

var (
	smtpCaller = fault.Caller{Door: 25, Protocol: smtp.Protocol, Client: client}
	imapCaller = fault.Caller{Door: 143, Protocol: imap.Protocol, Client: client}
)

// TestNext checks that scenarios for the next connections act on exactly so many, at the doors that they are for.
func TestNext(t *testing.T) { each(t, nextOnes) }

func nextOnes(t *testing.T, m Scenarios) {
	ctx := t.Context()
	if p, err := m.Take(ctx, smtpCaller); p != nil || err != nil {
		t.Fatalf("%v, %v from the beginning", p, err)
	}
	if err := m.UseNext(ctx, "", 5, one(t, "coming")); err != nil {
		t.Fatal(err)
	}
	if p, _ := m.Take(ctx, imapCaller); p != nil {
		t.Error("a connection counts that no rule is for")
	}
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if p, _ := m.Take(ctx, smtpCaller); p != nil {
				taken.Add(1)
			}
		})
	}
	wg.Wait()
	if n := taken.Load(); n != 5 {
		t.Errorf("%d connections, want 5", n)
	}
	if names, left, _ := m.Next(ctx, ""); len(names) > 0 || left != 0 {
		t.Errorf("%v for %d more", names, left)
	}
}

func TestNextIsForgotten(t *testing.T) { each(t, forgotten) }

func forgotten(t *testing.T, m Scenarios) {
	ctx := t.Context()
	for name, forget := range map[string]func() error{
		"Use":           func() error { return m.Use(ctx, nil) },
		"Restart":       func() error { return m.Restart(ctx) },
		"an empty list": func() error { return m.UseNext(ctx, "", 0, nil) },
	} {
		if err := m.UseNext(ctx, "", 1, one(t, "coming")); err != nil {
			t.Fatal(err)
		}
		if err := forget(); err != nil {
			t.Fatal(err)
		}
		if _, left, _ := m.Next(ctx, ""); left != 0 {
			t.Errorf("%s doesn't forget it", name)
		}
	}
	for _, user := range []string{"Alice@x", "bob@x"} {
		if err := m.UseNext(ctx, user, 2, one(t, "mine")); err != nil {
			t.Fatal(err)
		}
	}
	if users, err := m.NextUsers(ctx); fmt.Sprint(users) != "[alice@x bob@x]" || err != nil {
		t.Errorf("%v, %v have scenarios coming", users, err)
	}
	if err := m.UseFor(ctx, "alice@X", nil); err != nil {
		t.Fatal(err)
	}
	if p, _ := m.TakeFor(ctx, "alice@x"); p != nil {
		t.Error("UseFor doesn't forget it")
	}
	if p, _ := m.TakeFor(ctx, "BOB@x"); fmt.Sprint(p.Scenarios()) != "[mine]" {
		t.Errorf("bob has %v", p.Scenarios())
	}
	_, err := m.TakeFor(ctx, "bob@x")
	if users, _ := m.NextUsers(ctx); err != nil || len(users) > 0 {
		t.Errorf("%v, and %v still have scenarios coming", err, users)
	}
	if err := m.UseNext(ctx, "", 0, one(t, "x")); err == nil {
		t.Error("0 connections are taken")
	}
}
