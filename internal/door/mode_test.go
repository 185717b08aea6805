package door

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"
)

const soon = 2 * time.Minute // a test that passes never waits that long

// needDrop skips a test if the system can't drop connections.
func needDrop(t testing.TB) {
	t.Helper()
	if err := probeDrop(); errors.Is(err, ErrDropUnsupported) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
}

func wantRefused(t testing.TB, addr string) {
	t.Helper()
	if c, err := net.DialTimeout("tcp", addr, soon); err == nil {
		c.Close()
		t.Fatalf("%s: connected", addr)
	} else if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("%s: %v", addr, err)
	}
}

func mustSet(t testing.TB, l *Listener, m Mode) {
	t.Helper()
	if err := l.SetMode(m); err != nil {
		t.Fatal(err)
	}
	if l.Mode() != m {
		t.Fatalf("mode is %v, want %v", l.Mode(), m)
	}
}

func acceptFrom(t testing.TB, l *Listener, c net.Conn) {
	t.Helper()
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.RemoteAddr().String() != c.LocalAddr().String() {
		t.Errorf("accepted %v, want %v", s.RemoteAddr(), c.LocalAddr())
	}
}

func mustDial(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, soon)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	for _, hosts := range [][]string{nil, {"0.0.0.0"}} {
		l := openSet(t, hosts...).Listeners()[0]
		for range 3 {
			mustSet(t, l, Refuse)
			for _, addr := range addrsOf(l) {
				wantRefused(t, addr)
			}
			mustSet(t, l, Open)
			for _, addr := range addrsOf(l) {
				acceptFrom(t, l, mustDial(t, addr))
			}
		}
	}
}

func TestDropTimesOut(t *testing.T) {
	t.Parallel()
	needDrop(t)
	for _, hosts := range [][]string{nil, {"0.0.0.0"}, {"::1"}} {
		l := openSet(t, hosts...).Listeners()[0]
		mustSet(t, l, Drop)
		for _, addr := range addrsOf(l) {
			_, err := net.DialTimeout("tcp", addr, 300*time.Millisecond)
			var ne net.Error
			if !errors.As(err, &ne) || !ne.Timeout() {
				t.Fatalf("%s: %v, want a timeout", addr, err)
			}
		}
	}
}

// TestDropRelease checks that a client which is still trying when a door is released gets through at its next SYN, as
// it does when a firewall opens.
func TestDropRelease(t *testing.T) {
	t.Parallel()
	needDrop(t)
	l := openSet(t).Listeners()[0]
	mustSet(t, l, Drop)
	type result struct {
		c   net.Conn
		err error
	}
	addrs := addrsOf(l)
	results := make(chan result)
	for _, addr := range addrs {
		go func() {
			c, err := net.DialTimeout("tcp", addr, soon)
			results <- result{c, err}
		}()
	}
	// The condition to wait for, a dropped SYN, can't be observed. This dial takes its place, because it starts later
	// and fails with a timeout.
	if _, err := net.DialTimeout("tcp", addrs[0], 100*time.Millisecond); err == nil {
		t.Fatal("connected")
	}
	select {
	case r := <-results:
		t.Fatalf("dial ended while dropped: %v", r.err)
	default:
	}
	mustSet(t, l, Open)
	for range addrs {
		r := <-results
		if r.err != nil {
			t.Fatal(r.err)
		}
		defer r.c.Close()
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
}

// TestSwitchKeepsQueuedClients checks that clients in the kernel's queue are served after a switch: they are connected
// already.
func TestSwitchKeepsQueuedClients(t *testing.T) {
	t.Parallel()
	for _, m := range []Mode{Refuse, Drop} {
		if m == Drop {
			needDrop(t)
		}
		l := openSet(t).Listeners()[0]
		want := map[string]bool{}
		for range 20 {
			for _, addr := range addrsOf(l) {
				want[mustDial(t, addr).LocalAddr().String()] = true
			}
		}
		mustSet(t, l, m)
		late := time.AfterFunc(soon/4, l.Close) // after that, Accept fails
		defer late.Stop()
		for n := len(want); n > 0; n-- {
			s, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			delete(want, s.RemoteAddr().String())
			if _, err := s.Write([]byte("x")); err != nil {
				t.Errorf("%v: client was cut off: %v", m, err)
			}
			s.Close()
		}
		if len(want) != 0 {
			t.Errorf("%v: never accepted: %v", m, want)
		}
	}
}

func TestRefuseKeepsPort(t *testing.T) {
	t.Parallel()
	needDrop(t) // where that is impossible, refusing releases the port
	l := openSet(t).Listeners()[0]
	// A finished connection leaves TIME_WAIT on the port, the hardest case for binding.
	c := mustDial(t, l.Addr())
	acceptFrom(t, l, c)
	c.Close()
	mustSet(t, l, Refuse)
	for _, addr := range addrsOf(l) {
		if ln, err := net.Listen("tcp", addr); err == nil {
			ln.Close()
			t.Errorf("%s was free while the door refused", addr)
		}
	}
	mustSet(t, l, Open)
	acceptFrom(t, l, mustDial(t, l.Addr()))
}

func TestSetModeErrors(t *testing.T) {
	t.Parallel()
	l := openSet(t).Listeners()[0]
	if err := l.SetMode(Mode(7)); err == nil {
		t.Error("mode 7 is accepted")
	}
	l.canDrop = func() error { return ErrDropUnsupported }
	if err := l.SetMode(Drop); !errors.Is(err, ErrDropUnsupported) || l.Mode() != Open {
		t.Errorf("drop where it is unsupported: %v, mode %v", err, l.Mode())
	}
	acceptFrom(t, l, mustDial(t, l.Addr()))
	l.Close()
	if err := l.SetMode(Refuse); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestCloseEndsAccept(t *testing.T) {
	t.Parallel()
	for _, m := range []Mode{Open, Refuse, Drop} {
		if m == Drop {
			needDrop(t)
		}
		set := openSet(t)
		l := set.Listeners()[0]
		mustSet(t, l, m)
		done := make(chan error)
		go func() {
			_, err := l.Accept()
			done <- err
		}()
		set.Close()
		set.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("%v: Accept after Close: %v", m, err)
		}
	}
}

// TestTogglesLoseNobody checks that every client whose connect() succeeded is accepted and served, however the modes
// change around it. A dial may fail only if the door wasn't open all the time.
func TestTogglesLoseNobody(t *testing.T) {
	t.Parallel()
	needDrop(t)
	l := openSet(t).Listeners()[0]

	var servers sync.WaitGroup
	servers.Go(func() {
		for {
			s, err := l.Accept()
			if err != nil {
				return
			}
			servers.Go(func() {
				defer s.Close()
				s.SetDeadline(time.Now().Add(soon))
				b := make([]byte, 4)
				if n, err := s.Read(b); err == nil {
					s.Write(b[:n])
				}
			})
		}
	})

	stop := make(chan struct{})
	var clients sync.WaitGroup
	var mu sync.Mutex
	served, refused, timedOut := 0, 0, 0
	for _, addr := range append(addrsOf(l), addrsOf(l)...) {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				c, err := net.DialTimeout("tcp", addr, 20*time.Millisecond)
				var ne net.Error
				mu.Lock()
				switch {
				case err == nil:
					served++
				case errors.Is(err, syscall.ECONNREFUSED):
					refused++
				case errors.As(err, &ne) && ne.Timeout():
					timedOut++
				default:
					t.Errorf("dial: %v", err)
				}
				mu.Unlock()
				if err != nil {
					continue
				}
				c.SetDeadline(time.Now().Add(soon))
				b := make([]byte, 4)
				if _, err := c.Write([]byte("ping")); err != nil {
					t.Errorf("%v: write after connect: %v", c.LocalAddr(), err)
				} else if n, err := c.Read(b); err != nil || string(b[:n]) != "ping" {
					t.Errorf("%v: read after connect: %q, %v", c.LocalAddr(), b[:n], err)
				}
				c.Close()
			}
		})
	}
	defer func() {
		close(stop)
		clients.Wait()
		l.Close()
		servers.Wait()
		t.Logf("served %d, refused %d, timed out %d", served, refused, timedOut)
	}()
	modes := []Mode{Drop, Refuse, Open, Refuse, Drop, Open}
	for i := range 200 {
		m := modes[i%len(modes)]
		if err := l.SetMode(m); err != nil {
			t.Fatal(err)
		}
		if m != Open {
			wait := soon // a refusal comes, however busy the machine is
			if m == Drop {
				wait = 20 * time.Millisecond
			}
			c, err := net.DialTimeout("tcp", l.Addr(), wait)
			var ne net.Error
			switch {
			case err == nil:
				c.Close()
				t.Fatalf("connected in mode %v", m)
			case m == Refuse && !errors.Is(err, syscall.ECONNREFUSED):
				t.Fatalf("refuse: %v", err)
			case m == Drop && !(errors.As(err, &ne) && ne.Timeout()):
				t.Fatalf("drop: %v", err)
			}
			continue
		}
		mu.Lock()
		before := served
		mu.Unlock()
		// Let clients through before the next switch.
		for deadline := time.Now().Add(soon); ; {
			mu.Lock()
			now := served
			mu.Unlock()
			if now > before+5 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("open, but nobody is served")
			}
			<-time.After(time.Millisecond)
		}
	}
}

func TestConcurrentSetMode(t *testing.T) {
	t.Parallel()
	needDrop(t)
	set := openSet(t)
	l := set.Listeners()[0]
	var all sync.WaitGroup
	for _, m := range []Mode{Open, Refuse, Drop, Open} {
		all.Go(func() {
			for range 20 {
				if err := l.SetMode(m); err != nil && !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	mustSet(t, l, Open)
	acceptFrom(t, l, mustDial(t, l.Addr()))
	all.Go(func() {
		for l.SetMode(Refuse) == nil && l.SetMode(Open) == nil {
		}
	})
	l.Close()
	all.Wait()
}

func BenchmarkSetMode(b *testing.B) {
	needDrop(b)
	for _, m := range []Mode{Drop, Refuse} {
		b.Run(m.String(), func(b *testing.B) {
			l := openSet(b).Listeners()[0]
			mustSet(b, l, m)
			for b.Loop() {
				mustSet(b, l, Open)
				mustSet(b, l, m)
			}
		})
	}
}
