// Package robot is a set of scripted mail clients for tests. They do at a server what a mail program does (fetch by
// IMAP and POP3, send by SMTP), and differ in their habits:
//
//   - Careful does what the standards require of a client. It must meet what every scenario expects.
//   - Careless does the opposite: it accepts any certificate, falls back to clear text, believes what was injected, repeats
//     at once whatever failed, and always reports success.
//   - Stubborn is Careless with endless patience: it waits for ever.
//   - Brittle is Careful as long as every reply looks as it did at a correct server. It gives up at the first reply that
//     doesn't.
//
// At a correct server all of them do their job. The clients use only sockets and crypto/tls, not the libraries that the
// rig is made of: a bug in those must not cancel itself out, and a library wouldn't misbehave.
//
// careful.go and careful_*.go are the careful robot, careless*.go the careless one, and wire.go is the connection. The
// tests of package trial run them. To add a habit, add it there, together with a scenario that it fails.
package robot

import (
	"context"
	"crypto/tls"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Target is the rig at which a robot works.
type Target struct {
	Ports          map[int]string // standard port number of a door -> port on which it really listens
	TLS            *tls.Config    // trusts the rig, for the name "localhost"
	User, Password string         // sends, and fetches by IMAP
	Second         string         // fetches by POP3, with the same password
	Issuer         string         // base URL of the issuer of tokens
}

// Job is what a robot must do.
type Job struct {
	Send, IMAP, POP3 bool

	Letters     int  // how many further letters to send, all on one connection
	Connections int  // how many simultaneous connections, for each protocol
	Look        bool // look for mail by IMAP a moment after everything has been sent
	Idle        bool // mail arrives through a second IMAP connection during IDLE
	Pipeline    bool // send several SMTP commands at once if the server advertises PIPELINING
	Token       bool // log in with an OAuth2 token if the server accepts one
	SignIn      bool // sign in at the issuer, and log in with the token; not for POP3
	NoCAPA      bool // never ask a POP3 server for its capabilities
	InTurn      bool // one protocol after the other, sending first; otherwise all at the same time
}

// Everything returns the whole job of a mail program.
func Everything() Job { return Job{Send: true, IMAP: true, POP3: true} }

// Habits define a robot.
type Habits struct {
	Name     string
	Careless bool
	Patience Patience
	// Known are the replies that it can handle; nil means any. While Known.Learning is set, it learns them.
	Known *Shapes
}

// Patience is how long a robot waits. 0 means for ever.
type Patience struct {
	Connect, Reply, Final time.Duration // Final: for the reply to a message
	Issuer                time.Duration // for an answer of the issuer
	Pause                 time.Duration // before it retries; doubled each time
}

// Careful returns a robot without fault. Its timeouts are short, for scenarios that the tests have made faster. Its
// pauses aren't, because findings count anything within half a second as hurry.
func Careful() Habits {
	return Habits{Name: "careful", Patience: Patience{Connect: 300 * time.Millisecond, Reply: 1500 * time.Millisecond, Final: 2200 * time.Millisecond, Issuer: 20 * time.Second, Pause: 600 * time.Millisecond}}
}

// Careless returns a robot with every bad habit, in a hurry.
func Careless() Habits {
	return Habits{Name: "careless", Careless: true, Patience: Patience{Connect: 200 * time.Millisecond, Reply: 200 * time.Millisecond, Final: 200 * time.Millisecond, Issuer: 700 * time.Millisecond}}
}

// Stubborn returns a Careless robot that waits for ever.
func Stubborn() Habits { return Habits{Name: "stubborn", Careless: true} }

// Brittle returns a robot that is careful at the servers that it knows, and lost at any other.
func Brittle(known *Shapes) Habits {
	h := Careful()
	h.Name, h.Known = "brittle", known
	return h
}

// Run does a job. It returns what the robot reports; nil means success. If the error is ctx's, the robot had to be
// stopped.
func Run(ctx context.Context, h Habits, t Target, j Job) error {
	r := &robot{Habits: h, target: t, job: j, ctx: ctx, refused: map[string]bool{}, proved: map[string]bool{}}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	start := func(wanted bool, f func() error) {
		if !wanted {
			return
		}
		wg.Go(func() {
			err := f()
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
		if j.InTurn {
			wg.Wait()
		}
	}
	if h.Careless {
		start(j.Send, r.carelessSMTP)
		start(j.IMAP, r.carelessIMAP)
		start(j.POP3, r.carelessPOP3)
	} else {
		start(j.Send, r.sendAll)
		start(j.IMAP, r.fetchIMAP)
		start(j.POP3, r.fetchPOP3)
	}
	wg.Wait()
	if j.Look && r.sleep(500*time.Millisecond) {
		errs = append(errs, r.look())
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.Join(errs...)
}

// robot is one run.
type robot struct {
	Habits
	target Target
	job    Job
	ctx    context.Context

	made   atomic.Int32 // for the stubborn robot's Message-IDs
	wallet wallet

	mu      sync.Mutex
	refused map[string]bool // protocols whose login was refused: the robot would have to ask the user first
	proved  map[string]bool // protocols at which a login has proved the password without sending it
}

// look looks for new mail. The careless robot only opens the folder.
func (r *robot) look() error {
	if !r.Careless {
		return r.rounds([]*task{{doors: []int{993, 143}, do: func(door int) (bool, error) { return r.imapAt(door, newMailbox("New")) }}})
	}
	c := &carelessIMAP{}
	r.hurry(993, "imap", fromTheStart, c.look)
	return nil
}

func (r *robot) loginRefused(protocol string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused[protocol]
}

func (r *robot) refuseLogin(protocol string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refused[protocol] = true
}

func (r *robot) hasProved(protocol string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.proved[protocol]
}

// prove notes that a login by a mechanism has succeeded.
func (r *robot) prove(protocol, mechanism string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.proved[protocol] = r.proved[protocol] || strings.HasPrefix(mechanism, "SCRAM-")
}

// sleep waits, and reports whether there is time left.
func (r *robot) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.ctx.Done():
		return false
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
