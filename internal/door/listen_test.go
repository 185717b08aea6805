package door

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// openSet opens all doors on free ports, on the hosts given.
func openSet(t testing.TB, hosts ...string) *Set {
	t.Helper()
	set, err := Listen(t.Context(), Config{Hosts: hosts, Offset: Random()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Close)
	return set
}

// addrsOf returns the door's addresses as strings that can be dialled.
func addrsOf(l *Listener) []string {
	var all []string
	for _, a := range l.Addrs() {
		all = append(all, a.String())
	}
	return all
}

func TestListenMergesFamilies(t *testing.T) {
	t.Parallel()
	set := openSet(t)
	if len(set.Listeners()) != len(All()) {
		t.Fatalf("%d listeners, want %d", len(set.Listeners()), len(All()))
	}
	for _, l := range set.Listeners() {
		addrs := l.Addrs()
		if set.noIPv6 == nil && (len(addrs) != 2 || addrs[0].(*net.TCPAddr).Port != addrs[1].(*net.TCPAddr).Port) {
			t.Errorf("%v listens on %v, want one port number on IPv4 and IPv6", l.Door(), addrs)
		}
		if !strings.HasPrefix(l.Addr(), "127.0.0.1:") {
			t.Errorf("%v tells people %s", l.Door(), l.Addr())
		}
		for _, addr := range addrsOf(l) {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			s, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if s.LocalAddr().String() != addr || s.RemoteAddr().String() != c.LocalAddr().String() {
				t.Errorf("dialled %s, accepted %v from %v", addr, s.LocalAddr(), s.RemoteAddr())
			}
			c.Close()
			s.Close()
		}
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for hosts, want := range map[string]string{
		"":                       "tcp4/127.0.0.1 tcp6/::1?",
		"localhost":              "tcp4/127.0.0.1 tcp6/::1?",
		"127.0.0.1 localhost":    "tcp4/127.0.0.1 tcp6/::1?",
		"::1":                    "tcp6/::1",
		"[::1]":                  "tcp6/::1",
		"0.0.0.0":                "tcp4/0.0.0.0",
		"::":                     "tcp/::",
		"0.0.0.0 ::":             "tcp4/0.0.0.0 tcp6/::?",
		"0.0.0.0 127.0.0.1 ::1":  "tcp4/0.0.0.0 tcp6/::1?",
		"::ffff:127.0.0.1":       "tcp4/127.0.0.1",
		"127.0.0.1:25":           "neither an address nor a name",
		"no-such-host.invalid":   "no-such-host.invalid",
		"http://127.0.0.1":       "neither an address nor a name",
		"127.0.0.2 127.0.0.1 ::": "tcp4/127.0.0.2 tcp4/127.0.0.1 tcp6/::?",
	} {
		// No test waits for a resolver.
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		addrs, err := resolveHosts(ctx, strings.Fields(hosts))
		cancel()
		if err != nil {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v", hosts, err)
			}
			continue
		}
		var got []string
		for _, a := range addrs {
			s := fmt.Sprintf("%s/%s", a.network, a.ip)
			if a.optional {
				s += "?"
			}
			got = append(got, s)
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%q: %s, want %s", hosts, g, want)
		}
	}
	if _, err := resolveHosts(t.Context(), []string{""}); err == nil {
		t.Error("an empty host is accepted")
	}
}

func TestWildcardHosts(t *testing.T) {
	t.Parallel()
	for _, hosts := range [][]string{{"0.0.0.0"}, {"::"}, {"0.0.0.0", "::"}} {
		set, err := Listen(t.Context(), Config{Hosts: hosts, Offset: Random()})
		if err != nil {
			if errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL) {
				t.Skip(err)
			}
			t.Fatal(err)
		}
		l := set.Listeners()[0]
		c, err := net.Dial("tcp", l.Addr())
		if err != nil {
			t.Errorf("%v: %v", hosts, err)
		} else {
			c.Close()
		}
		if strings.Contains(l.Addr(), "0.0.0.0") || strings.Contains(l.Addr(), "[::]") {
			t.Errorf("%v: people are told %s", hosts, l.Addr())
		}
		set.Close()
	}
}

func TestMissingIPv6(t *testing.T) {
	t.Parallel()
	// No machine has this documentation address (RFC 3849), so it fails as ::1 does where IPv6 is switched off.
	absent := netip.MustParseAddr("2001:db8::1")
	v4 := bindAddr{network: "tcp4", ip: netip.MustParseAddr("127.0.0.1")}
	o := opener{ctx: t.Context(), doors: All(), addrs: []bindAddr{v4, {network: "tcp6", ip: absent, optional: true}}}
	if err := o.openRandom(); err != nil {
		t.Fatal(err)
	}
	defer o.letGo()
	if o.noIPv6 == nil || len(o.sockets[0]) != 1 {
		t.Errorf("noIPv6 = %v with %d sockets", o.noIPv6, len(o.sockets[0]))
	}
	_, err := Listen(t.Context(), Config{Hosts: []string{absent.String()}, Offset: Random()})
	var bind *BindError
	if !errors.As(err, &bind) || !strings.Contains(err.Error(), "--host") {
		t.Errorf("a required address that is missing: %v", err)
	}
}

// freeOffset opens all doors at an offset that is free. They stay open: another program may take any port that
// is given back.
func freeOffset(t *testing.T) (*Set, int) {
	t.Helper()
	for n := 40000; n < maxOffset-DefaultOffset; n += 37 {
		exact, err := Exact(n)
		if err != nil {
			t.Fatal(err)
		}
		if set, err := Listen(t.Context(), Config{Offset: exact}); err == nil {
			t.Cleanup(func() { set.Close() })
			return set, n
		}
	}
	t.Skip("no free range of ports")
	return nil, 0
}

func TestExactOffset(t *testing.T) {
	set, n := freeOffset(t)
	exact, _ := Exact(n)
	for _, l := range set.Listeners() {
		if p := l.Addrs()[0].(*net.TCPAddr).Port; p != l.Door().Port+n {
			t.Errorf("%v listens on %d", l.Door(), p)
		}
	}

	_, err := Listen(t.Context(), Config{Offset: exact})
	var bind *BindError
	if !errors.As(err, &bind) || !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("the second time: %v", err)
	}
	for _, part := range []string{
		fmt.Sprintf("port 25 (smtp) at 127.0.0.1:%d", n+25), fmt.Sprintf("port 993 (imaps) at 127.0.0.1:%d", n+993),
		"address already in use", "--port-offset random",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error lacks %q:\n%v", part, err)
		}
	}
	set.Close()

	// All or nothing: if one port is taken, the others are free again after the error.
	taken, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", n+143))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, err := Listen(t.Context(), Config{Offset: exact}); err == nil {
		t.Fatal("opened a port that is taken")
	}
	for _, d := range All() {
		if d.Port == 143 {
			continue
		}
		ln, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", n+d.Port))
		if err != nil {
			t.Errorf("left bound: %v", err)
			continue
		}
		ln.Close()
	}
}

// TestBindErrorTexts checks the texts and the decision of the automatic rule on made-up failures, because the rule
// itself uses fixed ports.
func TestBindErrorTexts(t *testing.T) {
	t.Parallel()
	fail := func(port int, err error) Failure {
		d := All()[slices.IndexFunc(All(), func(d Door) bool { return d.Port == port })]
		return Failure{Door: d, Addr: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port)), Err: err}
	}
	for _, tt := range []struct {
		failures []Failure
		brief    string
		movable  bool
		hint     string
	}{
		{[]Failure{fail(25, syscall.EACCES)}, "port 25: permission denied", true, "--port-offset 3000"},
		{[]Failure{fail(25, syscall.EACCES), fail(25, syscall.EACCES), fail(465, syscall.EACCES), fail(143, syscall.EADDRINUSE)},
			"ports 25 and 465: permission denied; port 143: address already in use", true, "another program"},
		{[]Failure{fail(25, syscall.EACCES), fail(110, syscall.EADDRNOTAVAIL)},
			"port 25: permission denied; port 110: cannot assign requested address", false, "--host"},
	} {
		e := &BindError{Failures: tt.failures}
		if !strings.EqualFold(e.brief(), tt.brief) {
			t.Errorf("brief: %q, want %q", e.brief(), tt.brief)
		}
		if e.movable() != tt.movable {
			t.Errorf("%s: movable = %v", tt.brief, e.movable())
		}
		if !strings.Contains(e.Error(), tt.hint) || !errors.Is(e, tt.failures[0].Err) {
			t.Errorf("no %q in %v", tt.hint, e)
		}
		e.Moved = "port 25: permission denied"
		if !strings.Contains(e.Error(), "nor 3000 higher") {
			t.Errorf("fallback not named in %v", e)
		}
	}
}

func TestRandomPortsDiffer(t *testing.T) {
	t.Parallel()
	var ports []int
	for _, l := range openSet(t).Listeners() {
		ports = append(ports, l.Addrs()[0].(*net.TCPAddr).Port)
	}
	slices.Sort(ports)
	if len(slices.Compact(slices.Clone(ports))) != len(All()) {
		t.Errorf("ports %v", ports)
	}
}

func TestListenCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if set, err := Listen(ctx, Config{Offset: Random()}); err == nil {
		set.Close()
		t.Fatal("opened with a cancelled context")
	}
}
