package main

import (
	"context"
	"io"
	"time"

	"github.com/emersion/go-sasl"

	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/store"
)

// peer is the connection of a bare engine. Everybody may log in, there is no scenario, and nothing is recorded.
type peer struct {
	store store.Store
	user  string
}

func (p *peer) Context() context.Context { return context.Background() }
func (p *peer) Gone([]byte) bool         { return false }
func (p *peer) ID() string               { return "1" }
func (p *peer) Secure() bool             { return false }
func (p *peer) NeedsTLS() bool           { return false }
func (p *peer) NeedsLogin() bool         { return false }
func (p *peer) NeedsSASL() bool          { return false }
func (p *peer) Stamp() string            { return "" }
func (p *peer) Preauth() bool            { return false }
func (p *peer) User() string             { return p.user }
func (p *peer) Logout()                  { p.user = "" }

func (p *peer) Login(a identity.Attempt) error {
	p.user = a.User
	return nil
}

func (p *peer) Mechanisms() []string { return []string{"PLAIN"} }

func (p *peer) Authenticate(name string) (sasl.Server, error) {
	m, ok := identity.Find(identity.Mechanisms(), name)
	if !ok {
		return nil, identity.ErrMechanism
	}
	return m.Server(identity.Exchange{Context: p.Context(), Decide: p.Login}), nil
}

func (p *peer) Open() (string, error)                       { return p.store.OpenAccount(p.Context(), p.user) }
func (p *peer) Folders() []store.Folder                     { return nil }
func (p *peer) Naming() (byte, string)                      { return store.Delimiter, "" }
func (p *peer) Limits() (int64, int)                        { return 50 << 20, 0 }
func (p *peer) TooLarge()                                   {}
func (p *peer) TooMany()                                    {}
func (p *peer) SawNames()                                   {}
func (p *peer) SawInbox()                                   {}
func (p *peer) Refuse(string) string                        { return "" }
func (p *peer) Message() io.Reader                          { return nil }
func (p *peer) Arrives([]string, store.Incoming) [][]string { return nil }
func (p *peer) Dropping() bool                              { return false }
func (p *peer) Renumber() uint32                            { return 0 }
func (p *peer) Meanwhile() ([]uint32, int)                  { return nil, 0 }
func (p *peer) MuteIdle() (bool, time.Duration)             { return false, 0 }
func (p *peer) Stored(string, []store.Place, []byte)        {}
func (p *peer) Delivered(_, _ string, _ store.Message)      {}
