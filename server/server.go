// Package server assembles mailrig: the eight doors, the engines behind their gates, one store of mail, the
// certificates, the scenarios, the records of sessions and the HTTP door.
//
//	s, err := server.New(server.Config{PortOffset: "random"})
//	…
//	err = s.Start(ctx)       // every door accepts
//	defer s.Shutdown(ctx)
//	for _, d := range s.Doors() { fmt.Println(d.Port, d.Address) }
//
// A Go test should use package mailtest instead, which does all this.
//
// serve.go accepts a connection and gives it a session and a gate. The gate does TLS and starts an engine through the
// adapters, which ask the connection's session (package session). scenarios.go decides which plan a new connection
// gets.
//
// What happens besides the connections is in packages of its own, and one file here connects each: watch (findings.go),
// wait (wait.go), bounce (bounce.go), door's knocks (knocks.go), httpapi (http.go opens the door, api.go shows it the
// server).
//
// Every type in this API has a name outside internal packages. Types that come from one (Session, Finding, Mail, Door,
// Condition and what belongs to it) have an alias here that documents their fields, so that each exists only once, from
// where it is made to JSON. Their fields are as stable as the HTTP API's.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailrig/mailrig/certs"
	"github.com/mailrig/mailrig/internal/archive"
	"github.com/mailrig/mailrig/internal/balancer"
	"github.com/mailrig/mailrig/internal/bounce"
	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/gate"
	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/mailpit"
	"github.com/mailrig/mailrig/internal/mailroom"
	"github.com/mailrig/mailrig/internal/metrics"
	"github.com/mailrig/mailrig/internal/postgres"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/session"
	"github.com/mailrig/mailrig/internal/state"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/quota"
	"github.com/mailrig/mailrig/internal/store/seed"
	"github.com/mailrig/mailrig/internal/watch"
	"github.com/mailrig/mailrig/internal/web"
	"github.com/mailrig/mailrig/internal/webhook"
)

// Server is a mailrig. Any goroutine may call its methods.
type Server struct {
	cfg     Config
	ctx     context.Context // ends at Shutdown
	cancel  context.CancelFunc
	ca      *certs.CA
	store   store.Store
	quota   *quota.Store // the same, where clients add mail
	kept    keeper       // the same, if mail is kept; otherwise nil
	state   state.Store  // what else is kept; nil if nothing is
	shared  *postgres.DB // in which it is kept, if that is a database; otherwise nil
	mail    *mailroom.Room
	metrics *metrics.Metrics
	hooks   *webhook.Sender
	bounds  *bounds
	journal event.Journal
	archive *archive.Archive // keeps the journal's sessions; nil if nothing is kept
	book    *watch.Kept      // of findings; nil if nothing is kept
	written sync.Once        // both
	rig     gate.Rig
	// protocols are those that are served.
	protocols []*protocol.Protocol
	sessions  session.Shared

	seeded      atomic.Int64 // messages
	ready       atomic.Bool
	caFile      string
	caIsOurs    bool // a temporary file, removed at shutdown
	doors       *door.Set
	http        *http.Server
	mailpit     *mailpit.Handler
	page        *web.Page
	httpURL     string
	httpsURL    string
	httpTaken   string         // the address that was taken
	serving     sync.WaitGroup // the HTTP door's listeners
	issuer      lazyIssuer
	acceptors   sync.WaitGroup
	balancers   balancer.Sources
	introducing atomic.Int64 // connections that aren't served yet: the balancer hasn't said who the client is, or the database which rules act
	doorsOpen   context.Context
	closeDoors  context.CancelFunc

	active  activation
	parked  parked
	bounces *bounce.Queue
	watch   *watch.Watcher

	mu       sync.Mutex
	stopping bool
	told     map[string]bool // kinds of trouble
	gates    map[*gate.Gate]struct{}
	conns    sync.WaitGroup
}

// traceRoom is how many bytes trace header fields may add to a message of the largest size.
const traceRoom = 64 << 10

// Door is one open door. Its standard Port identifies it. It also has the IANA name of its Service, its Protocol (smtp,
// imap or pop3), its Security (starttls, starttls-required or tls), and the Address where it really listens.
type Door = door.Door

// New checks the configuration, opens the store, mints the certificates and loads the seed. It opens no port. Shut the
// server down in any case, if mail is kept.
func New(cfg Config) (_ *Server, err error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	limits := newBounds(&cfg, budget.Descriptors())
	s := &Server{
		cfg:       cfg,
		bounds:    limits,
		protocols: protocolsOf(cfg.protocols),
		gates:     map[*gate.Gate]struct{}{},
	}
	limits.spool.Files.OnFull = func(err error) { s.trouble("files", fmt.Sprintf("messages are refused for the time being: %v", err)) }
	if err := s.openStore(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.active.close()
			err = errors.Join(err, s.closeRecords(), s.closeStore())
		}
	}()
	s.quota = quota.New(s.store, cfg.quotas(s.store.Address))
	s.mail = mailroom.New(s.quota)
	s.metrics = s.newMetrics()
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if err := s.openRecords(); err != nil {
		return nil, err
	}
	s.issuer = sync.OnceValue(s.newIssuer)
	s.bounces = s.newBounces()
	s.doorsOpen, s.closeDoors = context.WithCancel(s.ctx)
	if err := s.openActive(); err != nil {
		return nil, err
	}
	if s.balancers, err = balancer.ParseSources(cfg.Balancers); err != nil {
		return nil, err
	}
	if s.ca, err = s.openCA(); err != nil {
		return nil, err
	}
	if _, err := s.ca.Certificate(""); err != nil {
		return nil, err
	}
	s.sessions = session.Shared{
		Store: s.store, Authority: authority(cfg.Users, s.store.Address, s.issuer, s.ca.Pool()), Mechanisms: identity.Mechanisms(), Host: s.hostname(),
		MaxMessageBytes: cfg.MaxMessageBytes, Journal: s.journal, Protocols: s.protocols, Tags: session.NewTags(),
		Plan: s.active.of, Next: s.active.forNextOf, Bounce: s.bounce, Later: s.later, Logger: cfg.Logger,
	}
	if s.sessions.Offer, err = cfg.offer(); err != nil {
		return nil, err
	}
	s.rig = gate.Rig{
		Protocols: s.protocols, Masker: protocol.NewMasker(s.protocols),
		Certificate: s.ca.Certificate,
		Bad:         func(profile, host string) bool { return certs.Profile{Name: profile}.Refuse(host) },
		Domain:      s.hostname(), MailDomain: cfg.Domain, Spool: limits.spool, MaxMessageBytes: cfg.MaxMessageBytes, Logger: cfg.Logger,
		Park: s.parked.add,
	}
	if err := s.fill(); err != nil {
		return nil, err
	}
	if err := s.beginActive(); err != nil {
		return nil, err
	}
	return s, nil
}

// populate makes the configured accounts and loads the seed. The seed is only for an empty store: mail that was kept has
// it already.
func (s *Server) populate(empty bool) error {
	for _, u := range s.cfg.Users {
		if _, err := s.store.OpenAccount(s.ctx, u.Name); err != nil {
			return fmt.Errorf("make the account of %s: %w", u.Name, err)
		}
	}
	if s.cfg.SeedDir == "" || !empty {
		return nil
	}
	n, err := s.loadSeed("")
	if err != nil {
		return err
	}
	s.seeded.Store(int64(n))
	s.cfg.Logger.Info("seed loaded", "messages", n, "dir", s.cfg.SeedDir)
	return nil
}

// loadSeed loads the seed directory, if there is one: all of it, or only one account.
func (s *Server) loadSeed(only string) (messages int, err error) {
	if s.cfg.SeedDir == "" {
		return 0, nil
	}
	n, err := seed.Load(s.ctx, s.store, os.DirFS(s.cfg.SeedDir), seed.Options{Raw: s.cfg.SeedRaw, Only: only})
	if err != nil {
		return 0, fmt.Errorf("load the seed directory %s: %w", s.cfg.SeedDir, err)
	}
	return n, nil
}

// Start opens every door and the HTTP door, all or none, and returns when all of them accept. ctx applies only to the
// opening. An error about ports names each door, its address, the cause and what to do.
func (s *Server) Start(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			s.Shutdown(context.Background())
		}
	}()
	if err := s.writeCAFile(); err != nil {
		return err
	}
	offset, err := door.ParseOffset(s.cfg.PortOffset)
	if err != nil {
		return err
	}
	s.doors, err = door.Listen(ctx, door.Config{Doors: door.Of(s.protocols), Hosts: s.cfg.Hosts, Offset: offset, Also: s.cfg.Mailpit.also(), Logger: s.cfg.Logger,
		OnTrouble: func(d door.Door, err error) {
			s.trouble("accept", fmt.Sprintf("%s can't accept a connection (%v), and tries again; raise the limit on open files (ulimit -n), or give a smaller --max-connections", d, err))
		}})
	if errors.Is(err, door.ErrAlso) {
		return fmt.Errorf("%w; stop what listens there, or set MP_SMTP_BIND_ADDR to another address", err)
	}
	if err != nil {
		return err
	}
	s.watch.Start()
	if err := s.startHooks(); err != nil {
		return err
	}
	if err := s.startHTTP(); err != nil {
		return err
	}
	if err := s.active.begin(s.ctx, s.doors, s.watchKnocks); err != nil {
		return err
	}
	for _, l := range s.doors.Listeners() {
		s.acceptors.Go(func() { s.accept(l) })
	}
	if s.state != nil {
		s.bounces.Start()
	}
	s.ready.Store(true)
	return nil
}

// goodbyeTime is how long clients may take to hear that the server shuts down.
const goodbyeTime = 500 * time.Millisecond

// Shutdown closes every door and ends every connection. It first tells the clients, in their protocol's words, for at
// most half a second. It returns when everything has ended, or with an error when ctx ends first. That error says who is
// left.
func (s *Server) Shutdown(ctx context.Context) (err error) {
	s.ready.Store(false)
	defer func() { err = errors.Join(err, s.closeRecords(), s.closeStore()) }() // after all who use them
	defer s.parked.close()
	s.bounces.Stop()
	s.active.stop()
	s.active.close()
	s.hooks.Stop()
	if s.doors != nil {
		s.doors.Close()
	}
	s.closeDoors()
	s.acceptors.Wait()
	httpErr := s.stopHTTP(ctx)

	defer s.watch.Stop() // after the sessions have ended

	s.mu.Lock()
	s.stopping = true
	open := make([]*gate.Gate, 0, len(s.gates))
	for g := range s.gates {
		open = append(open, g)
	}
	s.mu.Unlock()
	s.cancel()
	done := make(chan struct{})
	var told sync.WaitGroup
	defer told.Wait()
	for _, g := range open {
		told.Go(g.Goodbye)
	}
	go func() {
		s.conns.Wait()
		close(done)
	}()
	patience := time.NewTimer(goodbyeTime)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C:
	case <-ctx.Done():
	}
	for _, g := range open {
		g.Shutdown() // a Goodbye that still waits for its client is over with this
	}
	select {
	case <-done:
	case <-ctx.Done():
		s.mu.Lock()
		left := len(s.gates)
		s.mu.Unlock()
		return fmt.Errorf("%d connections haven't ended: %w", left, ctx.Err())
	}
	return errors.Join(httpErr, s.removeCAFile())
}

// Ready reports whether every door accepts.
func (s *Server) Ready() bool { return s.ready.Load() }

// Doors lists the open doors. There are none before Start.
func (s *Server) Doors() []Door {
	if s.doors == nil {
		return nil
	}
	return s.doors.Doors()
}

// Moved says why the doors are 3000 above their standard numbers. It returns "" if they aren't.
func (s *Server) Moved() string {
	if s.doors == nil {
		return ""
	}
	return s.doors.Moved()
}

// Seeded returns how many messages came from the seed directory. ok is false without one.
func (s *Server) Seeded() (n int, ok bool) { return int(s.seeded.Load()), s.cfg.SeedDir != "" }

// CAFile returns the path of a file with the CA's certificate (PEM).
func (s *Server) CAFile() string { return s.caFile }

// CAPEM returns the CA's certificate (PEM).
func (s *Server) CAPEM() []byte { return s.ca.PEM() }

// ClientTLS returns a configuration for clients that trust only this rig.
func (s *Server) ClientTLS() *tls.Config {
	return &tls.Config{RootCAs: s.ca.Pool(), ServerName: "localhost"}
}

// Reset forgets all mail (and loads the seed again), pending reports of failed delivery, all ended sessions and all
// findings. It restarts the counters of the active scenarios.
func (s *Server) Reset() error {
	if err := s.bounces.Forget(); err != nil {
		return fmt.Errorf("forget what is to be delivered later: %w", err)
	}
	if err := s.store.Reset(s.ctx); err != nil {
		return fmt.Errorf("forget the mail: %w", err)
	}
	s.journal.Reset()
	if s.archive != nil {
		if err := s.archive.Forget(s.ctx); err != nil {
			return err
		}
	}
	return errors.Join(s.watch.Reset(s.ctx), s.active.Restart(s.ctx), s.populate(true))
}
