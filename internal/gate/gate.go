// Package gate owns a client's socket, its TLS and the decrypted dialogue. It feeds a protocol engine that believes it
// is alone with a well-behaved network.
//
// A Gate belongs to one TCP connection. For each phase of the connection, before and after STARTTLS, it hands a fresh
// engine a Conn. A Conn is an ordinary net.Conn whose Read returns at most one unit: a command line, or a piece of a
// message or literal. Engines are sequential, so between two units the engine has written everything that it had to
// say. That is where the gate acts: it answers in the engine's place, waits, cuts, or upgrades to TLS. Write splits the
// engine's output into lines, edits greetings and capability lists, and buffers the output until the engine is about to
// wait for the client.
//
// The server makes a Gate for each connection it accepts. The gate has no goroutine besides the engine's. It asks a
// fault.Conn what the scenario wants, and records what happened through an event.Recorder. It knows no protocol by
// name: a protocol.Framing, fresh for each phase, says where units begin and end. The framing works with the gate's
// port (port_client.go, port_engine.go, port_match.go). To serve another protocol, write a protocol.Protocol; the gate
// stays as it is.
//
// The gate also sets the limits that engines lack: on lines, literals, idle time, and the time a client may refuse to
// read.
package gate

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
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
	"github.com/mailrig/mailrig/internal/spool"
)

// Limits of every connection.
const (
	bufferSize = 4 << 10   // bytes of the read buffer; longer lines are gathered elsewhere
	uploadSize = 32 << 10  // bytes of the read buffer while a message comes
	flushSize  = 16 << 10  // bytes of replies gathered before they are sent: one TLS record
	maxSwallow = 128 << 20 // bytes of an over-long line or a refused literal that are read to stay in step
	lingerTime = 2 * time.Second
	quietTime  = 3 * time.Second // without a ClientHello; after that the gate reports it
)

// Rig is what the gates of a rig have in common.
type Rig struct {
	Protocols []*protocol.Protocol // all that the rig serves, to tell which client came to the wrong door
	Masker    *protocol.Masker     // hides the credentials of all these protocols

	// Certificate returns the certificate of a profile. "" is the correct certificate.
	Certificate func(profile string) (*tls.Certificate, error)
	// Bad reports whether a client that asks for serverName ("" if it sends no SNI) must refuse the certificate of a
	// profile. A nil Bad means never.
	Bad func(profile, serverName string) bool

	Domain           string        // the server's own name, used in the gate's own replies
	MailDomain       string        // appended to addresses that have no domain
	MaxMessageBytes  int64         // largest message, in bytes; a scenario may set a smaller limit
	HandshakeTimeout time.Duration // 0 means 30 s
	IdleTimeout      time.Duration // 0 means the protocol's own
	WriteTimeout     time.Duration // how long a client may refuse to read; 0 means 1 min
	Logger           *slog.Logger  // nil is silent
	Spool            spool.Room    // where messages are while they arrive
	// Park takes over a connection whose link a scenario has let die: it must be kept open, and neither read nor written.
	// A nil Park means that nobody takes it; the gate then stays silent instead.
	Park func(net.Conn)
}

func (r *Rig) writeTimeout() time.Duration { return cmp.Or(r.WriteTimeout, time.Minute) }

func (r *Rig) handshakeTimeout() time.Duration { return cmp.Or(r.HandshakeTimeout, 30*time.Second) }

func (r *Rig) logger() *slog.Logger {
	if r.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return r.Logger
}

// Config configures a gate. Many gates share the Rig, so the gate doesn't change it.
type Config struct {
	*Rig
	Protocol        *protocol.Protocol
	TLS             bool // the door begins TLS with the first byte
	StartTLS        bool // the door offers STARTTLS or STLS
	DropUnsupported bool // the door should drop connections, and this operating system can't

	// Needs says what the client must do before it may log in or send mail. nil means nothing.
	Needs Needs

	// Engine starts a protocol engine on c and returns. The engine closes c.
	Engine   func(c *Conn)
	Fault    *fault.Conn
	Recorder *event.Recorder
	OnQuiet  func() // called from a timer when no ClientHello has come for 3 s
	OnDone   func() // called when the connection is over and its engine has closed it
}

// Needs is what a connection's door still wants of the client. Package session implements it.
type Needs interface {
	NeedsTLS() bool
	NeedsLogin() bool
	// NeedsSASL reports whether no command may log in that carries the password.
	NeedsSASL() bool
	// AsksCertificate reports whether TLS asks the client for its certificate, which it needn't have.
	AsksCertificate() bool
}

// Beside answers the commands that an engine lacks.
type Beside interface {
	// Capabilities lists the capabilities that these commands add to the engine's.
	Capabilities() []string
	// Knows reports whether the engine itself has the command, Has whether Answer has it. verb may be in any case and
	// includes a sub-command, as in UID SORT.
	Knows(verb string) bool
	Has(verb string) bool
	// Answer carries out a command. args is what follows its verb, without the line end. Literals in args stand as they
	// came: "{3}\r\nabc". untagged sends one complete response. The reply has no tag and no line end. An error means
	// that the client has gone.
	Answer(verb string, args []byte, untagged func(line string) error) (reply string, err error)
}

// Gate controls one connection.
type Gate struct {
	cfg   Config
	raw   *tap     // the socket
	conn  net.Conn // carries the dialogue: raw or tls
	tls   *tls.Conn
	leaf  *x509.Certificate // that the server presented; nil in clear
	br    reader
	fault *fault.Conn
	rec   *event.Recorder

	pace   fault.Pace // of the output
	opened bool       // the client's first bytes have been examined
	// A scenario ends the connection in the middle of the client's message.
	uploading bool
	verb      string // of the last command, as recorded: without credentials
	secret    bool   // the last command carried a secret
	early     bool   // the next command came before the reply to the previous one
	hasty     bool   // the client must wait for the reply to the last command, or has shown that it doesn't wait
	// Something was injected behind STARTTLS, and the client's first command inside TLS hasn't come yet.
	injected bool
	spool    held          // what the framing gathers
	expiry   *fault.Expiry // what ends the connection if the client says nothing until the deadline; nil: nothing of a scenario's
	readBy   deadline      // read deadline of the socket; only the engine's goroutine uses it

	wmu      sync.Mutex
	out      *[]byte // gathered replies; nil if there are none
	reading  bool    // the engine waits for the client, so output is sent at once
	writeBy  deadline
	werr     error
	muted    bool     // the server says nothing more: a scenario wants it, or it has said goodbye
	speaking bool     // an engine speaks with the client, and no TLS handshake is under way
	leaving  bool     // the server is shutting down
	hidden   [][]byte // words of the command being answered that aren't shown
	refused  string   // the scenario that refused the command being answered

	cur    atomic.Pointer[Conn]
	closed chan struct{}
	once   sync.Once
	left   atomic.Bool // the client has left
	idled  atomic.Bool // the client was silent for too long
	ended  sync.Once

	receiving atomic.Bool // a message is coming from the client
	bade      atomic.Bool // the client has been told that the server shuts down
}

// New makes the gate of a connection. Call Run to start it.
func New(raw net.Conn, cfg Config) *Gate {
	t := &tap{Conn: raw}
	return &Gate{
		cfg: cfg, raw: t, conn: t, fault: cfg.Fault, rec: cfg.Recorder,
		closed: make(chan struct{}),
	}
}

// Run takes the connection to the point where an engine has taken over, and then returns. It also returns if the
// connection ends before that, or goes on on a goroutine of its own.
func (g *Gate) Run() {
	defer g.survive()
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
	if !speakTLS {
		g.begin()
		return
	}
	if !g.handshake(nil, false) {
		g.finish(event.EndedByClient)
		return
	}
	go g.begin() // a handshake needs a large stack, and the connection may be idle for long
}

// survive is deferred: a bug in the gate must cost one connection, not the process.
func (g *Gate) survive() {
	if v := recover(); v != nil {
		g.cfg.logger().Error("panic in the gate", "panic", v, "stack", string(debug.Stack()))
		g.end(true, event.EndedByServer)
		g.finish(event.EndedByServer)
	}
}

// begin begins the dialogue.
func (g *Gate) begin() {
	defer g.survive()
	g.br.Reset(g.conn)
	g.fault.Phase(g.tls != nil)
	greet := g.fault.Greeting()
	if greet.Delay > 0 {
		g.rec.Add(&event.Delayed{Of: event.DelayedGreeting, For: greet.Delay}, greet.DelayBy)
		if ok, _ := g.pause(greet.Delay); !ok {
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

// start gives a fresh engine a fresh Conn. If greet is nil, the engine's greeting is swallowed: after STARTTLS the
// server sends no second one.
func (g *Gate) start(greet *fault.Greet) {
	_ = g.spool.Close() // of the phase before
	c := &Conn{g: g, secure: g.tls != nil, greeting: true, greet: greet}
	c.port = &port{c: c, g: g}
	c.framing = g.cfg.Protocol.Framing(c.port)
	g.fault.Phase(c.secure)
	g.wmu.Lock()
	g.cur.Store(c)
	g.speaking = true
	g.wmu.Unlock()
	if greeting := g.cfg.Protocol.Greeting; greet != nil && greeting != nil {
		g.greet(c, greeting(g.cfg.Domain))
	}
	g.cfg.Engine(c)
}

// greet greets the client in the engine's place, and waits until it says something: until then it has no engine. What
// the engine says first is swallowed.
func (g *Gate) greet(c *Conn, greeting []byte) {
	if _, err := c.Write(greeting); err != nil {
		return // the engine notices it too
	}
	g.wmu.Lock()
	c.greeting, c.greet = true, nil
	ends := c.ending != nil
	g.wmu.Unlock()
	if !ends {
		g.wait(g.cfg.Protocol.Idle)
		g.br.Await()
		g.waited()
	}
}

// maxBytes returns the largest message that the configuration and the scenario allow, in bytes.
func (g *Gate) maxBytes() int64 {
	limit, _ := g.fault.Limits().Bytes(g.cfg.MaxMessageBytes)
	return limit
}

// canonical returns a user's name in the form that rules match: with a domain, and the domain in lower case.
func (g *Gate) canonical(user string) string {
	if user == "" {
		return ""
	}
	at := strings.LastIndexByte(user, '@') // a quoted local part may have one too
	if at < 0 {
		return user + "@" + strings.ToLower(g.cfg.MailDomain)
	}
	return user[:at] + strings.ToLower(user[at:])
}

// TLSState returns the state of the connection's TLS. ok is false if the connection is in clear.
func (g *Gate) TLSState() (state tls.ConnectionState, ok bool) {
	if g.tls == nil {
		return state, false
	}
	return g.tls.ConnectionState(), true
}

var errClosed = net.ErrClosed

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// Refused tells the gate that a scenario made up the reply that the engine is about to give. The layers below the
// engine call it on the engine's own goroutine.
func (g *Gate) Refused(by string) {
	g.wmu.Lock()
	defer g.wmu.Unlock()
	g.refused = by
}

// refusedBy returns the scenario whose refusal the engine is repeating. last says that this is the refusal's last line.
// The caller holds g.wmu.
func (g *Gate) refusedBy(last bool) string {
	by := g.refused
	if last {
		g.refused = ""
	}
	return by
}
