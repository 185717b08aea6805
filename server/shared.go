package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailrig/mailrig/internal/postgres"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/shared"
	"github.com/mailrig/mailrig/internal/store/tables"
)

// openShared opens the store in a database that other servers may use too.
func (s *Server) openShared() error {
	db, err := postgres.Open(context.Background(), s.cfg.Data, postgres.Options{Logger: s.cfg.Logger})
	if err != nil {
		return err
	}
	st, err := shared.Open(context.Background(), db, shared.Options{
		Domain: s.cfg.Domain, MaxMessageBytes: s.cfg.MaxMessageBytes + traceRoom,
		Keep:      tables.Keep{For: s.cfg.KeepFor, Messages: s.cfg.KeepMessages},
		OnTrouble: s.notShared,
	})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	s.shared, s.store, s.kept, s.state = db, st, st, st.State()
	return nil
}

// notShared tells that a change could not be written to the database.
func (s *Server) notShared(err error) {
	kind, advice := "data away", "see that the database runs, and that this machine reaches it; mailrig goes on by itself then"
	switch {
	case errors.Is(err, store.ErrFull):
		kind, advice = "data full", "make room on the database's disk"
	case errors.Is(err, store.ErrReadOnly):
		kind, advice = "data read-only", "name the primary in the URL, or let the database be written"
	}
	s.trouble(kind, fmt.Sprintf("what changes can't be kept in %s, and clients get a temporary failure: %s (%v)", s.shared, advice, err))
}

// awayTime is how long Away waits for an answer.
const awayTime = time.Second

// Away returns an error if the database of Config.Data can't be asked at present.
func (s *Server) Away(ctx context.Context) error {
	if s.shared == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, awayTime)
	defer cancel()
	return s.shared.Pool().Ping(ctx)
}

// fill makes the configured accounts and loads the seed. Servers that share a database do so one after the other.
func (s *Server) fill() error {
	fill := func() error { return s.populate(!s.hasKept()) }
	if s.shared == nil {
		return fill()
	}
	return s.shared.Alone(s.ctx, "seed", fill)
}
