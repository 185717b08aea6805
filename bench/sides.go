package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/imapd"
	"github.com/mailrig/mailrig/internal/login"
	"github.com/mailrig/mailrig/internal/mailbox"
	"github.com/mailrig/mailrig/internal/popd"
	"github.com/mailrig/mailrig/internal/smtpd"
	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// side is one side of a comparison.
type side struct {
	addr  map[int]string // by standard port
	mail  mail
	tls   *tls.Config
	close func()
}

// mail is what a load does to the mailboxes behind a side's back.
type mail interface {
	deliver(user string, raw []byte) error
	count(user string) int // in the INBOX
	forget()
}

// stored is the mail of a store.
type stored struct{ *mailbox.Store }

func (s stored) deliver(user string, raw []byte) error {
	_, err := s.Deliver(user, mailbox.NewMessage(raw, time.Now(), mailbox.Envelope{}))
	return err
}

func (s stored) count(user string) int {
	inbox, err := s.Account(user).Mailbox("INBOX")
	if err != nil {
		return 0 // INBOX is never missing
	}
	return len(inbox.Entries())
}

func (s stored) forget() { s.Reset() }

// served is the mail of a mailrig.
type served struct{ *server.Server }

func (s served) deliver(user string, raw []byte) error { return s.Deliver(user, raw, time.Now()) }
func (s served) count(user string) int                 { return len(s.MailIn(user, "INBOX")) }
func (s served) forget() {
	if err := s.Reset(); err != nil {
		fmt.Println("reset:", err)
	}
}

func everybody(login.Attempt) *login.Refusal { return nil }

// newBare serves the three engines straight on TCP, without a gate.
func newBare() (*side, error) {
	store := mailbox.New(mailbox.Options{})
	s := &side{addr: map[int]string{}, mail: stored{store}}
	engines := map[int]func(net.Conn){
		25: func(c net.Conn) {
			smtpd.Serve(c, smtpd.Config{Store: store, Login: everybody, Domain: "bench", MaxMessageBytes: 50 << 20, Session: "1"})
		},
		143: func(c net.Conn) {
			imapd.Serve(c, imapd.Config{Store: store, Login: everybody, InsecureAuth: true})
		},
		110: func(c net.Conn) {
			go popd.New(popd.Config{Store: store, Login: everybody}).Server().ServeConn(c)
		},
	}
	var listeners []net.Listener
	var acceptors sync.WaitGroup
	s.close = func() {
		for _, l := range listeners {
			l.Close()
		}
		acceptors.Wait()
	}
	for port, serve := range engines {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			s.close()
			return nil, err
		}
		listeners = append(listeners, ln)
		s.addr[port] = ln.Addr().String()
		acceptors.Go(func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				serve(c)
			}
		})
	}
	return s, nil
}

// newGate is a whole mailrig.
func newGate(ctx context.Context, active ...*scenarios.Scenario) (*side, error) {
	srv, err := server.New(server.Config{PortOffset: "random", Scenarios: active})
	if err != nil {
		return nil, err
	}
	if err := srv.Start(ctx); err != nil {
		return nil, err
	}
	s := &side{addr: map[int]string{}, mail: served{srv}, tls: srv.ClientTLS()}
	for _, d := range srv.Doors() {
		s.addr[d.Port] = d.Address
	}
	s.close = func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			fmt.Println("shutdown:", err)
		}
	}
	return s, nil
}
