package wait

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/transcript"
)

// lastFew is how many items of each kind are listed after a timeout.
const lastFew = 10

// missed says what arrived in place of what was wanted.
func missed(ctx context.Context, rig Rig, c *Condition, last Outcome, after time.Duration) (Outcome, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), missedTime)
	defer cancel()
	records := rig.Journal().Records()
	count := last.Count
	mail, _, err := rig.Mail(ctx, c.After)
	if err != nil {
		return Outcome{}, err
	}
	found, _, _, err := rig.FindingsSince(ctx, 0)
	if err != nil {
		return Outcome{}, err
	}
	found = slices.DeleteFunc(found, func(f diagnose.Finding) bool { return f.Severity == diagnose.Good })

	sessions := transcript.All(tail(records))
	var b strings.Builder
	wanted := string(c.What) + " " + c.String()
	if len(c.Match)+len(c.IDs) == 0 {
		wanted = string(c.What)
	}
	took := after.Round(time.Second / 10)
	if count > 0 {
		fmt.Fprintf(&b, "only %d of %d: %s within %v", count, c.Count, wanted, took)
	} else {
		fmt.Fprintf(&b, "no %s within %v", wanted, took)
	}
	came := 0
	switch c.What {
	case Messages:
		came = len(mail)
		happened(&b, "; no message arrived", "message", "arrived", came)
		for _, m := range tail(mail) {
			fmt.Fprintf(&b, "\n  %s", m.String())
		}
	case Findings:
		came = len(found)
		happened(&b, "; no other finding came up", "other finding", "came up", came)
		for _, f := range tail(found) {
			fmt.Fprintf(&b, "\n  %s (%s)", f.ID, sessionNumbers(f.Sessions))
		}
	}
	if came == 0 { // then it helps to know whether anybody connected
		none := ", and no client connected"
		if c.What == Sessions {
			none = "; no client connected"
		}
		happened(&b, none, "session", "began", len(records))
		for _, s := range sessions {
			fmt.Fprintf(&b, "\n  #%s %s", s.ID, s.Summary())
		}
	}
	return Outcome{Count: count, Next: last.Next, Text: b.String(), Messages: tail(mail), Sessions: sessions, Findings: tail(found)}, nil
}

// happened appends how many there were, or none if there were none.
func happened(b *strings.Builder, none, noun, verb string, n int) {
	switch n {
	case 0:
		b.WriteString(none)
	case 1:
		fmt.Fprintf(b, "; one %s %s:", noun, verb)
	default:
		fmt.Fprintf(b, "; %d %ss %s", n, noun, verb)
		if n > lastFew {
			fmt.Fprintf(b, ", the last %d", lastFew)
		}
		b.WriteByte(':')
	}
}

func tail[T any](l []T) []T { return l[max(0, len(l)-lastFew):] }

// sessionNumbers formats "session 7" or "sessions 7, 8 and 9". It leaves out the middle of a long list.
func sessionNumbers(ids []string) string {
	switch n := len(ids); {
	case n == 0:
		return "no session"
	case n == 1:
		return "session " + ids[0]
	case n > 6:
		return fmt.Sprintf("sessions %s and %d more, the last %s", strings.Join(ids[:3], ", "), n-4, ids[n-1])
	default:
		return "sessions " + strings.Join(ids[:n-1], ", ") + " and " + ids[n-1]
	}
}
