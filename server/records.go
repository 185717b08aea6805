package server

import (
	"context"
	"errors"
	"time"

	"github.com/mailrig/mailrig/internal/archive"
	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/watch"
)

// recordsTime is how long the last sessions and findings may take to be written.
const recordsTime = 3 * time.Second

// openRecords makes the journal of sessions and the watcher with its book of findings. They begin empty, or with what was
// kept.
func (s *Server) openRecords() error {
	journal := event.Options{Keep: s.cfg.KeepSessions, OnEnd: s.sessionEnded, Minor: s.onlyLooked, Room: s.bounds.sessions}
	watcher := watch.Config{
		Table: &diagnose.Table{Rows: s.cfg.findings, Protocols: s.protocols}, OnFinding: s.found, Logger: s.cfg.Logger,
		Minor: s.onlyLooked, Memory: s.bounds.watched,
	}
	if s.state != nil {
		kept, err := archive.Open(s.ctx, archive.Config{State: s.state, Keep: s.cfg.KeepSessions, Log: s.cfg.Logger})
		if err != nil {
			return err
		}
		s.archive = kept
		journal.NewID, journal.Begin, journal.Restored = kept.NewID, kept.Begin(), true
		if s.book, err = watch.OpenKept(s.ctx, s.state, s.cfg.Logger); err != nil {
			return err
		}
		watcher.Book, watcher.After = s.book, kept.Begin()
	}
	ring := event.NewRing(journal)
	if s.archive != nil {
		s.archive.Start(ring)
	}
	s.journal, watcher.Log = ring, ring
	s.watch = watch.New(watcher)
	return nil
}

// closeRecords writes the sessions and findings that haven't been written.
func (s *Server) closeRecords() (err error) {
	s.written.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), recordsTime)
		defer cancel()
		if s.archive != nil {
			err = s.archive.Close(ctx)
		}
		if s.book != nil {
			err = errors.Join(err, s.book.Close(ctx))
		}
	})
	return err
}
