package view_test

import (
	"testing"

	"github.com/mailrig/mailrig/internal/store"
)

const benchMessages = 10_000

func BenchmarkSyncNothing(b *testing.B) {
	r := newRig(b, benchMessages)
	v := r.open(false)
	for b.Loop() {
		if r.sync(v, true) != nil {
			b.Fatal("something")
		}
	}
}

func BenchmarkSyncAppend(b *testing.B) {
	r := newRig(b, benchMessages)
	v := r.open(false)
	for b.Loop() {
		r.add()
		if len(r.sync(v, true)) != 1 {
			b.Fatal("not told")
		}
	}
}

func BenchmarkSyncFlag(b *testing.B) {
	r := newRig(b, benchMessages)
	v, other := r.open(false), r.open(false)
	uid, op := []store.UID{benchMessages / 2}, store.Add
	for b.Loop() {
		r.set(other, uid, op, store.Seen)
		if len(r.sync(v, true)) != 1 {
			b.Fatal("not told")
		}
		op = store.Add + store.Remove - op
	}
}

func BenchmarkAppend(b *testing.B) {
	r := newRig(b, 0)
	for b.Loop() {
		r.add()
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
		r.set(v, v.UIDs(), op, store.Seen)
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
