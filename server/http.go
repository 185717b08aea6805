package server

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/httpapi"
	"github.com/mailrig/mailrig/internal/web"
)

// startHTTP opens the HTTP door.
func (s *Server) startHTTP() error {
	addr := strings.TrimSuffix(strings.TrimPrefix(s.cfg.HTTP, "http://"), "/")
	if addr == "" || addr == "off" {
		return nil
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q isn't an address for the web page; give one such as %s, or off", s.cfg.HTTP, DefaultHTTP)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil && !s.cfg.HTTPExact {
		s.httpTaken = addr
		ln, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
	}
	if err != nil {
		return fmt.Errorf("open the web address %s: %w; choose another with --http, or close it with --http off", addr, err)
	}
	s.httpURL = "http://" + reachable(ln.Addr())
	s.mailpit = s.newMailpit()
	s.page = web.New(web.Config{Rig: pageRig{rig{s}}, Version: s.cfg.Version, Logger: s.cfg.Logger})
	s.http = &http.Server{
		Handler: httpapi.New(httpapi.Config{Rig: rig{s}, Version: s.cfg.Version, Logger: s.cfg.Logger, Listen: ln.Addr().String(), AllowedHosts: s.allowedHosts(),
			Logins: httpLogins(s.cfg.HTTPLogins), MaxMessageBytes: s.cfg.MaxMessageBytes, Answers: s.bounds.answers, Mounted: s.mounted()}),
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      time.Minute, // what waits for something has more
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(httpLog{s}, "", 0),
	}
	s.httpDone = make(chan struct{})
	go func() {
		defer close(s.httpDone)
		if err := s.http.Serve(httpapi.Limit(ln, s.bounds.http)); !errors.Is(err, http.ErrServerClosed) {
			s.cfg.Logger.Error("the HTTP door has closed", "error", err)
		}
	}()
	return nil
}

func httpLogins(list []HTTPLogin) (all []httpapi.Login) {
	for _, l := range list {
		all = append(all, httpapi.Login(l))
	}
	return all
}

// httpLog takes what net/http logs. Of that, only a failed accept is something that the user can do anything about.
type httpLog struct{ s *Server }

func (l httpLog) Write(line []byte) (int, error) {
	if text := strings.TrimSpace(string(line)); strings.Contains(text, "Accept error") {
		l.s.trouble("accept", "the HTTP door can't accept a connection ("+text+"); raise the limit on open files (ulimit -n), or give a smaller --max-connections")
	} else {
		l.s.cfg.Logger.Debug(text, "door", "http")
	}
	return len(line), nil
}

// reachable returns an address that a person can click on: loopback for a wildcard.
func reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return a.String()
}

func (s *Server) stopHTTP(context.Context) error {
	if s.http == nil {
		return nil
	}
	// Close, not Shutdown: a request that waits for sessions would go on waiting.
	err := s.http.Close()
	s.mailpit.Close() // its websockets aren't the HTTP server's any more
	<-s.httpDone
	s.page.Close()
	return err
}

// HTTPTaken returns the web address that was already taken, so that mailrig chose another one. It returns "" if it was
// free.
func (s *Server) HTTPTaken() string { return s.httpTaken }

// HTTPURL returns the base URL of the web page and the API, or "" if there is none.
func (s *Server) HTTPURL() string { return s.httpURL }
