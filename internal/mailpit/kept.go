package mailpit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/mailrig/mailrig/internal/state"
)

// The kinds of records. A key is the id of a letter, or one that was given tags and doesn't exist.
const (
	kindLetter   = "mailpit letter"
	kindStranger = "mailpit tags"
)

// memo is what is kept about a letter. Fields may be added, and none may change its meaning.
type memo struct {
	Read bool     `json:",omitempty"`
	Tags []string // nil: those that its header and its recipients give it
}

// keeper keeps what this API knows about letters. The holder of the box has it.
type keeper struct {
	state   state.Store // nil: nothing is kept
	loaded  bool
	memos   map[string]memo // of letters, as they are kept
	changed map[string]bool // ids of letters that have changed since
	tagging bool            // tags of strangers have changed since
}

// keep notes that a letter has changed.
func (b *box) keep(l *Entry) {
	if b.keeper.state != nil {
		b.keeper.changed[l.id] = true
	}
}

// load reads what is kept, once.
func (b *box) load(ctx context.Context) error {
	k := &b.keeper
	if k.loaded || k.state == nil {
		return nil
	}
	k.memos, k.changed = map[string]memo{}, map[string]bool{}
	err := each(ctx, k.state, kindLetter, func(id string, m memo) { k.memos[id] = m })
	if err == nil {
		err = each(ctx, k.state, kindStranger, func(id string, m memo) { b.strangers[id] = m.Tags })
	}
	k.loaded, b.gone = err == nil, true // perhaps, before the process began
	return err
}

// each calls f for each record of a kind.
func each(ctx context.Context, st state.Store, kind string, f func(id string, m memo)) error {
	for after := ""; ; {
		list, err := st.List(ctx, kind, after, 500)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, r := range list {
			var m memo
			if err := json.Unmarshal(r.Data, &m); err != nil {
				return fmt.Errorf("what was kept about the letter %s can't be read: %w", r.Key, err)
			}
			f(r.Key, m)
			after = r.Key
		}
	}
}

// recall gives a letter that the box has just found what is kept about it.
func (b *box) recall(l *Entry) {
	if m, ok := b.keeper.memos[l.id]; ok {
		l.read = m.Read
		if m.Tags != nil {
			l.tags, l.tagged, l.given = m.Tags, true, true
		}
	}
}

// save writes what has changed, and removes what belongs to letters that are gone.
func (b *box) save(ctx context.Context) error {
	k := &b.keeper
	if k.state == nil || !k.loaded {
		return nil
	}
	if b.gone {
		for id := range k.memos {
			if b.byID[id] == nil {
				k.changed[id] = true
			}
		}
		b.gone = false
	}
	var changes []state.Change
	for id := range k.changed {
		c, err := b.changeOf(id)
		if err != nil {
			return err
		}
		changes = append(changes, c)
	}
	if k.tagging {
		changes = append(changes, state.Clear(kindStranger))
		for id, tags := range b.strangers {
			c, err := put(kindStranger, id, memo{Tags: tags})
			if err != nil {
				return err
			}
			if c.Check() == nil { // an id that no database can hold is remembered as long as the process runs
				changes = append(changes, c)
			}
		}
	}
	for some := range slices.Chunk(changes, state.MaxChanges) {
		if _, err := k.state.Apply(ctx, some...); err != nil {
			return fmt.Errorf("keep what has changed about letters: %w", err)
		}
	}
	for id := range maps.Clone(k.changed) {
		if l := b.byID[id]; l != nil {
			k.memos[id] = l.memo()
		} else {
			delete(k.memos, id)
		}
		delete(k.changed, id)
	}
	k.tagging = false
	return nil
}

// changeOf returns what must be written about a letter, which may be gone.
func (b *box) changeOf(id string) (state.Change, error) {
	l := b.byID[id]
	if l == nil {
		return state.Remove(kindLetter, id), nil
	}
	return put(kindLetter, id, l.memo())
}

func put(kind, id string, m memo) (state.Change, error) {
	data, err := json.Marshal(m)
	return state.Put(kind, id, data), err
}

// memo returns what is to be kept about a letter.
func (l *Entry) memo() memo {
	m := memo{Read: l.read}
	if l.given {
		m.Tags = append([]string{}, l.tags...)
	}
	return m
}

// and joins the errors of a request and of keeping what it has changed.
func (b *box) and(ctx context.Context, err error) error {
	return errors.Join(err, b.save(context.WithoutCancel(ctx)))
}
