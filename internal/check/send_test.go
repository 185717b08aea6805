package check

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"
)

// inbox is a conversation with an IMAP server that has the message in a folder.
func inbox(t *testing.T, list string, where string) *loggedIn {
	t.Helper()
	f := serve(t, func(l *line) {
		selected := ""
		for {
			s := l.hear()
			switch {
			case s == "":
				return
			case strings.Contains(s, "EXAMINE"):
				selected = strings.Trim(s[len("a1 EXAMINE "):], `"`)
				l.say("* 1 EXISTS", "a1 OK [READ-ONLY] done")
			case strings.Contains(s, "LIST"):
				l.say(list, "a1 OK done")
			case strings.Contains(s, "SEARCH") && selected == where:
				l.say("* SEARCH 7", "a1 OK done")
			case strings.Contains(s, "SEARCH"):
				l.say("* SEARCH", "a1 OK done")
			}
		}
	})
	conn, err := net.Dial("tcp", f.ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	w := newWire(t.Context(), conn, time.Minute, nil)
	t.Cleanup(w.close)
	return &loggedIn{newDoor(Target{Door: doorAt(993)}), w}
}

func TestAwait(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ list, where, want string }{
		{`* LIST (\HasNoChildren) "/" INBOX`, "INBOX", "INBOX"},
		{`* LIST (\HasNoChildren \Junk) "/" "Junk E-mail"`, "Junk E-mail", "Junk E-mail"},
		{`* LIST () "/" Spam`, "Spam", "Spam"},
		{`* LIST () "/" Trash`, "Trash", ""},
	} {
		t.Run(c.where, func(t *testing.T) {
			t.Parallel()
			in := inbox(t, c.list, c.where)
			limit := 2 * time.Minute
			if c.want == "" {
				limit = 500 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			got, err := newChecker(Options{Host: "localhost"}).await(ctx, in, "id@example.test")
			if err != nil || got != c.want {
				t.Errorf("found in %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

// TestStopBetweenWaits checks that a wait which begins after the end is over at once.
func TestStopBetweenWaits(t *testing.T) {
	t.Parallel()
	f := serve(t, (*line).hang)
	conn, err := net.Dial("tcp", f.ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w := newWire(ctx, conn, time.Minute, nil)
	defer w.close()
	cancel()
	for range 2 { // the first wait is interrupted, the second one begins too late
		began := time.Now()
		_, err := w.line()
		if err == nil || time.Since(began) > 50*time.Second {
			t.Fatalf("%v after %v", err, time.Since(began))
		}
		w.wait()
	}
}
