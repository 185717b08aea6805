package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/postgres"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/kept"
	"github.com/mailrig/mailrig/internal/store/memory"
	"github.com/mailrig/mailrig/internal/store/tables"
)

// openStore opens the store that the configuration asks for. Nothing else knows which stores there are.
func (s *Server) openStore() error {
	switch {
	case s.cfg.store != nil:
		s.store = s.cfg.store
	case postgres.IsURL(s.cfg.Data):
		return s.openShared()
	case s.cfg.Data != "":
		st, err := kept.Open(s.cfg.Data, kept.Options{
			Domain: s.cfg.Domain, MaxMessageBytes: s.cfg.MaxMessageBytes + traceRoom,
			Keep:      tables.Keep{For: s.cfg.KeepFor, Messages: s.cfg.KeepMessages},
			OnTrouble: s.notKept,
		})
		if err != nil {
			return err
		}
		s.store, s.kept, s.state = st, st, st.State()
	default:
		s.store = memory.New(memory.Options{
			Domain: s.cfg.Domain, MaxMessageBytes: s.cfg.MaxMessageBytes + traceRoom,
			Room: s.bounds.mail, Memos: s.bounds.memos, Evict: s.cfg.WhenFull == Evict,
			OnFull: func() {
				s.trouble("memory", "memory is full, and mail gets a temporary failure; remove mail, raise --max-memory, or give --when-full evict")
			},
		})
	}
	return nil
}

// keeper is a store whose mail outlives the server.
type keeper interface {
	store.Store
	Messages(ctx context.Context) (int, error) // how many there are
	Close() error
}

// closeStore closes what openStore has opened.
func (s *Server) closeStore() (err error) {
	if s.kept != nil {
		err = s.kept.Close()
	}
	if s.shared != nil {
		err = errors.Join(err, s.shared.Close())
	}
	return err
}

// notKept tells that a change could not be written to the disk.
func (s *Server) notKept(err error) {
	advice := "look at the disk, and at `mailrig data check`"
	switch {
	case errors.Is(err, store.ErrFull):
		advice = "make room on the disk"
	case errors.Is(err, store.ErrReadOnly):
		advice = "make the directory writable"
	}
	s.trouble("data", fmt.Sprintf("what changes can't be kept in %s, and clients get a temporary failure: %s (%v)", s.cfg.Data, advice, err))
}

// hasKept reports whether there are accounts that were kept.
func (s *Server) hasKept() bool {
	if s.kept == nil {
		return false
	}
	known, err := s.kept.ListAccounts(s.ctx)
	return err != nil || len(known) > 0
}

// Kept returns the directory in which mail is kept, or the URL of the database without its password, and how many messages its
// mailboxes have. ok is false if mail is in memory.
func (s *Server) Kept(ctx context.Context) (place string, messages int, ok bool) {
	if s.kept == nil {
		return "", 0, false
	}
	messages, _ = s.kept.Messages(ctx) // only for a line in a table
	if s.shared != nil {
		return s.shared.String(), messages, true
	}
	return s.cfg.Data, messages, true
}

// CheckData returns an error if this can't be Config.Data.
func CheckData(data string) error {
	if postgres.IsURL(data) {
		return postgres.CheckURL(data)
	}
	if scheme, _, url := strings.Cut(data, "://"); url {
		return fmt.Errorf("mail can't be kept at a %s URL; give a directory, or a URL such as postgres://user:password@host/database", scheme)
	}
	return nil
}

// ParseKeep reads how much mail is kept: a number of messages such as 10000, or an age such as 7d, 12h or 30m. It returns one
// of the two.
func ParseKeep(text string) (messages int, age time.Duration, err error) {
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return n, 0, nil
	}
	if number, ok := strings.CutSuffix(text, "d"); ok {
		if days, err := strconv.ParseFloat(number, 64); err == nil && days > 0 && days < 36500 {
			return 0, time.Duration(days * float64(24*time.Hour)), nil
		}
	}
	if age, err := time.ParseDuration(text); err == nil && age > 0 {
		return 0, age, nil
	}
	return 0, 0, fmt.Errorf("%q is neither an age nor a number of messages; give one such as 7d, 12h or 10000", text)
}

// caDir returns the directory of the CA; "" means that it isn't kept.
func (c *Config) caDir() string {
	if c.CADir == "" && c.Data != "" && !postgres.IsURL(c.Data) {
		return filepath.Join(c.Data, "ca")
	}
	return c.CADir
}
