package server

import (
	"strings"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/gate"
	"github.com/mailrig/mailrig/internal/login"
	"github.com/mailrig/mailrig/internal/transcript"
)

// accounts knows who may log in: the listed users, or with none everybody.
type accounts struct {
	passwords map[string]string // by canonical address; nil: everybody
	names     []string
	canonical func(string) string
}

func newAccounts(users []User, canonical func(string) string) accounts {
	a := accounts{canonical: canonical}
	for _, u := range users {
		if a.passwords == nil {
			a.passwords = map[string]string{}
		}
		a.passwords[canonical(u.Name)] = u.Password
		a.names = append(a.names, u.Name)
	}
	return a
}

// allows decides an attempt. Nobody knows which tokens are right: where they are taken at
// all, all of them are.
func (a *accounts) allows(at login.Attempt) bool {
	if at.User == "" || at.Password == "" {
		return false
	}
	if a.passwords == nil {
		return true
	}
	want, ok := a.passwords[a.canonical(at.User)]
	return ok && (want == at.Password || login.IsOAuth(at.Mechanism))
}

// LoginRule says who may log in, in words.
func (s *Server) LoginRule() string {
	if len(s.accounts.names) == 0 {
		return "any user name with any password"
	}
	return "only " + strings.Join(s.accounts.names, ", ")
}

// Credentials returns a user name and password that will be accepted.
func (s *Server) Credentials() (user, password string) {
	if len(s.cfg.Users) > 0 {
		return s.cfg.Users[0].Name, s.cfg.Users[0].Password
	}
	return "alice@" + s.cfg.Domain, "secret"
}

// authority decides the logins of one connection: the scenario first, because a
// broken login service doesn't look at the password, then the list of accounts.
func (s *Server) authority(g *gate.Gate, f *fault.Conn, rec *transcript.Recorder) login.Authority {
	return func(a login.Attempt) *login.Refusal {
		seen := a
		seen.User = s.accounts.canonical(a.User)
		refusal := fault.AddressLogin(a.User)
		if refusal == nil {
			refusal = f.Login(seen)
		}
		if refusal == nil && !s.accounts.allows(a) {
			no := login.WrongPassword
			refusal = &no
		}
		if refusal == nil {
			refusal = f.Admit(seen)
		}
		injected := ""
		if refusal != nil {
			injected = refusal.Injected
			refusal.Answered = func(right bool) { noteAcknowledged(rec, right, injected) }
			g.Refused(injected)
		}
		if refusal == nil {
			s.fill(f, rec, a.User)
		}
		rec.Login(transcript.Login{User: a.User, Mechanism: a.Mechanism, OK: refusal == nil, Injected: injected, Password: s.tags.tag(a.Password)})
		return refusal
	}
}

// noteAcknowledged says if the client has answered an error as its mechanism has it: with
// nothing (XOAUTH2), or with the one byte ^A (RFC 7628 section 3.2.3). What it said else is
// nobody's business.
func noteAcknowledged(rec *transcript.Recorder, right bool, by string) {
	if right {
		rec.Mark(transcript.Acknowledged, "the client acknowledged the error", by)
	} else {
		rec.Mark(transcript.NotAcknowledged, "the client answered the error with something else than its mechanism's acknowledgement", by)
	}
}
