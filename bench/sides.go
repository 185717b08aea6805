package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/imapd"
	"github.com/mailrig/mailrig/internal/popd"
	"github.com/mailrig/mailrig/internal/smtpd"
	"github.com/mailrig/mailrig/internal/store/memory"
	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// side is one side of a comparison.
type side struct {
	addr   map[int]string // by standard port number
	reset  func() error   // forgets all mail
	close  func()
	filled bool
}

// newBare serves the three engines directly on TCP, without a gate.
func newBare() (*side, error) {
	store := memory.New(memory.Options{})
	s := &side{addr: map[int]string{}, reset: func() error { return store.Reset(context.Background()) }}
	engines := map[int]func(net.Conn){
		25: func(c net.Conn) {
			smtpd.Serve(c, smtpd.Config{Session: &peer{store: store}, Store: store, Domain: "bench"})
		},
		143: func(c net.Conn) {
			imapd.New(imapd.Config{Session: &peer{store: store}, Store: store}).Serve(c)
		},
		110: func(c net.Conn) {
			go popd.New(popd.Config{Session: &peer{store: store}, Store: store}).Server().ServeConn(c)
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

// newGate starts a whole mailrig.
func newGate(ctx context.Context, active ...*scenarios.Scenario) (*side, error) {
	srv, err := server.New(server.Config{PortOffset: "random", Scenarios: active})
	if err != nil {
		return nil, err
	}
	if err := srv.Start(ctx); err != nil {
		return nil, err
	}
	s := &side{addr: map[int]string{}, reset: srv.Reset}
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
