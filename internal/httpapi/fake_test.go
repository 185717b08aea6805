package httpapi

import (
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/mailroom"
	"github.com/mailrig/mailrig/internal/store/memory"
	"github.com/mailrig/mailrig/internal/transcript"
	"github.com/mailrig/mailrig/internal/wait"
)

// fakeRig knows the scenarios "a" and "b".
type fakeRig struct {
	next []string // for the next connections
	left int
	log  *event.Ring
	room *mailroom.Room

	mu         sync.Mutex
	notReady   bool
	away       error
	active     []string
	own        map[string][]string
	inline     []Inline
	resets     int
	resetUsers []string
	found      []diagnose.Finding
	more       chan struct{}
	broken     error // the findings can't be read, and nothing can be reset
}

func newRig() *fakeRig {
	return &fakeRig{room: mailroom.New(memory.New(memory.Options{})), log: event.NewRing(event.Options{Keep: 10}), own: map[string][]string{}, more: make(chan struct{})}
}

func (f *fakeRig) FindingsSince(_ context.Context, n uint64) ([]diagnose.Finding, uint64, <-chan struct{}, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.found[min(int(n), len(f.found)):]), uint64(len(f.found)), f.more, f.broken
}

func (f *fakeRig) add(x diagnose.Finding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.found = append(f.found, x)
	close(f.more)
	f.more = make(chan struct{})
}

func (f *fakeRig) Metrics() http.Handler { return http.NotFoundHandler() }

func (f *fakeRig) Mailroom() *mailroom.Room { return f.room }

func (f *fakeRig) ParseMatch(words ...string) ([]wait.Matcher, error) {
	return wait.Language{}.Parse(wait.Messages, words...)
}

func (f *fakeRig) ParseSessions(words ...string) (func(*event.Record) bool, error) {
	match, err := wait.Language{Doors: door.All()}.Parse(wait.Sessions, words...)
	return wait.SessionTest(match, func(name string) string { return name }), err
}

func (f *fakeRig) Settle(context.Context) {}

func (f *fakeRig) CheckFindings(ids ...string) error {
	for _, id := range ids {
		if !strings.HasPrefix(id, "f") {
			return errors.New("no finding " + id)
		}
	}
	return nil
}

// WaitFor is met for words that begin with "yes".
func (f *fakeRig) WaitFor(ctx context.Context, what wait.What, words []string, count int, _ uint64) (wait.Outcome, error) {
	if words[0] == "bad" {
		return wait.Outcome{}, &wait.BadCondition{Err: errors.New("bad words")}
	}
	if words[0] == "broken" {
		return wait.Outcome{}, io.ErrUnexpectedEOF
	}
	if strings.HasPrefix(words[0], "yes") {
		return wait.Outcome{Met: true, Count: count, Messages: []wait.Mail{{Subject: strings.Join(words, "+")}}}, nil
	}
	<-ctx.Done()
	return wait.Outcome{Text: "no " + string(what), Sessions: transcript.All(f.log.Records())}, nil
}

func (f *fakeRig) Doors() []door.Door {
	return []door.Door{{Port: 587, Service: "submission", Protocol: door.SMTP, Security: door.STARTTLSRequired, Address: "127.0.0.1:3587"}}
}
func (f *fakeRig) Away(context.Context) error { return f.away }
func (f *fakeRig) Ready() bool                { f.mu.Lock(); defer f.mu.Unlock(); return !f.notReady }
func (f *fakeRig) CAPEM() []byte              { return []byte("-----BEGIN CERTIFICATE-----\n") }
func (f *fakeRig) ClientCertificate(user string) ([]byte, error) {
	if user == "no body" {
		return nil, errors.New("a name without spaces")
	}
	return []byte("-----BEGIN CERTIFICATE-----\n" + user + "\n"), nil
}
func (f *fakeRig) CAFile() string                       { return "/somewhere/ca.pem" }
func (f *fakeRig) HTTPSURL() string                     { return "" }
func (f *fakeRig) LoginRule() string                    { return "any user name with any password" }
func (f *fakeRig) Credentials() (user, password string) { return "alice@example.test", "secret" }
func (f *fakeRig) Reset() error                         { f.mu.Lock(); defer f.mu.Unlock(); f.resets++; return f.broken }
func (f *fakeRig) ResetUser(_ context.Context, user string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.resetUsers = append(f.resetUsers, user)
	return f.broken
}
func (f *fakeRig) Session(id string) (*transcript.Session, bool) {
	r, ok := f.log.Get(id)
	if !ok {
		return nil, false
	}
	return transcript.Of(r), true
}
func (f *fakeRig) Walk(n uint64, open bool) iter.Seq[*event.Record] { return f.log.Walk(n, open) }
func (f *fakeRig) Ended() (uint64, <-chan struct{}) {
	_, n, more := f.log.Since(math.MaxUint64)
	return n, more
}
func (f *fakeRig) Active() []string { f.mu.Lock(); defer f.mu.Unlock(); return f.active }
func (f *fakeRig) Catalogue() []ScenarioInfo {
	return []ScenarioInfo{{Name: "a", Title: "Title of A"}, {Name: "b", Title: "Title of B", Group: "tls"}}
}

func (f *fakeRig) Matching(patterns ...string) ([]ScenarioInfo, error) {
	if len(patterns) == 0 {
		return f.Catalogue(), nil
	}
	found := slices.DeleteFunc(f.Catalogue(), func(s ScenarioInfo) bool { return !slices.Contains(patterns, s.Group) })
	if len(found) == 0 {
		return nil, errors.New("no scenario matches")
	}
	return found, nil
}

func (f *fakeRig) ActiveFor(user string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.own[user]
}
func (f *fakeRig) ActiveByUser() map[string][]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.own)
}

func (f *fakeRig) UseNext(n int, user string, names []string, inline []Inline) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next = names
	f.left = n
	return nil, nil
}

func (f *fakeRig) Next(user string) ([]string, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.next, f.left
}

func (f *fakeRig) RandomSeed() (uint64, bool) { return 7, len(f.next) > 0 }

func (f *fakeRig) Use(user string, names []string, inline []Inline) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if user != "" {
		f.own[user] = names
		if len(names) == 0 {
			delete(f.own, user)
		}
		return []string{"for " + user}, nil
	}
	var active, wrong, notes []string
	for _, n := range names {
		switch n {
		case "a", "b":
			active = append(active, n)
		case "broken":
			return nil, io.ErrUnexpectedEOF
		default:
			wrong = append(wrong, "no scenario "+n)
		}
	}
	for _, in := range inline {
		if strings.HasPrefix(string(in.YAML), "bad") {
			wrong = append(wrong, in.File+":1: bad; be good", in.File+":2: worse")
		}
		active = append(active, "from "+in.File)
		notes = append(notes, "a note")
	}
	if wrong != nil {
		return nil, &BadScenario{Errors: wrong}
	}
	f.active, f.inline = active, inline
	return notes, nil
}

func (f *fakeRig) check(t *testing.T, active ...string) {
	t.Helper()
	if got := f.Active(); !slices.Equal(got, active) {
		t.Errorf("active: %q, want %q", got, active)
	}
}

// call sends one request directly to the handler, as if it had come in on local.
type call struct {
	method, target, body string
	header               http.Header
	host, local          string
}

func (c call) do(t *testing.T, h http.Handler) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(c.method, "http://localhost"+c.target, strings.NewReader(c.body))
	r.Host = "localhost:8025"
	if c.host != "" {
		r.Host = c.host
	}
	if c.local == "" {
		c.local = "127.0.0.1:8025"
	}
	addr, err := net.ResolveTCPAddr("tcp", c.local)
	if err != nil {
		t.Fatal(err)
	}
	r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(addr)))
	for k, v := range c.header {
		r.Header[k] = v
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func header(kv ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(kv); i += 2 {
		h.Set(kv[i], kv[i+1])
	}
	return h
}
