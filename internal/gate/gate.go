// Package gate owns a client's socket, its TLS and the decrypted dialogue, and
// feeds a protocol engine that believes to be alone with a well-behaved network.
//
// A Gate belongs to one TCP connection. For each phase of it (before and after
// STARTTLS) it hands a fresh engine a Conn, an ordinary net.Conn whose Read
// returns at most one unit: a command line, a piece of a message or literal.
// Between two units everything that the engine had to say has been written,
// because engines are sequential; so this is where the gate acts: it answers in
// the engine's place, waits, cuts, or upgrades to TLS. Write takes the engine's
// output apart into lines, edits greetings and capability lists, and gathers
// what it sends until the engine is about to wait for the client.
//
// There is no goroutine beside the engine's own. What a scenario wants is asked
// of a fault.Conn; what happened goes to a transcript.Recorder. The three
// dialects (smtp.go, imap.go, pop3.go) know where units begin and end, how a
// reply is written and where the capability list is. They find boundaries, not
// meaning.
//
// The gate also bounds what engines don't (lines, literals, idle time) and hides
// what they do wrong; each such place cites the reason.
package gate

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/transcript"
)

// Bounds of every connection.
const (
	bufferSize = 4 << 10   // of the reader; longer lines are gathered elsewhere
	flushSize  = 16 << 10  // replies gathered before they are sent: one TLS record
	maxSwallow = 128 << 20 // bytes of an over-long line or refused literal that are read to stay in step
	lingerTime = 2 * time.Second
	quietTime  = 3 * time.Second // without a ClientHello: then it is worth saying
)

// Config is what a gate must know.
type Config struct {
	Protocol string // smtp, imap or pop3
	TLS      bool   // the door speaks TLS from the first byte
	StartTLS bool   // the door offers STARTTLS or STLS

	// Certificate returns the certificate of a profile, "" being the right one.
	Certificate func(profile string) (*tls.Certificate, error)
	// Engine starts a protocol engine on c and returns; the engine closes c.
	Engine   func(c *Conn)
	Fault    *fault.Conn
	Recorder *transcript.Recorder

	Domain           string        // the server's name, in replies that the gate gives itself
	MailDomain       string        // of addresses that have none
	MaxMessageBytes  int64         // bound of a message; a scenario may make it smaller
	HandshakeTimeout time.Duration // 0: 30 s
	IdleTimeout      time.Duration // 0: the protocol's own, see each dialect
	WriteTimeout     time.Duration // 0: 1 min; how long a client may refuse to read
	DropUnsupported  bool          // the door should drop connections and can't on this system
	Logger           *slog.Logger
	OnQuiet          func() // no ClientHello for some seconds; called from a timer
	OnDone           func() // the connection is over and its engine has let go of it
}

// Beside answers commands that an engine lacks. IMAP only.
type Beside interface {
	// Capabilities lists what these commands add to the engine's capabilities.
	Capabilities() []string
	// Knows reports whether the engine has the command itself. verb is in any case, with
	// both words behind UID.
	Knows(verb string) bool
	// Has reports whether Answer carries the command out.
	Has(verb string) bool
	// Answer carries out a command. args is what follows its name, without the line end.
	// untagged sends a whole response. reply has no tag and no line end. err says that the
	// client is gone.
	Answer(verb string, args []byte, untagged func(line string) error) (reply string, err error)
}

// Gate is one connection.
type Gate struct {
	cfg   Config
	raw   *tap     // the socket
	conn  net.Conn // what the dialogue goes over: raw or TLS
	tls   *tls.Conn
	br    *bufio.Reader
	fault *fault.Conn
	rec   *transcript.Recorder

	pace   fault.Pace // of what goes out
	opened bool       // the client's first bytes have been looked at
	// Something was injected behind STARTTLS, and the client's first command inside TLS
	// hasn't come yet.
	injected bool
	readBy   deadline // of the socket; the engine's goroutine only

	wmu     sync.Mutex
	out     *[]byte // gathered replies; nil when there are none
	reading bool    // the engine waits for the client: send at once
	writeBy deadline
	werr    error
	muted   bool   // a scenario wants nothing to be said any more
	refused string // scenario that refused what is being answered

	cur    atomic.Pointer[Conn]
	closed chan struct{}
	once   sync.Once
	left   atomic.Bool // the client has gone
	idled  atomic.Bool // ... because it said nothing for too long
	ended  sync.Once
}

// New makes the gate of a connection. Run does the work.
func New(raw net.Conn, cfg Config) *Gate {
	if cfg.HandshakeTimeout == 0 {
		cfg.HandshakeTimeout = 30 * time.Second
	}
	if cfg.WriteTimeout == 0 {
		cfg.WriteTimeout = time.Minute
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	t := &tap{Conn: raw}
	return &Gate{
		cfg: cfg, raw: t, conn: t, fault: cfg.Fault, rec: cfg.Recorder,
		closed: make(chan struct{}),
	}
}

// Run brings the connection to the point where an engine has taken over, and
// returns then; or when it is over already.
func (g *Gate) Run() {
	defer func() {
		// A fault of ours must cost one connection, not the process.
		if v := recover(); v != nil {
			g.cfg.Logger.Error("panic in the gate", "panic", v, "stack", string(debug.Stack()))
			g.end(true, transcript.EndedByServer)
			g.finish(transcript.EndedByServer)
		}
	}()
	if !g.accept() {
		g.finish(transcript.EndedByScenario)
		return
	}
	if g.pace = g.fault.Pace(); g.pace.Bytes > 0 {
		g.rec.Note(fmt.Sprintf("%d bytes every %v", g.pace.Bytes, g.pace.Every), g.pace.By)
	}
	speakTLS := g.cfg.TLS
	if mode, by := g.fault.First(); mode != "" {
		speakTLS = mode == fault.SpeakTLS
		if speakTLS != g.cfg.TLS {
			g.rec.Note("this door speaks "+string(mode)+" first, against its nature", by)
		}
	}
	if speakTLS && !g.handshake(nil, false) {
		g.finish(transcript.EndedByClient)
		return
	}
	g.br = readers.Get().(*bufio.Reader)
	g.br.Reset(g.conn)
	g.fault.Phase(g.tls != nil)
	greet := g.fault.Greeting()
	if greet.Delay > 0 {
		g.rec.Mark(transcript.Delayed, "greeting delayed by "+greet.Delay.String(), greet.DelayBy)
		if !g.pause(greet.Delay) {
			g.end(false, transcript.EndedByClient)
			g.finish(transcript.EndedByClient)
			return
		}
		if g.br.Buffered() > 0 {
			g.rec.Mark(transcript.SpokeEarly, "the client spoke before the greeting", "")
		}
	}
	g.start(&greet)
}

// accept does what a scenario wants of a connection just accepted, and tells if
// it goes on.
func (g *Gate) accept() bool {
	mode, by := g.fault.Accept(!g.cfg.DropUnsupported)
	switch mode {
	case fault.AcceptSilent:
		if g.cfg.DropUnsupported {
			g.rec.Mark(transcript.Silent, "this system can't drop connections: accepted, and silent instead", by)
		} else {
			g.rec.Mark(transcript.Silent, "accepted, and silent", by)
		}
		g.listen(g.raw)
		g.end(false, transcript.EndedByScenario)
	case fault.AcceptPortal:
		g.rec.Note("answered like a captive portal", by)
		g.rec.Said(transcript.FromServer, transcript.Reply, []byte(portal), by)
		g.raw.SetWriteDeadline(time.Now().Add(g.cfg.WriteTimeout))
		_, _ = io.WriteString(g.raw, portal)
		if t, ok := g.raw.Conn.(interface{ CloseWrite() error }); ok {
			t.CloseWrite()
		}
		g.raw.SetReadDeadline(time.Now().Add(lingerTime))
		g.listen(g.raw) // a client may go on all the same
		g.end(false, transcript.EndedByScenario)
	case fault.AcceptClose, fault.AcceptReset:
		g.rec.Mark(transcript.Cut, "accepted, and cut at once ("+string(mode)+")", by)
		g.end(mode == fault.AcceptReset, transcript.EndedByScenario)
	default:
		return true
	}
	return false
}

// portal is what a captive portal answers to whatever it takes for a request.
const portal = "HTTP/1.1 302 Found\r\nLocation: http://portal.example/login\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

// listen takes down what the client says, and never answers, until it goes.
func (g *Gate) listen(r io.Reader) {
	br := bufio.NewReaderSize(r, 512)
	hello := false // TLS from here on: what looks like a line in it is none
	for {
		line, err := br.ReadSlice('\n')
		if hello = hello || isClientHello(line); hello && len(line) > 0 {
			line = transcript.MaskedLine()
			g.rec.Said(transcript.FromClient, transcript.Data, line, "")
		} else {
			g.overheard(line)
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}

// overheard takes down what nobody answers, so that nobody knows what it is: a line
// that could be a password of an exchange is kept only by its length.
func (g *Gate) overheard(line []byte) {
	if len(line) == 0 {
		return
	}
	word, _ := cutWord(line)
	if isClientHello(line) || !isVerb(g.cfg.Protocol, word) {
		line = transcript.MaskedLine()
	} else {
		line = transcript.Mask(line)
	}
	g.rec.Said(transcript.FromClient, transcript.Data, line, "")
}

// isVerb tells if a line that begins with this word may be a command of the protocol.
func isVerb(protocol, word string) bool {
	switch protocol {
	case "smtp":
		return smtpVerbs[strings.ToUpper(word)]
	case "pop3":
		return pop3Verbs[strings.ToUpper(word)]
	}
	return isTag(word) && len(word) < 16
}

// start gives a fresh engine a fresh Conn. With greet nil its greeting is
// swallowed: STARTTLS has no second one.
func (g *Gate) start(greet *fault.Greet) {
	c := &Conn{g: g, secure: g.tls != nil, greeting: true, greet: greet}
	switch g.cfg.Protocol {
	case "smtp":
		c.dialect = &smtp{c: c, g: g}
	case "imap":
		c.dialect = &imap{c: c, g: g, sync: -1}
	default:
		c.dialect = &pop3{c: c, g: g}
	}
	g.fault.Phase(c.secure)
	g.cur.Store(c)
	g.cfg.Engine(c)
}

// Shutdown ends the connection from outside, whatever it is doing.
func (g *Gate) Shutdown() { g.end(true, transcript.EndedByShutdown) }

// end closes the socket, once. hard resets it: RST, and no close_notify.
func (g *Gate) end(hard bool, by transcript.EndedBy) {
	if hard {
		g.shut(fault.EndReset, by)
	} else {
		g.shut(fault.EndClose, by)
	}
}

// shut closes the socket, once, in one of the ways that there are.
func (g *Gate) shut(how fault.End, by transcript.EndedBy) {
	if how != fault.EndReset {
		g.flush() // not inside Do: whoever wants to reset meanwhile must not wait for it
	}
	g.once.Do(func() {
		if g.left.Load() && by == transcript.EndedByServer {
			by = transcript.EndedByClient
			if g.idled.Load() {
				by = transcript.EndedByTimeout
			}
		}
		close(g.closed)
		switch how {
		case fault.EndReset:
			if t, ok := g.raw.Conn.(*net.TCPConn); ok {
				t.SetLinger(0)
			}
			g.raw.Close() // below TLS
		case fault.EndTruncate:
			g.raw.Close()
		default:
			g.conn.Close()
		}
		g.rec.End(by)
	})
}

// finish gives back what the gate holds. by counts only if nobody has ended the
// connection before.
func (g *Gate) finish(by transcript.EndedBy) {
	g.end(false, by)
	g.ended.Do(func() {
		g.fault.Close()
		g.wmu.Lock()
		g.release()
		g.wmu.Unlock()
		if g.br != nil {
			g.br.Reset(nil)
			readers.Put(g.br)
		}
		if g.cfg.OnDone != nil {
			g.cfg.OnDone()
		}
	})
}

// farewell writes a last reply and closes without losing it: closing while the
// client still sends would reset the connection and could take the reply along.
func (g *Gate) farewell(b []byte, by transcript.EndedBy) {
	if b != nil {
		g.say(b, "")
	}
	g.flush()
	if t, ok := g.raw.Conn.(interface{ CloseWrite() error }); ok && g.tls == nil {
		t.CloseWrite()
	} else if g.tls != nil {
		g.tls.CloseWrite()
	}
	g.raw.SetReadDeadline(time.Now().Add(lingerTime))
	io.Copy(io.Discard, io.LimitReader(g.raw, maxSwallow))
	g.end(false, by)
}

// maxBytes is the bound of a message, by configuration and by what a scenario wants.
func (g *Gate) maxBytes() int64 {
	limit := g.fault.Limits().MessageBytes
	if limit <= 0 || g.cfg.MaxMessageBytes > 0 && g.cfg.MaxMessageBytes < limit {
		return g.cfg.MaxMessageBytes
	}
	return limit
}

// canonical is a user's name as rules see it: with a domain, which is in lower case.
func (g *Gate) canonical(user string) string {
	if user == "" {
		return ""
	}
	local, domain, ok := strings.Cut(user, "@")
	if !ok {
		domain = g.cfg.MailDomain
	}
	return local + "@" + strings.ToLower(domain)
}

// TLSState returns the state of the connection's TLS; ok is false in clear.
func (g *Gate) TLSState() (state tls.ConnectionState, ok bool) {
	if g.tls == nil {
		return state, false
	}
	return g.tls.ConnectionState(), true
}

var errClosed = net.ErrClosed

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// Refused tells the gate that the reply which the engine is about to give was made
// up by a scenario. It is called from below the engine, on the engine's own
// goroutine.
func (g *Gate) Refused(by string) {
	g.wmu.Lock()
	defer g.wmu.Unlock()
	g.refused = by
}

// refusedBy returns the scenario whose refusal the engine now repeats; last
// tells if this is the refusal's last line. g.wmu is held.
func (g *Gate) refusedBy(last bool) string {
	by := g.refused
	if last {
		g.refused = ""
	}
	return by
}
