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

// Command is a command that the engine lacks and that mailrig answers beside it. It can't write what the engine's poll
// writes (EXPUNGE, EXISTS). The client sees that at its next command.
type Command struct {
	Name       string // in upper case; "UID SORT" for a command after UID
	Capability string // what the server advertises for it; "" means nothing
	In         States // in which states it is allowed
	// Run carries out the command. If it returns nil, the client sees OK. A *imap.Error goes to the client as it is.
	// Any other error is answered like an error of the store.
	Run func(context.Context, *Call) error
}

// States is a set of the states in RFC 9051 section 3.
type States uint8

// The states.
const (
	NotAuthenticated States = 1 << iota
	Authenticated           // logged in, with no mailbox selected
	Selected

	LoggedIn = Authenticated | Selected
	Anywhere = NotAuthenticated | LoggedIn
)

// Call is one command being carried out. It is valid until Run returns. No other command of the session runs meanwhile.
type Call struct {
	Session Session // the connection's
	State   States  // exactly one
	Store   store.Store
	Account string     // address of the logged-in user's account; "" before login
	View    *view.View // the selected mailbox; nil if there is none
	Naming  Naming     // form of mailbox names for this client

	args     []byte
	untagged func(line string) error
}

// Arguments parses what follows the command's name. The error is a BAD for the client.
func (c *Call) Arguments() ([]Value, error) {
	values, err := parseArguments(c.args)
	if err != nil {
		return nil, bad("Syntax error: " + err.Error())
	}
	return values, nil
}

// Untagged sends "* ", the line and a line end. The line may contain literals.
func (c *Call) Untagged(line string) error { return c.untagged(line) }

// Beside answers commands beside the engine of one phase. The gate calls it.
type Beside struct{ s *session }

// Capabilities lists the capabilities that the commands add to the engine's own.
func (b Beside) Capabilities() (names []string) {
	for _, c := range b.s.cfg.Commands {
		if c.Capability != "" && !slices.Contains(names, c.Capability) {
			names = append(names, c.Capability)
		}
	}
	return names
}

// Knows reports whether the engine itself has the command. verb may be in any case and includes a sub-command after
// UID. Before login the engine disconnects on any other command.
func (b Beside) Knows(verb string) bool { return knows(verb) }

// Has reports whether Answer answers the command.
func (b Beside) Has(verb string) bool { return b.s.find(verb) != nil }

// Answer carries out a command for which Has reports true. verb is its name in any case, including a sub-command after
// UID. args is what follows the name, without the line end. A literal stands in args as it came: {n}, a line end and
// its bytes. untagged sends one complete response. The reply has no tag and no line end. An error comes from untagged
// and means that the client has gone.
func (b Beside) Answer(verb string, args []byte, untagged func(line string) error) (reply string, err error) {
	s := b.s
	c := s.find(verb)
	if c == nil {
		return text(bad("Unknown command")), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	call := &Call{Session: s.cfg.Session, Store: s.cfg.Store, State: s.state(), Account: s.account, View: s.view, Naming: s.naming, args: args}
	var lost error
	call.untagged = func(line string) error {
		if lost == nil {
			lost = untagged("* " + line + "\r\n")
		}
		return lost
	}
	if c.In&call.State == 0 {
		return text(bad(c.Name + " isn't possible in this state")), nil
	}
	switch err := c.Run(s.cfg.Session.Context(), call); {
	case lost != nil:
		return "", lost
	case err != nil:
		return text(err), nil
	}
	return "OK " + c.Name + " completed", nil
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

// text returns an error as a status response without tag.
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
