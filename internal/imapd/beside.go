package imapd

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/view"
)

// Command is a command that the engine lacks and that is answered beside it. It can't
// write what the engine's poll does (EXPUNGE, EXISTS); the client hears that at its next
// command.
type Command struct {
	Name       string // in upper case; "UID SORT" for one behind UID
	Capability string // what the server advertises for it, "" nothing
	In         States // where it may come
	// Run carries the command out. With nil the client hears OK. A *imap.Error goes to
	// the client as it is, other errors as those of the store.
	Run func(context.Context, *Call) error
}

// States is a set of the states of RFC 9051 section 3.
type States uint8

// The states.
const (
	NotAuthenticated States = 1 << iota
	Authenticated           // no mailbox is selected
	Selected

	LoggedIn = Authenticated | Selected
	Anywhere = NotAuthenticated | LoggedIn
)

// Call is one command on its way. It is valid until Run returns; no other command of the
// session runs meanwhile.
type Call struct {
	Session Session // the connection's
	State   States  // exactly one
	Store   store.Store
	Account string     // the address of who has logged in; "" before
	View    *view.View // the selected mailbox; nil without
	Naming  Naming     // of mailbox names, for this client

	args     []byte
	untagged func(line string) error
}

// Arguments takes apart what stands behind the command's name. The error is BAD, for the
// client.
func (c *Call) Arguments() ([]Value, error) {
	values, err := parseArguments(c.args)
	if err != nil {
		return nil, bad("Syntax error: " + err.Error())
	}
	return values, nil
}

// Untagged sends "* ", the line and a line end. The line may hold literals.
func (c *Call) Untagged(line string) error { return c.untagged(line) }

// Beside is what a phase answers beside its engine; the gate asks it.
type Beside struct{ s *session }

// Capabilities lists what the commands add to the engine's own.
func (b Beside) Capabilities() (names []string) {
	for _, c := range b.s.cfg.Commands {
		if c.Capability != "" && !slices.Contains(names, c.Capability) {
			names = append(names, c.Capability)
		}
	}
	return names
}

// Knows reports whether the engine itself has the command: verb in any case, those behind
// UID with both words. The engine disconnects on any other before login.
func (b Beside) Knows(verb string) bool { return knows(verb) }

// Has reports whether Answer answers the command.
func (b Beside) Has(verb string) bool { return b.s.find(verb) != nil }

// Answer carries out a command that the engine lacks. verb is its name in any case, with
// both words behind UID. args is what follows the name, without the line end, with each
// literal as it came, {n} and the line end before its bytes. The reply has no tag and no
// line end. ok is false for a command that nobody here has. An error from untagged comes
// back.
func (b Beside) Answer(verb string, args []byte, untagged func(line string) error) (reply string, ok bool, err error) {
	s := b.s
	c := s.find(verb)
	if c == nil {
		return "", false, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	call := &Call{Session: s.cfg.Session, Store: s.cfg.Store, State: s.state(), Account: s.account, View: s.view, Naming: s.naming, args: args}
	var lost error // the client is gone
	call.untagged = func(line string) error {
		if lost == nil {
			lost = untagged("* " + line + "\r\n")
		}
		return lost
	}
	if c.In&call.State == 0 {
		return text(bad(c.Name + " isn't possible in this state")), true, nil
	}
	if err := c.Run(s.cfg.Session.Context(), call); lost != nil {
		return "", true, lost
	} else if err != nil {
		return text(err), true, nil
	}
	return "OK " + c.Name + " completed", true, nil
}

func (s *session) find(verb string) *Command {
	verb = strings.ToUpper(verb)
	for i := range s.cfg.Commands {
		if s.cfg.Commands[i].Name == verb {
			return &s.cfg.Commands[i]
		}
	}
	return nil
}

func (s *session) state() States {
	switch {
	case s.account == "":
		return NotAuthenticated
	case s.view == nil:
		return Authenticated
	}
	return Selected
}

// text is an error as a status response without tag.
func text(err error) string {
	e := (*imap.Error)(nil)
	if !errors.As(err, &e) {
		return text(refused(err))
	}
	if e.Code != "" {
		return string(e.Type) + " [" + string(e.Code) + "] " + e.Text
	}
	return string(e.Type) + " " + e.Text
}
