package diagnose

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/event"
)

// This file finds clients that don't take an issuer's no for an answer.

const (
	hurry   = 500 * time.Millisecond // nobody who waits at all asks again so soon
	insists = 3                      // requests without a pause that are a habit
	ever    = time.Duration(math.MaxInt64)
)

// refusedGrantSentAgain finds a client that sends a refresh token again after the issuer has said that only the user can help.
func refusedGrantSentAgain(c *Case) []Evidence {
	return c.insisted(2, ever, func(w *event.TokenRequest) bool {
		return w.Grant == "refresh_token" && w.Token > 0 && slices.Contains([]event.TokenTrouble{event.RefreshRevoked, event.RefreshReplaced, event.NeedsInteraction}, w.Trouble)
	})
}

// issuerPestered finds a client that asks an issuer that has trouble again and again, without a pause.
func issuerPestered(c *Case) []Evidence {
	return c.insisted(insists, hurry, func(w *event.TokenRequest) bool { return w.Trouble == event.IssuerFailing })
}

// signInRepeated finds a client that sends the user to sign in again and again after a refusal, without a pause.
func signInRepeated(c *Case) []Evidence {
	return c.insisted(insists, hurry, func(w *event.TokenRequest) bool { return w.Endpoint == event.AtAuthorize && w.Trouble == event.Denied })
}

// insisted finds, for each client, so many requests of one kind with one token in a row, each at most so long after the one before.
func (c *Case) insisted(times int, apart time.Duration, kind func(*event.TokenRequest) bool) (found []Evidence) {
	rows := map[string][]*Facts{}
	for _, f := range c.Issuer {
		w := f.asked()
		if !kind(w) {
			continue
		}
		key := fmt.Sprint(w.Token, " ", w.Client)
		row := rows[key]
		if n := len(row); n > 0 && f.Start.Sub(row[n-1].End) > apart {
			row = nil
		}
		rows[key] = append(row, f)
		if len(rows[key]) == times {
			found = append(found, Evidence{Sessions: slices.Clone(rows[key]), Words: map[string]string{"client": clientName(w.Client)}})
		}
	}
	return first(found, func(e Evidence) string { return e.Words["client"] })
}
