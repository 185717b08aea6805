package mailbox

import (
	"testing"
	"time"
)

const benchMessages = 10_000

func BenchmarkSyncNothing(b *testing.B) {
	_, box := newInbox(b, benchMessages)
	v := box.Open(false)
	for b.Loop() {
		if v.Sync(true) != nil {
			b.Fatal("something")
		}
	}
}

func BenchmarkSyncAppend(b *testing.B) {
	_, box := newInbox(b, benchMessages)
	v := box.Open(false)
	for b.Loop() {
		mustAppend(b, box)
		if len(v.Sync(true)) != 1 {
			b.Fatal("not told")
		}
	}
}

func BenchmarkSyncFlag(b *testing.B) {
	_, box := newInbox(b, benchMessages)
	v, other := box.Open(false), box.Open(false)
	uid, op := []UID{benchMessages / 2}, Add
	for b.Loop() {
		mustStore(b, other, uid, op, Seen)
		if len(v.Sync(true)) != 1 {
			b.Fatal("not told")
		}
		op = Add + Remove - op
	}
}

func BenchmarkAppend(b *testing.B) {
	box, err := New(Options{}).Account("u").Mailbox("INBOX")
	if err != nil {
		b.Fatal(err)
	}
	m := testMessage("x")
	for b.Loop() {
		if _, err := box.Append(m, nil, time.Time{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAccount(b *testing.B) {
	s := New(Options{})
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s.Account("user@example.test")
		}
	})
}

func BenchmarkStoreAll(b *testing.B) {
	_, box := newInbox(b, benchMessages)
	v := box.Open(false)
	op := Add
	for b.Loop() {
		mustStore(b, v, v.UIDs(), op, Seen)
		op = Add + Remove - op
	}
}
