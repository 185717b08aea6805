package diagnose

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
)

// This file reads what clients do with OAuth tokens. The issuer's records are in Case.Issuer, apart from the mail sessions; both have the
// numbers of tokens and of grants.

// asked returns the request that an issuer's record is about, or nil.
func (f *Facts) asked() *event.TokenRequest {
	w, _, _ := event.First[*event.TokenRequest](f.Record)
	return w
}

// requests lists the requests to the issuer for which like is true, one piece of evidence each.
func (c *Case) requests(like func(*Facts, *event.TokenRequest) map[string]string) (all []Evidence) {
	for _, f := range c.Issuer {
		if words := like(f, f.asked()); words != nil {
			all = append(all, Evidence{Sessions: []*Facts{f}, Words: words})
		}
	}
	return all
}

// pkceMissing finds a client without a secret that exchanges a code without PKCE. Another program on the same device may then exchange a
// code that it has caught (RFC 8252 section 6, RFC 9700 section 2.1.1). PKCE's plain method shows the verifier to who sees the link.
func pkceMissing(c *Case) []Evidence {
	return first(c.requests(func(_ *Facts, w *event.TokenRequest) map[string]string {
		if w.Endpoint != event.AtToken || w.Grant != "authorization_code" || w.Trouble != "" || w.Confidential || w.PKCE == "S256" {
			return nil
		}
		how := "without PKCE (code_challenge)"
		if w.PKCE != "" {
			how = "with PKCE's method " + w.PKCE
		}
		return map[string]string{"client": clientName(w.Client), "how": how}
	}), func(e Evidence) string { return e.Words["client"] })
}

// first keeps the first piece of evidence of each kind.
func first(all []Evidence, kind func(Evidence) string) []Evidence {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(e Evidence) bool {
		k := kind(e)
		again := seen[k]
		seen[k] = true
		return again
	})
}

func clientName(id string) string { return cmp.Or(id, "without a name") }

// ago formats a time that has passed: 50m, not 50m0s.
func ago(d time.Duration) string {
	text := d.Round(time.Second).String()
	if whole, ok := strings.CutSuffix(text, "m0s"); ok {
		return whole + "m"
	}
	return text
}

// atOnce is how soon after its replacement a refresh token may come again: two parts of a program may have refreshed at the same time.
const atOnce = 2 * time.Second

// refreshTokenLost finds a client that sends a refresh token that the issuer has replaced, and that has never used the new one.
func refreshTokenLost(c *Case) []Evidence {
	all := c.requests(func(_ *Facts, w *event.TokenRequest) map[string]string {
		if w.Endpoint != event.AtToken || w.Replaced <= atOnce || w.NextUsed {
			return nil
		}
		outcome := "This issuer refuses the old one, and revokes the grant: the user must sign in again."
		if w.Trouble == "" {
			outcome = "This issuer still takes the old one, as Microsoft does. A strict one refuses it, and revokes the grant."
		}
		return map[string]string{"client": clientName(w.Client), "outcome": outcome, "ago": ago(w.Replaced)}
	})
	for i := range all {
		if all[i].Sessions[0].asked().Trouble == "" {
			all[i].Severity = Warning
		}
	}
	return first(all, func(e Evidence) string { return e.Words["client"] + e.Words["outcome"] })
}

// refused is a token that a mail door refused.
type refused struct {
	*event.TokenUse
	session *Facts
	at      time.Time
}

// refusedTokens lists the tokens that mail doors refused, in the order in which that happened.
func (c *Case) refusedTokens() (all []refused) {
	for _, f := range c.Sessions {
		for _, e := range f.Events {
			if w, ok := e.What.(*event.TokenUse); ok && e.By == "" {
				all = append(all, refused{w, f, f.Start.Add(e.At)})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b refused) int { return a.at.Compare(b.at) })
	return all
}

// again returns the sessions in which a token came once more at the same door although the client knew that it is refused: they began after
// the refusal, or are the same session. last is when it came last; zero: it never did.
func again(all []refused, i int) (sessions []*Facts, last time.Time) {
	sessions = []*Facts{all[i].session}
	for _, next := range all[i+1:] {
		if next.Number != all[i].Number || next.session.Start.Before(all[i].at) && next.session != all[i].session || next.session.Door != all[i].session.Door {
			continue
		}
		last = next.at
		if !slices.Contains(sessions, next.session) {
			sessions = append(sessions, next.session)
		}
	}
	return sessions, last
}

// askedBetween reports whether the client asked the issuer for anything between two times.
func (c *Case) askedBetween(from, to time.Time) bool {
	return slices.ContainsFunc(c.Issuer, func(f *Facts) bool { return f.Start.After(from) && f.Start.Before(to) })
}

// tokenNotRefreshed finds a client that logs in with an access token that has ended and was refused, has a refresh token for it, and
// never asks the issuer for another one.
func tokenNotRefreshed(c *Case) (found []Evidence) {
	all := c.refusedTokens()
	seen := map[int]bool{}
	for i, r := range all {
		if seen[r.Number] || r.State != "expired" || !r.Refreshable || r.IsRefresh {
			continue
		}
		sessions, last := again(all, i)
		seen[r.Number] = !last.IsZero()
		if !last.IsZero() && !c.askedBetween(r.at, last) {
			found = append(found, Evidence{Sessions: sessions, Words: map[string]string{"client": clientName(r.Client), "ago": ago(-r.Ends)}})
		}
	}
	return found
}

// tokenScopeMissing finds a client whose token is for something else than the protocol that it logs in to.
func tokenScopeMissing(c *Case) []Evidence {
	var found []Evidence
	for _, r := range c.refusedTokens() {
		if r.State != "wrong-scope" && r.State != "wrong-audience" || r.IsRefresh {
			continue
		}
		found = append(found, Evidence{Sessions: []*Facts{r.session}, Words: map[string]string{
			"client": clientName(r.Client), "scope": cmp.Or(r.Scope, "nothing"), "needs": r.Needs,
		}})
	}
	return first(found, func(e Evidence) string { return e.Words["scope"] + " " + e.Sessions[0].Service })
}

// refreshTokenSent finds a client that logs in with its refresh token.
func refreshTokenSent(c *Case) []Evidence {
	var found []Evidence
	for _, r := range c.refusedTokens() {
		if r.IsRefresh {
			found = append(found, Evidence{Sessions: []*Facts{r.session}, Words: map[string]string{"client": clientName(r.Client)}})
		}
	}
	return first(found, func(e Evidence) string { return e.Words["client"] })
}

// apart splits facts into mail sessions and requests to the issuer.
func apart(all []*Facts) (mail, issuer []*Facts) {
	for _, f := range all {
		if strings.EqualFold(f.Protocol, event.OAuth) {
			issuer = append(issuer, f)
		} else {
			mail = append(mail, f)
		}
	}
	return mail, issuer
}
