package tables

import (
	"context"
	"math/rand/v2"
)

// largeBody is from how many bytes on a body is written before anybody is kept from writing.
const largeBody = 256 << 10

// writeLarge writes the pieces of large bodies. Other processes go on writing meanwhile, because it takes no number that
// is handed out: a body's number is random and negative then. 2^46 of them make it improbable that two are the same; if so,
// the transaction fails, and the client tries again.
func (t *tx) writeLarge(batch []*call) error {
	t.large = map[string]int64{}
	for _, c := range batch {
		for _, i := range c.needs.contents {
			err := t.writeOne(c.ctx, i)
			if t.store.engine.Broken(err) {
				return err
			}
			if c.err = err; err != nil {
				break // this change isn't made
			}
		}
	}
	return nil
}

func (t *tx) writeOne(ctx context.Context, i *incoming) error {
	digest := string(i.digest[:])
	if i.mine != nil || i.content.Size() < largeBody || t.large[digest] != 0 {
		return nil
	}
	found, err := t.Get("SELECT 1 FROM bodies WHERE digest = ?", []any{i.digest[:]}, new(int))
	if err != nil || found {
		return err // should it be removed meanwhile, it is written later
	}
	number := -1 - rand.Int64N(1<<46-1)
	t.used = append(t.used, number)
	if err := t.putPieces(ctx, i, number); err != nil {
		return err
	}
	t.large[digest] = number
	return nil
}

// dropLarge removes what no change has used in the end.
func (t *tx) dropLarge() error {
	for _, number := range t.used {
		err := t.Exec("DELETE FROM pieces WHERE id >= ? AND id < ? AND NOT EXISTS (SELECT 1 FROM bodies WHERE id = ?)", number<<pieceBits, (number+1)<<pieceBits, number)
		if err != nil {
			return err
		}
	}
	return nil
}
