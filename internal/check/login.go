package check

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/door"
)

// logins tries the password where the settings say: once for each protocol, one after the other, and not again after a
// refusal. With AllLogins it tries once at each door that may have the password.
func (c *checker) logins(ctx context.Context, r *Report) {
	open := map[door.Protocol]*loggedIn{}
	defer func() {
		for _, l := range open {
			l.leave()
		}
	}()
	if c.AllLogins {
		c.allLogins(ctx, r, open)
	} else {
		c.oneLoginEach(ctx, r, open)
	}
	c.choose(r) // a login may have shown that the server accepts OAuth2
	if c.Send {
		c.roundTrip(ctx, r, open)
	}
}

// loggedIn is a conversation in which a login has succeeded.
type loggedIn struct {
	d *Door
	w *wire
}

func (l *loggedIn) leave() {
	speak(l.d.Protocol).quit(l.w)
	l.w.close()
}

func (c *checker) oneLoginEach(ctx context.Context, r *Report, open map[door.Protocol]*loggedIn) {
	refusedBy := 0
	for _, p := range protocols() {
		s := r.first(p)
		if s == nil {
			continue
		}
		d := r.door(s.Door)
		if refusedBy != 0 {
			d.Login = &Login{State: LoginNotTried, Words: fmt.Sprintf("not tried, because port %d refused the same password and too many failures lock accounts; --all-logins tries anyway", refusedBy)}
			continue
		}
		if w := c.login(ctx, d); w != nil {
			open[p] = &loggedIn{d, w}
		}
		if d.Login.State.blamesPassword() {
			refusedBy = d.Port
		}
	}
}

func (c *checker) allLogins(ctx context.Context, r *Report, open map[door.Protocol]*loggedIn) {
	wires := make([]*wire, len(r.Doors))
	var wg sync.WaitGroup
	for i, d := range r.Doors {
		if d.State == StateOpen {
			wg.Go(func() { wires[i] = c.login(ctx, d) })
		}
	}
	wg.Wait()
	for i, w := range wires {
		if w == nil {
			continue
		}
		l := &loggedIn{r.Doors[i], w}
		if s := r.first(l.d.Protocol); s != nil && s.Door == l.d.Port {
			open[l.d.Protocol] = l
		} else {
			l.leave()
		}
	}
}

// login tries the password at one door, on a new connection, and fills d.Login. If the login succeeds, it returns the
// conversation.
func (c *checker) login(ctx context.Context, d *Door) *wire {
	plain := c.wish(d.Protocol) == Plain
	if why := c.forbids(d, plain); why != "" {
		d.Login = &Login{State: LoginNotTried, Words: why}
		return nil
	}
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, 4*c.Timeout)
	defer cancel()
	now := newDoor(c.target(d))
	w := c.open(ctx, c.target(d), now, way{clear: plain})
	d.loginTape = now.tape
	if w == nil {
		d.Login = &Login{State: LoginBroken, Words: "this time the door didn't get that far: " + now.Detail}
		return nil
	}
	// The first look may have met another server, or the server in another state.
	if why := c.forbids(now, plain); why != "" {
		d.Login = &Login{State: LoginNotTried, Words: why}
		w.close()
		return nil
	}
	caps := now.InTLS
	if plain {
		caps = now.BeforeTLS
	}
	dial := speak(d.Protocol)
	mechanism := dial.usable(caps)
	if mechanism == "" {
		d.Login = noMechanism(caps)
		dial.quit(w)
		w.close()
		return nil
	}
	w.timeout = 3 * c.Timeout // servers take their time over a wrong password
	r, err := dial.login(w, mechanism, c.User, c.Password)
	d.Login = &Login{Mechanism: mechanism, Reply: c.redact(r.text)}
	if err == nil && r.ok {
		r, err = dial.openInbox(w) // an account can be locked although its login seems to work
		if err == nil && r.ok {
			d.Login.State, d.Login.Words = LoginOK, "the login works"
			w.timeout = c.Timeout
			w.within(outer)
			if c.Record {
				c.visit(w, d)
			}
			return w
		}
		d.Login.Reply = c.redact(r.text)
		d.Login.State, d.Login.Words = LoginUseless, "the server accepted the password, but then didn't open the mailbox"
		if err != nil {
			_, words := c.brokeOff(err)
			d.Login.Words += ": " + words
		}
		w.close()
		return nil
	}
	if err != nil {
		_, words := c.brokeOff(err)
		d.Login.State, d.Login.Words = LoginBroken, "no verdict: "+words
		w.close()
		return nil
	}
	d.Login.State, d.Login.Words = refused(d.Protocol, r)
	dial.quit(w)
	w.close()
	return nil
}

// forbids says why the password must not be sent there, or returns "".
func (c *checker) forbids(d *Door, plain bool) string {
	switch {
	case plain && c.AllowPlainLogin, !plain && d.Security != "none" && d.TLS != nil && d.TLS.Verified:
		return ""
	case plain:
		return "not tried: the password would go unencrypted; --allow-plain-login allows it"
	case d.TLS == nil || d.Security == "none":
		return "not tried: the door has no encryption, so the password would go unencrypted"
	case c.AllowUntrustedLogin:
		return ""
	default:
		return "not tried: the certificate doesn't verify, so this may be anybody's server; --allow-untrusted-login allows it"
	}
}

// secrets lists the forms in which the password is sent.
func (o *Options) secrets() []string {
	return append(answers("PLAIN", o.User, o.Password), answers("LOGIN", "", o.Password)[1], o.Password)
}

// redact removes the password from a server's words. Some servers repeat what they received, in the form in which they
// received it. Words that were shortened may end in the middle of it.
func (c *checker) redact(s string) string {
	const least = 3 // anything shorter occurs in any text
	inQuotes := quoted(c.Password)
	inQuotes = inQuotes[1 : len(inQuotes)-1]
	for _, secret := range append(c.secrets(), inQuotes) {
		if len(secret) < least {
			continue
		}
		s = strings.ReplaceAll(s, secret, "***")
		words, cut := strings.CutSuffix(s, "…")
		for n := len(secret) - 1; cut && n >= least; n-- {
			if rest, ok := strings.CutSuffix(words, secret[:n]); ok {
				s = rest + "***…"
				break
			}
		}
	}
	return s
}

// pause waits. It returns false if ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
