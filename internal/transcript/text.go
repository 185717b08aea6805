package transcript

import (
	"fmt"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
)

// Summary returns the session on one line: door, client, TLS, login, what happened, and what was injected.
func (s *Session) Summary() string {
	parts := []string{fmt.Sprintf("%d %s", s.Door, s.Service), event.EscapeLine(s.Client), s.Encryption()}
	if n := len(s.Units); n > 0 && s.Units[n-1].Event == TokenRequest { // it is all of its session
		parts = append(parts, event.EscapeLine(s.Units[n-1].Text))
	} else {
		parts = append(parts, s.LoggedIn(), s.Outcome())
	}
	if len(s.Injected) > 0 {
		parts = append(parts, "injected: "+strings.Join(s.Injected, ", "))
	}
	return strings.Join(parts, " | ")
}

// Encryption says what came of TLS.
func (s *Session) Encryption() string {
	switch {
	case s.TLS == nil:
		return "no TLS"
	case s.TLS.Error != "" && s.TLS.AlertName != "":
		return fmt.Sprintf("TLS refused by the client (%s)", s.TLS.AlertName)
	case !s.TLS.Established:
		return "TLS failed (" + s.TLS.Error + ")"
	case s.TLS.StartTLS:
		return s.TLS.Version + " by STARTTLS"
	default:
		return s.TLS.Version
	}
}

// LoggedIn says who logged in, how, and whether it was refused. It is about the last of several attempts.
func (s *Session) LoggedIn() string {
	if len(s.Logins) == 0 {
		return "no login"
	}
	l := s.Logins[len(s.Logins)-1]
	text := fmt.Sprintf("%s by %s", event.EscapeLine(l.User), event.EscapeLine(l.Mechanism))
	if !l.Secure {
		text += " in clear"
	}
	if !l.OK {
		text += " refused"
	}
	if n := len(s.Logins); n > 1 {
		text += fmt.Sprintf(" (%d attempts)", n)
	}
	return text
}

// Outcome says what the client did, how long it took, and who ended it.
func (s *Session) Outcome() string {
	if s.record != nil && s.record.Noticed(event.Knocked) || len(s.Units) > 0 && s.Units[0].Event == Knocked {
		return "tried to connect, and got no answer"
	}
	var did []string
	if n := s.Counts.MessagesIn; n > 0 {
		did = append(did, plural(n, "message")+" received")
	}
	if n := s.Counts.MessagesOut; n > 0 {
		did = append(did, plural(n, "message")+" sent")
	}
	if len(did) == 0 {
		if s.Counts.Commands == 0 {
			did = append(did, "nothing said")
		} else {
			did = append(did, plural(s.Counts.Commands, "command"))
		}
	}
	end := ""
	switch s.EndedBy {
	case EndedByClient:
		end = ", left by the client"
	case EndedByScenario:
		end = ", cut by the scenario"
	case EndedByTimeout:
		end = ", timed out"
	case EndedByShutdown:
		end = ", ended by shutdown"
	}
	took := ""
	if !s.End.IsZero() {
		took = " in " + s.End.Sub(s.Start).Round(time.Millisecond).String()
	}
	return strings.Join(did, ", ") + took + end
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Dialogue returns the session as text for people, one line for each line of the dialogue.
func (s *Session) Dialogue() string {
	var b strings.Builder
	fmt.Fprintf(&b, "session %s: %s\n", s.ID, s.Summary())
	for _, u := range s.Units {
		arrow := map[Direction]string{FromClient: "C:", FromServer: "S:", FromRig: "--"}[u.From]
		mark := ""
		if u.Injected != "" {
			mark = " [" + u.Injected + "]"
		}
		for i, line := range strings.Split(u.Text, "\n") {
			if i == 0 {
				fmt.Fprintf(&b, "%9.3fs %s%s %s\n", u.At.Seconds(), arrow, mark, line)
			} else {
				fmt.Fprintf(&b, "%10s %s%s %s\n", "", arrow, mark, line)
			}
		}
		if rest := u.Bytes - int64(len(u.Text)) - 2; rest > 0 && (u.Kind == Data || len(u.Text) >= event.MaxText-2) {
			fmt.Fprintf(&b, "%10s %s (%d bytes in all)\n", "", arrow, u.Bytes)
		}
	}
	if s.Elided > 0 {
		fmt.Fprintf(&b, "(%d units left out in the middle)\n", s.Elided)
	}
	return b.String()
}
