// Package gate owns a client's socket, its TLS and the decrypted dialogue, and feeds a protocol engine that
// believes it is alone with a well-behaved network.
//
// A Gate belongs to one TCP connection. For each phase of it (before and after STARTTLS) it hands a fresh engine
// a Conn, an ordinary net.Conn whose Read returns at most one unit: a command line, a piece of a message or
// literal. Between two units everything that the engine had to say has been written, because engines are
// sequential; so this is where the gate acts: it answers in the engine's place, waits, cuts, or upgrades to TLS.
// Write takes the engine's output apart into lines, edits greetings and capability lists, and gathers what it
// sends until the engine is about to wait for the client.
//
// There is no goroutine beside the engine's own. What a scenario wants is asked of a fault.Conn; what happened is
// recorded through an event.Recorder. What a protocol is, the gate asks its protocol.Protocol: a fresh
// protocol.Framing for each phase says where units begin and end, and gets a port of the gate (port_client.go,
// port_engine.go, port_match.go) to work with.
//
// The gate also bounds what engines don't: lines, literals, idle time, time without reading.
package gate

import (
	"bufio"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/protocol"
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
	Protocol  *protocol.Protocol
	Protocols []*protocol.Protocol // of the whole rig, to tell whose client came to the wrong door
	Masker    *event.Masker        // hides the credentials of all of them
	TLS       bool                 // the door speaks TLS from the first byte
	StartTLS  bool                 // the door offers STARTTLS or STLS

	// Certificate returns the certificate of a profile, "" being the right one.
	Certificate func(profile string) (*tls.Certificate, error)
	// Bad reports whether a client that asks for serverName ("" for none) must refuse the certificate of a
	// profile; nil: it never must.
	Bad func(profile, serverName string) bool
	// Engine starts a protocol engine on c and returns; the engine closes c.
	Engine   func(c *Conn)
	Fault    *fault.Conn
	Recorder *event.Recorder

	Domain           string        // the server's name, in replies that the gate gives itself
	MailDomain       string        // of addresses that have none
	MaxMessageBytes  int64         // bound of a message; a scenario may make it smaller
	HandshakeTimeout time.Duration // 0: 30 s
	IdleTimeout      time.Duration // 0: the protocol's own
	WriteTimeout     time.Duration // 0: 1 min; how long a client may refuse to read
	DropUnsupported  bool          // the door should drop connections and can't on this system
	Logger           *slog.Logger
	OnQuiet          func() // no ClientHello for some seconds; called from a timer
	OnDone           func() // the connection is over and its engine has let go of it
}

// Beside answers commands that an engine lacks.
type Beside interface {
	// Capabilities lists what these commands add to the engine's capabilities.
	Capabilities() []string
	// Knows reports whether the engine has the command itself, and Has whether Answer does. verb is in any case,
	// with both words behind UID.
	Knows(verb string) bool
	Has(verb string) bool
	// Answer carries out a command. args is what follows its name, without the line end; literals are in it as
	// they came, "{3}\r\nabc". untagged sends a whole response. reply has no tag and no line end. err says
	// that the client is gone.
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
	rec   *event.Recorder

	pace   fault.Pace // of what goes out
	opened bool       // the client's first bytes have been looked at
	// The client is in the middle of a message.
	uploading bool
	early     bool // the next command has come before the reply to the one before it
	// Something was injected behind STARTTLS, and the client's first command inside TLS hasn't come yet.
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
			g.end(true, event.EndedByServer)
			g.finish(event.EndedByServer)
		}
	}()
	if !g.accept() {
		g.finish(event.EndedByScenario)
		return
	}
	if g.pace = g.fault.Pace(); g.pace.Bytes > 0 {
		g.rec.Add(&event.Setting{Name: event.SetPace, N: int64(g.pace.Bytes), Each: g.pace.Every}, g.pace.By)
	}
	speakTLS := g.cfg.TLS
	if mode, by := g.fault.First(); mode != "" {
		speakTLS = mode == fault.SpeakTLS
		if speakTLS != g.cfg.TLS {
			g.rec.Add(&event.Setting{Name: event.SetFirst, Text: string(mode)}, by)
		}
	}
	if speakTLS && !g.handshake(nil, false) {
		g.finish(event.EndedByClient)
		return
	}
	g.br = readers.Get().(*bufio.Reader)
	g.br.Reset(g.conn)
	g.fault.Phase(g.tls != nil)
	greet := g.fault.Greeting()
	if greet.Delay > 0 {
		g.rec.Add(&event.Delayed{Of: event.DelayedGreeting, For: greet.Delay}, greet.DelayBy)
		if !g.pause(greet.Delay) {
			g.end(false, event.EndedByClient)
			g.finish(event.EndedByClient)
			return
		}
		if g.br.Buffered() > 0 {
			g.rec.Notice(event.SpokeEarly, "")
		}
	}
	g.start(&greet)
}

// start gives a fresh engine a fresh Conn. With greet nil its greeting is
// swallowed: STARTTLS has no second one.
func (g *Gate) start(greet *fault.Greet) {
	c := &Conn{g: g, secure: g.tls != nil, greeting: true, greet: greet}
	c.port = &port{c: c, g: g}
	c.framing = g.cfg.Protocol.Framing(c.port)
	g.fault.Phase(c.secure)
	g.cur.Store(c)
	g.cfg.Engine(c)
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
// reports whether this is the refusal's last line. g.wmu is held.
func (g *Gate) refusedBy(last bool) string {
	by := g.refused
	if last {
		g.refused = ""
	}
	return by
}
