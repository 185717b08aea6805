package view_test

import (
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/store"
)

const benchMessages = 10_000

var small = store.Incoming{Content: store.Bytes("Subject: x\r\n\r\nx\r\n"), Received: time.Unix(1_700_000_000, 0)}

func BenchmarkSyncNothing(b *testing.B) {
	r := newRig(b, benchMessages)
	v := r.open(false)
	for b.Loop() {
		if changes, err := v.Sync(r.ctx, true); changes != nil || err != nil {
			b.Fatal("something")
		}
	}
}

func BenchmarkSyncAppend(b *testing.B) {
	r := newRig(b, benchMessages)
	v, in := r.open(false), []store.Incoming{small}
	for b.Loop() {
		if _, err := r.Append(r.ctx, r.box.ID, in); err != nil {
			b.Fatal(err)
		}
		if changes, err := v.Sync(r.ctx, true); len(changes) != 1 || err != nil {
			b.Fatal("not told")
		}
	}
}

func BenchmarkSyncFlag(b *testing.B) {
	r := newRig(b, benchMessages)
	v, other := r.open(false), r.open(false)
	uid, op := []store.UID{benchMessages / 2}, store.Add
	for b.Loop() {
		if _, err := other.Store(r.ctx, uid, op, []string{store.Seen}); err != nil {
			b.Fatal(err)
		}
		if changes, err := v.Sync(r.ctx, true); len(changes) != 1 || err != nil {
			b.Fatal("not told")
		}
		op = store.Add + store.Remove - op
	}
}

func BenchmarkAppend(b *testing.B) {
	r, in := newRig(b, 0), []store.Incoming{small}
	for b.Loop() {
		if _, err := r.Append(r.ctx, r.box.ID, in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAccount(b *testing.B) {
	r := newRig(b, 0)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := r.OpenAccount(r.ctx, "user@example.test"); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkStoreAll(b *testing.B) {
	r := newRig(b, benchMessages)
	v := r.open(false)
	op := store.Add
	for b.Loop() {
		if _, err := v.Store(r.ctx, v.UIDs(), op, []string{store.Seen}); err != nil {
			b.Fatal(err)
		}
		op = store.Add + store.Remove - op
	}
}

func BenchmarkItems100(b *testing.B) {
	r := newRig(b, benchMessages)
	v := r.open(false)
	for b.Loop() {
		if items, err := v.Items(r.ctx, v.UIDs()[:100]); err != nil || len(items) != 100 {
			b.Fatal(err)
		}
	}
}
