package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/httpapi"
	"github.com/mailrig/mailrig/internal/transcript"
	"github.com/mailrig/mailrig/scenarios"
)

// startHTTP opens the HTTP door.
func (s *Server) startHTTP() error {
	addr := strings.TrimSuffix(strings.TrimPrefix(s.cfg.HTTP, "http://"), "/")
	if addr == "" || addr == "off" {
		return nil
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q isn't an address for the web page; give one like %s, or off", s.cfg.HTTP, DefaultHTTP)
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
	s.http = &http.Server{
		Handler:           httpapi.New(httpapi.Config{Rig: rig{s}, Version: s.cfg.Version, Logger: s.cfg.Logger, Listen: ln.Addr().String(), AllowedHosts: s.cfg.Hostnames}),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	s.httpDone = make(chan struct{})
	go func() {
		defer close(s.httpDone)
		if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.cfg.Logger.Error("the HTTP door has closed", "error", err)
		}
	}()
	return nil
}

// reachable is an address that a person can click on: of a wildcard, loopback.
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
	// Close, not Shutdown: a request that waits for sessions would wait on.
	err := s.http.Close()
	<-s.httpDone
	return err
}

// HTTPTaken is the web address that was taken, so that another one was chosen; "" when
// it was free.
func (s *Server) HTTPTaken() string { return s.httpTaken }

// HTTPURL is the base URL of the web page and the API, "" when there is none.
func (s *Server) HTTPURL() string { return s.httpURL }

// rig shows the server to the HTTP door.
type rig struct{ *Server }

func (r rig) Doors() []httpapi.Door {
	var out []httpapi.Door
	for _, d := range r.Server.Doors() {
		out = append(out, httpapi.Door(d))
	}
	return out
}

func (r rig) Sessions() *transcript.Log { return r.log }

func (r rig) Catalogue() []httpapi.ScenarioInfo {
	var out []httpapi.ScenarioInfo
	for _, sc := range scenarios.All() {
		out = append(out, httpapi.ScenarioInfo{Name: sc.Name, Title: sc.Title, Story: sc.Story, Group: sc.Group})
	}
	return out
}

// Use loads everything before it changes anything.
func (r rig) Use(user string, names []string, inline []httpapi.Inline) ([]string, error) {
	var list []*scenarios.Scenario
	var wrong []string
	for _, name := range names {
		sc, err := builtin(name)
		if err != nil {
			wrong = append(wrong, err.Error())
			continue
		}
		list = append(list, sc)
	}
	for _, in := range inline {
		sc, err := r.cfg.Grammar.Parse(in.File, in.YAML)
		if err != nil {
			wrong = append(wrong, strings.Split(err.Error(), "\n")...)
			continue
		}
		list = append(list, sc)
	}
	if len(wrong) > 0 {
		return nil, &httpapi.BadScenario{Errors: wrong}
	}
	if user == "" {
		return r.Server.Use(list...)
	}
	if _, err := r.userAddress(user); err != nil {
		return nil, &httpapi.BadScenario{Errors: []string{err.Error()}}
	}
	return r.UseFor(user, list...)
}

// builtin finds a scenario of the catalogue, and never a file: who may use the
// API may not have files of this machine read.
func builtin(name string) (*scenarios.Scenario, error) {
	if strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
		return nil, fmt.Errorf("%q is a file, and the API takes only names; send its contents instead", name)
	}
	return scenarios.Find(name)
}

func (r rig) Reset() {
	if err := r.Server.Reset(); err != nil {
		r.cfg.Logger.Error("reset", "error", err)
	}
}

func (r rig) Findings(after uint64) ([]httpapi.Finding, uint64, <-chan struct{}) {
	found, next, more := r.watch.book.since(after, everything)
	return shown(found), next, more
}

func (r rig) Settle(ctx context.Context) { r.watch.settle(ctx) }

func (r rig) CheckFindings(ids ...string) error { return CheckFindings(ids...) }

func (r rig) WaitFor(ctx context.Context, c httpapi.Condition) (httpapi.Outcome, error) {
	cond := Condition{What: What(c.What), Count: c.Count}
	var err error
	if cond.What == Findings {
		cond.IDs = c.Words
	} else if cond.Match, err = ParseMatchers(cond.What, c.Words...); err != nil {
		return httpapi.Outcome{}, &httpapi.BadCondition{Err: err}
	}
	o, err := r.Server.Wait(ctx, cond)
	if err != nil {
		return httpapi.Outcome{}, &httpapi.BadCondition{Err: err}
	}
	out := httpapi.Outcome{Met: o.Met, Count: o.Count, Text: o.Text, Sessions: o.Sessions, Findings: shown(o.Findings)}
	for _, m := range o.Messages {
		out.Messages = append(out.Messages, httpapi.Mail{
			Mailbox: m.Mailbox, Folder: m.Folder, UID: m.UID, From: m.From, Recipients: append([]string{}, m.Recipients...),
			FromHeader: m.FromHeader, Subject: m.Subject, Bytes: m.Bytes, Session: m.Session,
		})
	}
	return out, nil
}

// shown are findings as the HTTP door shows them.
func shown(found []Finding) (out []httpapi.Finding) {
	for _, f := range found {
		out = append(out, httpapi.Finding{
			ID: f.ID, Severity: string(f.Severity), Title: f.Title, Explanation: f.Explanation, Advice: f.Advice, Guess: f.Guess,
			Client: f.Client, Door: f.Door, Sessions: f.Sessions, Injected: f.Injected, At: f.At,
		})
	}
	return out
}
