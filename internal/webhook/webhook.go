// Package webhook posts messages and findings to URLs as they come.
//
// A [Sender] has one goroutine for each URL. Nothing is queued: each goroutine knows how many messages and findings it has
// dealt with, and asks the [Source] for what came later. So an endpoint that is slow or away holds up neither mail nor another
// endpoint, and keeps a hundred messages from being freed at most. What the source no longer has, the endpoint never gets.
//
// An event is posted as JSON, {"kind":"message","message":{…}} or {"kind":"finding","finding":{…}}. Any 2xx status means that the
// endpoint has got it. Otherwise it is tried again a few times, and then given up. After that, events are tried once
// until one gets through. Redirects aren't followed, and proxies aren't used.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/wait"
)

// Source is where events come from.
type Source interface {
	// Mail lists the latest messages that came after the first n, in order of arrival, and returns how many have come.
	Mail(ctx context.Context, n uint64) (mail []wait.Mail, next uint64, err error)
	// WatchMail returns a channel that receives a token when mail has arrived. stop ends the watch.
	WatchMail(ctx context.Context) (arrived <-chan struct{}, stop func(), err error)
	// FindingsSince returns the findings with numbers above n, the n for the next call, and a channel that is closed
	// when there is another finding.
	FindingsSince(ctx context.Context, n uint64) (found []diagnose.Finding, next uint64, more <-chan struct{}, err error)
	// Encode returns the JSON of a message.
	Encode(ctx context.Context, m wait.Mail) ([]byte, error)
}

// Config configures a Sender.
type Config struct {
	URLs      []string
	Source    Source
	Pauses    []time.Duration // before each further attempt; nil means 1 s, 5 s and 25 s
	Timeout   time.Duration   // of one attempt; 0 means 10 s
	Logger    *slog.Logger    // nil is silent
	OnTrouble func(text string)
}

// Sender posts events until it is stopped.
type Sender struct {
	cfg    Config
	client *http.Client
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// Check reports what is wrong with a URL for a webhook.
func Check(text string) error {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return fmt.Errorf("%q isn't a URL for a webhook; give one such as http://localhost:8080/mail", text)
	}
	return nil
}

// Start begins with what comes from now on.
func Start(cfg Config) (*Sender, error) {
	if cfg.Pauses == nil {
		cfg.Pauses = []time.Duration{time.Second, 5 * time.Second, 25 * time.Second}
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Sender{cfg: cfg, cancel: cancel, client: &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	for _, u := range cfg.URLs {
		h := &hook{Sender: s, url: u}
		if err := h.begin(ctx); err != nil {
			s.Stop()
			return nil, fmt.Errorf("begin with the webhook %s: %w", u, err)
		}
		s.wg.Go(func() { h.run(ctx) })
	}
	return s, nil
}

// Stop ends all attempts and waits until they have ended. A nil Sender has none.
func (s *Sender) Stop() {
	if s == nil {
		return
	}
	s.cancel()
	s.wg.Wait()
	s.client.CloseIdleConnections()
}

// hook is one URL.
type hook struct {
	*Sender
	url            string
	mail, findings uint64 // how many have been dealt with
	arrived        <-chan struct{}
	stop           func()
	away           bool // the last event was given up
}

func (h *hook) begin(ctx context.Context) (err error) {
	if h.arrived, h.stop, err = h.cfg.Source.WatchMail(ctx); err != nil {
		return err
	}
	if _, h.mail, err = h.cfg.Source.Mail(ctx, 0); err == nil {
		_, h.findings, _, err = h.cfg.Source.FindingsSince(ctx, 0)
	}
	if err != nil {
		h.stop()
	}
	return err
}

func (h *hook) run(ctx context.Context) {
	defer h.stop()
	for {
		more := h.round(ctx)
		select {
		case <-h.arrived:
		case <-more:
		case <-ctx.Done():
			return
		}
	}
}

// page is how many messages are held at a time.
const page = 100

// round posts what has come, a page of messages at a time. It returns a channel that is closed when there is another finding.
func (h *hook) round(ctx context.Context) (more <-chan struct{}) {
	again := false // there is another page
	mail, next, err := h.cfg.Source.Mail(ctx, h.mail)
	if err != nil {
		h.cfg.Logger.Error("a webhook can't list mail", "url", h.url, "error", err)
	} else {
		if again = len(mail) > page; again {
			mail, next = slices.Clone(mail[:page]), mail[page-1].Arrival
		}
		for _, m := range mail {
			data, err := h.cfg.Source.Encode(ctx, m)
			if err != nil {
				continue // it has been deleted
			}
			h.post(ctx, "message", data)
		}
		h.mail = next
	}
	found, next, more, err := h.cfg.Source.FindingsSince(ctx, h.findings)
	if err != nil {
		h.cfg.Logger.Error("a webhook can't list findings", "url", h.url, "error", err)
		return more
	}
	for _, f := range found {
		if data, err := json.Marshal(f); err == nil && f.Severity != diagnose.Good {
			h.post(ctx, "finding", data)
		}
	}
	h.findings = next
	if again {
		now := make(chan struct{})
		close(now)
		return now
	}
	return more
}

// post posts one event, and gives up after the last attempt.
func (h *hook) post(ctx context.Context, kind string, data []byte) {
	body := fmt.Appendf(nil, `{"kind":%q,%q:%s}`, kind, kind, data)
	var last error
	for i := 0; ; i++ {
		if last = h.attempt(ctx, body); last == nil || ctx.Err() != nil {
			h.away = false
			return
		}
		if h.away || i == len(h.cfg.Pauses) {
			break
		}
		pause := time.NewTimer(h.cfg.Pauses[i])
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return
		}
	}
	h.away = true
	text := fmt.Sprintf("the webhook %s doesn't take a %s, which is given up (%v); check that something listens there and answers with a 2xx status", h.url, kind, last)
	h.cfg.Logger.Warn(text)
	if h.cfg.OnTrouble != nil {
		h.cfg.OnTrouble(text)
	}
}

func (h *hook) attempt(ctx context.Context, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, h.cfg.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "mailrig")
	resp, err := h.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("it answered %s", resp.Status)
	}
	return nil
}
