package bounds

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// perSecond is how many messages arrive in a second, and listeners how many listen to their events. One of them is
// asleep.
const (
	perSecond = 200
	listeners = 20
	replayed  = 10_000 // as many messages at most are sent again (docs/limits.md)
)

// TestEvents lets 200 messages a second arrive while 20 clients listen, one of which doesn't read. The others must hear of
// every message soon. Whoever sleeps may be cut off, and a stream of server-sent events goes on where it was.
func TestEvents(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads a process's memory as Linux shows it")
	}
	if *only != "" && !strings.Contains(*only, "events") {
		t.Skip("not asked for")
	}
	lasts, soon := 2*time.Second, 10*time.Second // other tests run beside it
	if *long {
		lasts, soon = time.Minute, 2*time.Second
	}
	program := compile(t)
	for _, kind := range []struct {
		name   string
		listen func(context.Context, *rig, *http.Client) (*listener, error)
		again  bool // whoever was cut off can go on where it was
	}{{"server-sent events", serverSent, true}, {"Mailpit's websocket", byWebsocket, false}} {
		t.Run(kind.name, func(t *testing.T) {
			r := run(t, []string{program}, io.Discard, "--max-memory", "256MiB")
			ctx, cancel := context.WithTimeout(t.Context(), lasts+2*time.Minute)
			defer cancel()
			asleep, err := kind.listen(ctx, r, small)
			if err != nil {
				t.Fatal(err)
			}
			defer asleep.close()
			messages := int(lasts.Seconds() * perSecond)
			var awake sync.WaitGroup
			var late delays
			for range listeners - 1 {
				l, err := kind.listen(ctx, r, http.DefaultClient)
				if err != nil {
					t.Fatal(err)
				}
				defer l.close()
				awake.Go(func() {
					if n, err := l.hear(messages, &late); n < messages {
						t.Errorf("a listener has heard of %d messages of %d: %v", n, messages, err)
					}
				})
			}
			before := r.memory(t, "VmRSS")
			took := r.arrive(t, messages, lasts)
			awake.Wait()
			t.Logf("%d messages, %.0f a second, to %d listeners: heard of after %v", messages, float64(messages)/took.Seconds(), listeners-1, &late)
			t.Logf("resident: %d MiB before, %d MiB after, at most %d MiB; the bound is %d MiB", before>>20, r.memory(t, "VmRSS")>>20, r.memory(t, "VmHWM")>>20, r.bound>>20)
			if late.at(99) > soon {
				t.Errorf("1 %% of the events took longer than %v, want %v", late.at(99), soon)
			}
			if at := r.memory(t, "VmHWM"); at > r.bound {
				t.Errorf("mailrig took %d MiB", at>>20)
			}

			n, err := asleep.hear(messages, nil)
			t.Logf("whoever slept finds %d events (%v)", n, err)
			if *long && n == messages {
				t.Error("whoever slept for a minute wasn't cut off")
			}
			if n < messages && kind.again {
				missed, err := resume(ctx, r, http.DefaultClient, asleep.last)
				if err != nil {
					t.Fatal(err)
				}
				defer missed.close()
				want := min(messages-n, replayed)
				got, err := missed.hear(want, nil)
				t.Logf("and %d of the %d others by Last-Event-ID", got, messages-n)
				if got < want {
					t.Errorf("want %d: %v", want, err)
				}
			}
		})
	}
}

// arrive lets messages arrive at an even pace, by four clients. It returns how long that took. The subject of a message
// says which it is and when it was sent, and is long, so that no kernel keeps all events for a client that sleeps.
func (r *rig) arrive(t *testing.T, messages int, lasts time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	pace := time.NewTicker(lasts / time.Duration(messages))
	defer pace.Stop()
	next := make(chan int)
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			c, err := r.open(25)
			if err == nil {
				defer c.Close()
				err = c.play("EHLO client.example.test\r\n", "250 ")
			}
			for i := range next {
				if err == nil {
					err = c.play("MAIL FROM:<a@example.test>\r\n", "250", "RCPT TO:<alice@example.test>\r\n", "250", "DATA\r\n", "354",
						fmt.Sprintf("Subject: %d %d %s\r\n\r\nhi\r\n.\r\n", i, time.Now().UnixNano(), strings.Repeat("x", 900)), "250")
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	for i := range messages {
		<-pace.C
		next <- i
	}
	close(next)
	clients.Wait()
	return time.Since(began)
}

// listener is a client that is told of messages.
type listener struct {
	next  func() (subject string, err error) // of the next message that it is told of
	close func()
	last  string // the id of the last event
	heard map[int]bool
}

// hear listens until it has heard of so many messages, or the server has cut it off. It returns how many it has heard of.
func (l *listener) hear(messages int, late *delays) (int, error) {
	l.heard = map[int]bool{}
	for len(l.heard) < messages {
		subject, err := l.next()
		if err != nil {
			return len(l.heard), err
		}
		number, sent, _ := strings.Cut(subject, " ")
		sent, _, _ = strings.Cut(sent, " ")
		i, err := strconv.Atoi(number)
		at, err2 := strconv.ParseInt(sent, 10, 64)
		if err := errors.Join(err, err2); err != nil {
			return len(l.heard), err
		}
		l.heard[i] = true
		if late != nil {
			late.add(time.Since(time.Unix(0, at)))
		}
	}
	return len(l.heard), nil
}

// small is a client whose system keeps little for it, so that it soon holds up the server when it sleeps.
var small = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if tcp, ok := c.(*net.TCPConn); ok {
		err = errors.Join(err, tcp.SetReadBuffer(8<<10))
	}
	return c, err
}}}

// serverSent listens to server-sent events from now on.
func serverSent(ctx context.Context, r *rig, client *http.Client) (*listener, error) {
	return resume(ctx, r, client, "")
}

// resume listens to server-sent events from an event on.
func resume(ctx context.Context, r *rig, client *http.Client, last string) (*listener, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", r.http+"/api/v1/events?kind=message", nil)
	if err != nil {
		return nil, err
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewReader(resp.Body)
	l := &listener{close: func() { resp.Body.Close() }}
	event := func() (data string, err error) {
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return "", err
			}
			key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			switch key {
			case "id":
				last = value
			case "data":
				data = value
			case "":
				l.last = last // only a whole event moves it on
				return data, nil
			}
		}
	}
	l.next = func() (string, error) {
		for {
			data, err := event()
			if err != nil {
				return "", err
			}
			if data != "" { // otherwise a comment
				var m struct{ Subject string }
				err := json.Unmarshal([]byte(data), &m)
				return m.Subject, err
			}
		}
	}
	_, err = event() // where it begins
	return l, err
}

// byWebsocket listens to Mailpit's websocket.
func byWebsocket(ctx context.Context, r *rig, client *http.Client) (*listener, error) {
	c, _, err := websocket.Dial(ctx, r.http+"/api/events", &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		return nil, err
	}
	c.SetReadLimit(1 << 20)
	l := &listener{close: func() { _ = c.CloseNow() }}
	next := func() (kind, subject string, err error) {
		_, frame, err := c.Read(ctx)
		if err != nil {
			return "", "", err
		}
		var e struct {
			Type string
			Data struct{ Subject string }
		}
		err = json.Unmarshal(frame, &e)
		return e.Type, e.Data.Subject, err
	}
	l.next = func() (string, error) {
		for {
			if kind, subject, err := next(); err != nil || kind == "new" {
				return subject, err
			}
		}
	}
	_, _, err = next() // the statistics, with which it begins
	return l, err
}

// delays are how long events took from sending the message to whoever heard of it.
type delays struct {
	mu  sync.Mutex
	all []time.Duration
}

func (d *delays) add(one time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, one)
}

// at returns how long so many percent took at most.
func (d *delays) at(percent int) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	slices.Sort(d.all)
	if len(d.all) == 0 {
		return 0
	}
	return d.all[(len(d.all)*percent+99)/100-1].Round(time.Millisecond)
}

func (d *delays) String() string {
	return fmt.Sprintf("%v in the median, 99 %% within %v, the last within %v", d.at(50), d.at(99), d.at(100))
}
