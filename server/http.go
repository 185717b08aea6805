package server

import (
	"context"
	"crypto/tls"
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

// startHTTP opens the HTTP door, in clear, inside TLS or both. There is one server with one limit behind it.
func (s *Server) startHTTP() error {
	clear, err := s.listenHTTP()
	if err != nil {
		return err
	}
	encrypted, err := s.listenHTTPS()
	if err != nil {
		return errors.Join(err, closeIf(clear))
	}
	if clear == nil && encrypted == nil {
		return nil
	}
	s.mailpit = s.newMailpit()
	s.page = web.New(web.Config{Rig: pageRig{rig{s}}, Version: s.cfg.Version, State: s.state, Answers: s.bounds.answers, Logger: s.cfg.Logger})
	limit := httpapi.NewLimit(s.bounds.http)
	listen := ""
	if clear != nil {
		s.httpURL = "http://" + reachable(clear.Addr())
		listen = clear.Addr().String()
	}
	s.http = s.newHTTP(listen)
	if clear != nil {
		s.serving.Go(func() { s.serveHTTP(func() error { return s.http.Serve(limit.Clear(clear)) }) })
	}
	if encrypted != nil {
		s.httpsURL = "https://" + reachable(encrypted.Addr())
		s.serving.Go(func() { s.serveHTTP(func() error { return s.http.ServeTLS(limit.Encrypted(encrypted), "", "") }) })
	}
	return nil
}

// serveHTTP serves until the server is closed.
func (s *Server) serveHTTP(serve func() error) {
	if err := serve(); !errors.Is(err, http.ErrServerClosed) {
		s.cfg.Logger.Error("the HTTP door has closed", "error", err)
	}
}

func closeIf(ln net.Listener) error {
	if ln == nil {
		return nil
	}
	return ln.Close()
}

// listenHTTPS opens the address for HTTP inside TLS. It returns nil if there is none.
func (s *Server) listenHTTPS() (net.Listener, error) {
	addr := strings.TrimSuffix(strings.TrimPrefix(s.cfg.HTTPS, "https://"), "/")
	if addr == "" || addr == "off" {
		return nil, nil
	}
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return nil, fmt.Errorf("%q isn't an address for the web page; give one such as 127.0.0.1:8443, or off", s.cfg.HTTPS)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("open the web address %s: %w; choose another with --https", addr, err)
	}
	return ln, nil
}

// listenHTTP opens the address for HTTP in clear. It returns nil if there is none.
func (s *Server) listenHTTP() (net.Listener, error) {
	addr := strings.TrimSuffix(strings.TrimPrefix(s.cfg.HTTP, "http://"), "/")
	if addr == "" || addr == "off" {
		return nil, nil
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("%q isn't an address for the web page; give one such as %s, or off", s.cfg.HTTP, DefaultHTTP)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil && !s.cfg.HTTPExact {
		s.httpTaken = addr
		ln, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
	}
	if err != nil {
		return nil, fmt.Errorf("open the web address %s: %w; choose another with --http, or close it with --http off", addr, err)
	}
	return ln, nil
}

// newHTTP makes the server of the HTTP door, which listens in clear at an address, or at none.
func (s *Server) newHTTP(listen string) *http.Server {
	one := new(http.Protocols) // websockets need HTTP/1.1
	one.SetHTTP1(true)
	return &http.Server{
		Handler: httpapi.New(httpapi.Config{Rig: rig{s}, Version: s.cfg.Version, Logger: s.cfg.Logger, Listen: listen, AllowedHosts: s.allowedHosts(),
			Logins: httpLogins(s.cfg.HTTPLogins), MaxMessageBytes: s.cfg.MaxMessageBytes, Answers: s.bounds.answers, Mounted: s.mounted(), Issuer: s.issuer}),
		Protocols: one,
		TLSConfig: &tls.Config{
			MinVersion:     tls.VersionTLS12,
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.ca.Certificate("") },
		},
		ReadHeaderTimeout: 10 * time.Second, // also for the handshake
		WriteTimeout:      time.Minute,      // what waits for something has more
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(httpLog{s}, "", 0),
	}
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
	s.serving.Wait()
	return err
}

// HTTPTaken returns the web address that was already taken, so that mailrig chose another one. It returns "" if it was
// free.
func (s *Server) HTTPTaken() string { return s.httpTaken }

// HTTPURL returns the base URL of the web page and the API, or "" if there is none.
func (s *Server) HTTPURL() string { return s.httpURL }

// HTTPSURL returns the base URL of the same inside TLS, or "" if there is none.
func (s *Server) HTTPSURL() string { return s.httpsURL }
