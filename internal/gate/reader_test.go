package gate

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"testing"
	"testing/iotest"
	"time"
)

// TestReaderReadsLikeBufio does the same random calls with a reader and with a bufio.Reader.
func TestReaderReadsLikeBufio(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		input := make([]byte, random.IntN(40_000))
		for i := range input {
			if input[i] = 'x'; random.IntN(1+int(seed)*200) == 0 {
				input[i] = '\n'
			}
		}
		ours := new(reader)
		ours.Reset(iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(input))))
		theirs := bufio.NewReaderSize(bytes.NewReader(input), bufferSize)
		for step := range 2000 {
			var a, b []byte
			var aErr, bErr error
			switch n := random.IntN(bufferSize + 2); random.IntN(4) {
			case 0:
				a, aErr = ours.ReadSlice('\n')
				b, bErr = theirs.ReadSlice('\n')
			case 1:
				a, aErr = ours.Peek(n)
				b, bErr = theirs.Peek(n)
			case 2:
				if n = min(n, ours.Buffered(), theirs.Buffered()); n > 0 {
					ours.Discard(n)
					theirs.Discard(n)
				}
			case 3:
				a, b = make([]byte, n/16), make([]byte, n/16)
				n, aErr = io.ReadFull(ours, a)
				a = a[:n]
				n, bErr = io.ReadFull(theirs, b)
				b = b[:n]
			}
			if !bytes.Equal(a, b) || aErr != bErr {
				t.Fatalf("seed %d, step %d: %d bytes and %v, want %d bytes and %v", seed, step, len(a), aErr, len(b), bErr)
			}
			if aErr == io.EOF {
				break
			}
		}
	}
}

// TestReaderHoldsNothingWhileNothingComes: the buffer is given back before the reader waits, in clear and with TLS.
func TestReaderHoldsNothingWhileNothingComes(t *testing.T) {
	t.Parallel()
	if !canTry {
		t.Skip("not on this operating system")
	}
	for _, secure := range []bool{false, true} {
		client, server := tcpPair(t)
		var from io.Reader = &tap{Conn: server}
		if secure {
			web := httptest.NewUnstartedServer(nil) // for its certificate
			web.StartTLS()
			defer web.Close()
			c := tls.Server(from.(*tap), &tls.Config{Certificates: web.TLS.Certificates})
			s := tls.Client(client, &tls.Config{InsecureSkipVerify: true})
			go s.Handshake()
			if err := c.Handshake(); err != nil {
				t.Fatal(err)
			}
			if err := s.Handshake(); err != nil { // waits for the other one
				t.Fatal(err)
			}
			from, client = c, s
		}
		r := new(reader)
		r.Reset(from)
		for range 3 {
			if _, err := io.WriteString(client, "NOOP\r\n"); err != nil {
				t.Fatal(err)
			}
			if line, err := r.ReadSlice('\n'); err != nil || string(line) != "NOOP\r\n" {
				t.Fatalf("%q, %v", line, err)
			}
		}
		server.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if _, err := r.Peek(1); !isTimeout(err) {
			t.Fatalf("waiting ended with %v", err)
		}
		if r.buf != nil {
			t.Errorf("secure %v: a reader that waits holds %d bytes", secure, len(r.buf.b))
		}
	}
}

// TestReaderShrinks: the beginning of a command behind a message doesn't keep the large buffer.
func TestReaderShrinks(t *testing.T) {
	t.Parallel()
	if !canTry {
		t.Skip("not on this operating system")
	}
	client, server := tcpPair(t)
	r := new(reader)
	r.Reset(&tap{Conn: server})
	r.large = true
	if _, err := io.WriteString(client, "the end\r\n.\r\nNO"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Peek(len("the end\r\n.\r\nNO")); err != nil || len(r.buf.b) != uploadSize {
		t.Fatal(err, r.Size())
	}
	r.Discard(len("the end\r\n.\r\n"))
	r.large = false
	if _, err := io.WriteString(client, "OP\r\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := r.ReadSlice('\n'); err != nil || string(line) != "NOOP\r\n" || r.Size() != bufferSize {
		t.Errorf("%q, %v, in a buffer of %d bytes", line, err, r.Size())
	}
}

// TestAwaitKeepsTheError: what ended the waiting is what the next read returns, at once.
func TestAwaitKeepsTheError(t *testing.T) {
	t.Parallel()
	client, server := tcpPair(t)
	r := new(reader)
	r.Reset(&tap{Conn: server})
	server.SetReadDeadline(time.Now().Add(-time.Second))
	r.Await()
	server.SetReadDeadline(time.Time{})
	if _, err := r.Peek(1); !isTimeout(err) {
		t.Fatalf("waiting ended with %v", err)
	}
	if _, err := io.WriteString(client, "x"); err != nil {
		t.Fatal(err)
	}
	if r.Await(); r.Buffered() != 1 {
		t.Errorf("%d bytes are buffered", r.Buffered())
	}
}

// TestReaderAllocatesNothing: each buffer is used again.
func TestReaderAllocatesNothing(t *testing.T) {
	client, server := tcpPair(t)
	r := new(reader)
	r.Reset(&tap{Conn: server})
	line := []byte("MAIL FROM:<a@example.test>\r\n")
	if n := testing.AllocsPerRun(200, func() {
		if _, err := client.Write(line); err != nil {
			t.Fatal(err)
		}
		if _, err := r.ReadSlice('\n'); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations for a line", n)
	}
}

func tcpPair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// TestReaderTries checks that Try reads what has come and doesn't wait for more, and that it keeps the end for the next
// read.
func TestReaderTries(t *testing.T) {
	t.Parallel()
	if !canTry {
		t.Skip("sockets can't be asked here")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := new(reader)
	r.Reset(&tap{Conn: conn})
	if r.Try() || r.buf != nil {
		t.Fatal("the client has said nothing, and a buffer is held for it")
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !ok(); {
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}
	io.WriteString(client, "MAIL\r\n")
	until("what the client said isn't seen", r.Try)
	if line, err := r.ReadSlice('\n'); string(line) != "MAIL\r\n" || err != nil {
		t.Fatalf("got %q, %v", line, err)
	}
	client.Close()
	until("that the client has left isn't seen", func() bool { r.Try(); return r.err != nil })
	if _, err := r.Peek(1); err != io.EOF {
		t.Errorf("got %v, want the end", err)
	}
}
