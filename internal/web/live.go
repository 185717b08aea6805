package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/httpapi"
	"github.com/mailrig/mailrig/internal/mailroom"
)

const (
	frame     = 100 * time.Millisecond // between two looks: what comes meanwhile goes out together
	glance    = time.Second            // between two looks at what tells nobody that it changes
	alive     = 10 * time.Second       // without news, a word shows that the stream lives
	readTime  = 10 * time.Second       // a reader that takes longer is dropped
	mostFrame = 200                    // rows of one frame; beyond, the view is loaded anew
)

// feed finds out what is new in one view, for one reader.
type feed interface {
	// news writes what has changed since the last call: elements of the view, which the script puts in the place of those
	// with the same id. One that is new goes into the list that its data-into names. stale says that this is too much
	// and that the view has to be loaded anew.
	news(ctx context.Context, b *strings.Builder) (stale bool, err error)
}

// position is how far a reader has got: how many sessions have ended, how many messages have come and how many findings
// there are. It is the id of each event, so that a browser that was away goes on where it was. Nothing is kept for it.
type position struct {
	run                      string
	ended, arrived, findings uint64
}

func (p position) String() string {
	return fmt.Sprintf("%s-%d-%d-%d", p.run, p.ended, p.arrived, p.findings)
}

func parsePosition(text string) (p position, ok bool) {
	parts := strings.Split(text, "-")
	if len(parts) != 4 {
		return position{}, false
	}
	p.run = parts[0]
	for i, n := range []*uint64{&p.ended, &p.arrived, &p.findings} {
		var err error
		if *n, err = strconv.ParseUint(parts[i+1], 10, 64); err != nil {
			return position{}, false
		}
	}
	return p, true
}

// newRun returns a word that tells this run of mailrig from others: in another run, positions mean nothing.
func newRun() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails, says package crypto/rand
	return hex.EncodeToString(b)
}

// position returns where everything has been seen. What can't be read has no number.
func (p *Page) position(ctx context.Context) position {
	at := position{run: p.run}
	at.ended, _ = p.Rig.Ended()
	if page, err := p.Rig.Mailroom().List(ctx, mailroom.Query{}); err == nil {
		at.arrived = page.Next
	}
	_, at.findings, _, _ = p.Rig.FindingsSince(ctx, math.MaxInt)
	return at
}

// follow returns the feed of the view at an address, from a position on, or nil if the view has none.
func (p *Page) follow(address string, at *position, mayChange bool) (feed, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errMissing("there is no such view")
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	switch {
	case first == "":
		return p.followNow(at, mayChange), nil
	case first == "mail" || first == "m":
		return p.followMail(u, at, mayChange)
	case first == "scenarios":
		return p.followScenarios(rest, at, mayChange), nil
	case first == "sessions" && rest == "":
		return p.followSessions(u.Query().Get("q"), at)
	case first == "sessions":
		return p.followSession(rest), nil
	}
	return nil, errMissing("there is no news about this view")
}

// live sends news of a view as they come (server-sent events): ?view=ADDRESS&after=POSITION. A browser that comes back says
// in Last-Event-ID how far it got.
func (p *Page) live(w http.ResponseWriter, r *http.Request) {
	after := r.Header.Get("Last-Event-ID")
	if after == "" {
		after = r.URL.Query().Get("after")
	}
	now := p.position(r.Context())
	at, known := parsePosition(after)
	known = known && at.run == now.run && at.ended <= now.ended && at.arrived <= now.arrived
	if !known {
		at = now
	}
	f, err := p.follow(r.URL.Query().Get("view"), &at, !httpapi.OnlyReads(r))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	if r.Method == http.MethodHead {
		return // it would never end, and nobody would read it
	}
	select {
	case p.streams <- struct{}{}:
		defer func() { <-p.streams }()
	default:
		w.Header().Set("Retry-After", "5")
		http.Error(w, fmt.Sprintf("%d readers follow the page already; close one, or try again later", mostStreams), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("X-Accel-Buffering", "no")
	s := &stream{page: p, w: w, out: http.NewResponseController(w), feed: f, at: &at}
	begin := "retry: 1000\n\n"
	if after != "" && !known {
		begin += sse("stale", "", now.String())
	}
	if err := s.write(begin); err != nil {
		return
	}
	if err := s.run(r.Context()); err != nil && r.Context().Err() == nil {
		p.Logger.Info("a reader of the page's news is dropped", "client", r.RemoteAddr, "err", err)
	}
}

// stream is one reader of news.
type stream struct {
	page *Page
	w    io.Writer
	out  *http.ResponseController
	feed feed
	at   *position
}

// run sends news until the reader leaves or doesn't read.
func (s *stream) run(ctx context.Context) error {
	journal := s.page.Rig.Journal()
	sessions := journal.Subscribe(1000)
	defer func() { sessions.Close() }()
	arrived, stop, err := s.page.Rig.Mailroom().Watch(ctx)
	if err != nil {
		return err
	}
	defer stop()
	tick := time.NewTicker(glance)
	defer tick.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	told := time.Now()
	for {
		select { // what comes within a frame goes out together
		case <-pause.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if drain(sessions.News) {
			sessions.Close()
			sessions = journal.Subscribe(1000)
		}
		_, _, found, err := s.page.Rig.FindingsSince(ctx, math.MaxInt)
		if err != nil {
			return err
		}
		began := time.Now()
		wrote, err := s.send(ctx)
		if err != nil {
			return err
		}
		if wrote {
			told = time.Now()
		} else if time.Since(told) >= alive {
			told = time.Now()
			if err := s.write(sse("alive", s.at.String(), "")); err != nil {
				return err
			}
		}
		select {
		case <-sessions.News:
		case <-arrived:
		case <-found:
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		pause.Reset(max(frame, time.Since(began))) // news take at most half of the time
	}
}

// drain takes what has come, and reports whether the channel is closed because too much did.
func drain[T any](c <-chan T) (closed bool) {
	for {
		select {
		case _, ok := <-c:
			if !ok {
				return true
			}
		default:
			return false
		}
	}
}

// send sends what is new, if anything is.
func (s *stream) send(ctx context.Context) (wrote bool, err error) {
	var b strings.Builder
	stale, err := s.feed.news(ctx, &b)
	switch {
	case err != nil:
		return false, err
	case stale:
		return true, s.write(sse("stale", s.at.String(), ""))
	case b.Len() == 0:
		return false, nil
	}
	return true, s.write(sse("page", s.at.String(), b.String()))
}

// sse formats a server-sent event.
func sse(name, id, data string) string {
	var b strings.Builder
	if id != "" {
		b.WriteString("id: " + id + "\n")
	}
	b.WriteString("event: " + name + "\n")
	for line := range strings.SplitSeq(strings.ReplaceAll(data, "\r", "&#13;"), "\n") {
		b.WriteString("data: " + line + "\n")
	}
	return b.String() + "\n"
}

func (s *stream) write(text string) error {
	_ = s.out.SetWriteDeadline(time.Now().Add(readTime)) // not every writer has one
	if _, err := io.WriteString(s.w, text); err != nil {
		return err
	}
	return s.out.Flush()
}
