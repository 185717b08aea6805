package shared

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/mailrig/mailrig/internal/postgres"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/tables"
)

// topic is that of all news about mail and records.
const topic = "mail"

// told is what a transaction has changed, as other replicas hear it.
type told struct {
	Boxes   map[store.MailboxID]uint64 `json:"b,omitempty"` // mod-sequences
	Kinds   map[string]bool            `json:"k,omitempty"` // of records
	Arrived bool                       `json:"a,omitempty"`
	Removed bool                       `json:"r,omitempty"`
}

// mostTold is how many mailboxes and kinds one piece of news names: 40 bytes each fit.
const mostTold = 150

// Tell implements tables.Engine.
func (e *engine) Tell(c tables.Conn, list []tables.News) error {
	for len(list) > 0 {
		t := told{Boxes: map[store.MailboxID]uint64{}, Kinds: map[string]bool{}}
		n := 0
		for ; n < len(list) && len(t.Boxes)+len(t.Kinds) < mostTold; n++ {
			t.add(&list[n])
		}
		list = list[n:]
		text, err := json.Marshal(t)
		if err != nil {
			return err
		}
		c.(*conn).later(postgres.TellQuery, e.db.Payload(topic, "", string(text)))
	}
	return nil
}

func (t *told) add(n *tables.News) {
	if n.Box != 0 {
		t.Boxes[n.Box] = max(t.Boxes[n.Box], n.ModSeq)
	}
	if n.Kind != "" {
		t.Kinds[n.Kind] = true
	}
	t.Arrived, t.Removed = t.Arrived || n.Arrived, t.Removed || n.Removed
}

// hear passes on what another replica has told. This one's own changes are known already.
func (s *Store) hear(n postgres.News) {
	var t told
	switch {
	case n.Own:
		return
	case n.Missed || json.Unmarshal([]byte(n.Text), &t) != nil:
		select {
		case s.unheard <- struct{}{}:
		default:
		}
		return
	}
	list := []tables.News{{Arrived: t.Arrived, Removed: t.Removed}}
	for id, modSeq := range t.Boxes {
		list = append(list, tables.News{Box: id, ModSeq: modSeq})
	}
	for kind := range t.Kinds {
		list = append(list, tables.News{Kind: kind})
	}
	s.Publish(list)
}

// recheckEvery is how long recheck waits before it tries again, while the database is away.
const recheckEvery = 250 * time.Millisecond

// recheck looks for itself whenever something may have been missed.
func (s *Store) recheck() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.unheard:
		}
		for s.Recheck(s.ctx) != nil {
			select {
			case <-s.ctx.Done():
				return
			case <-time.After(recheckEvery):
			}
		}
	}
}

// String names the place in errors and logs.
func (s *Store) String() string { return fmt.Sprint(s.db) }
