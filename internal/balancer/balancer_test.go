package balancer

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"
)

func TestSources(t *testing.T) {
	t.Parallel()
	s, err := ParseSources([]string{"10.0.0.7", "192.168.0.0/16", "::1", "2001:db8::/32", "::ffff:10.0.0.9"})
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]bool{
		"10.0.0.7:25": true, "10.0.0.8:25": false, "192.168.3.4:1": true, "[::1]:1": true, "[2001:db8::5]:1": true, "[2001:db9::5]:1": false,
		"[::ffff:10.0.0.7]:25": true, "[::ffff:192.168.3.4]:25": true, "10.0.0.9:25": true,
	} {
		a, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Has(a); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	if Sources(nil).Has(&net.TCPAddr{IP: net.IPv4(10, 0, 0, 7)}) || s.Has(&net.UnixAddr{}) {
		t.Error("has what isn't there")
	}
	for _, bad := range []string{"", "host.example", "10.0.0.0/33", "10.0.0.7:25"} {
		if _, err := ParseSources([]string{bad}); err == nil {
			t.Errorf("%q is an address", bad)
		}
	}
}

// said is a connection on which only these bytes come, one at a time.
type said struct {
	net.Conn
	r *bytes.Reader
}

func (c said) Read(p []byte) (int, error) { return c.r.Read(p[:min(1, len(p))]) }
func (said) RemoteAddr() net.Addr         { return &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7), Port: 7} }
func (said) LocalAddr() net.Addr          { return &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 25} }

// header returns a header of version 2, as the library writes it.
func header(t testing.TB, version byte, client, door string) string {
	t.Helper()
	a, _ := net.ResolveTCPAddr("tcp", client)
	b, _ := net.ResolveTCPAddr("tcp", door)
	text, err := proxyproto.HeaderProxyFromAddrs(version, a, b).Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func local(t testing.TB) string {
	t.Helper()
	text, err := (&proxyproto.Header{Version: 2, Command: proxyproto.LOCAL, TransportProtocol: proxyproto.UNSPEC}).Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestIntroduce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ head, client, door string }{
		"v1":             {"PROXY TCP4 192.0.2.1 192.0.2.2 4711 25\r\n", "192.0.2.1:4711", "192.0.2.2:25"},
		"v1, IPv6":       {"PROXY TCP6 2001:db8::1 2001:db8::2 4711 25\r\n", "[2001:db8::1]:4711", "[2001:db8::2]:25"},
		"v1, health":     {"PROXY UNKNOWN\r\n", "10.0.0.7:7", "10.0.0.1:25"},
		"v1, longest":    {"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "10.0.0.7:7", "10.0.0.1:25"},
		"v2":             {header(t, 2, "192.0.2.1:4711", "192.0.2.2:25"), "192.0.2.1:4711", "192.0.2.2:25"},
		"v2, IPv6":       {header(t, 2, "[2001:db8::1]:4711", "[2001:db8::2]:25"), "[2001:db8::1]:4711", "[2001:db8::2]:25"},
		"v2, health":     {local(t), "10.0.0.7:7", "10.0.0.1:25"},
		"v2 with values": {signature + "\x21\x11\x00\x10" + "\xc0\x00\x02\x01\xc0\x00\x02\x02\x12\x67\x00\x19" + "\x04\x00\x01x", "192.0.2.1:4711", "192.0.2.2:25"},
	} {
		c := said{r: bytes.NewReader([]byte(test.head + "EHLO"))}
		got, err := Introduce(c)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if a, b := got.RemoteAddr().String(), got.LocalAddr().String(); a != test.client || b != test.door {
			t.Errorf("%s: from %s to %s, want %s and %s", name, a, b, test.client, test.door)
		}
		if rest, _ := io.ReadAll(got); string(rest) != "EHLO" {
			t.Errorf("%s: left is %q", name, rest)
		}
	}
}

func TestNoHeader(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"SMTP":            "EHLO client.example\r\nQUIT\r\n",
		"TLS":             "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00",
		"v1, too long":    "PROXY TCP4 " + strings.Repeat("1", 200) + "\r\n",
		"v1, no address":  "PROXY TCP4 here there 1 2\r\n",
		"v1, half":        "PROXY TCP4 192.0.2.1",
		"v2, half":        signature + "\x21\x11\x00\x0c\xc0",
		"v2, too long":    signature + "\x21\x11\xff\xff" + strings.Repeat("x", 70000),
		"v2, version 3":   signature + "\x31\x11\x00\x00EHLO",
		"v2, no room":     signature + "\x21\x11\x00\x04\xc0\x00\x02\x01",
		"only few bytes":  "QUIT",
		"half signature.": signature[:5],
	} {
		r := bytes.NewReader([]byte(text))
		if _, err := Introduce(said{r: r}); !errors.Is(err, ErrNoHeader) {
			t.Errorf("%s: %v", name, err)
		}
		if read := len(text) - r.Len(); read > longestV1 { // what is too long isn't read first
			t.Errorf("%s: %d bytes are read", name, read)
		}
	}
	if _, err := Introduce(said{r: bytes.NewReader(nil)}); !errors.Is(err, ErrNothing) {
		t.Errorf("nothing: %v", err)
	}
}

// FuzzIntroduce checks that no more is read than a header has, whatever comes.
func FuzzIntroduce(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.0.2.1 192.0.2.2 4711 25\r\nEHLO"))
	f.Add([]byte(header(f, 2, "192.0.2.1:4711", "192.0.2.2:25") + "EHLO"))
	f.Add([]byte(local(f)))
	f.Add([]byte("EHLO client\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		conn, err := Introduce(said{r: r})
		if read := len(b) - r.Len(); read > fixedV2+longestV2 {
			t.Errorf("%d bytes are read", read)
		}
		if (conn == nil) == (err == nil) {
			t.Errorf("%v and %v", conn, err)
		}
		if err == nil && (conn.RemoteAddr() == nil || conn.LocalAddr() == nil) {
			t.Error("no address")
		}
	})
}
