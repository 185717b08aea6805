package imapd

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"
)

// FuzzCommands sends anything after a login. The engine recovers from a panic and logs it. There must be no panic, and
// no reply may blame the server.
func FuzzCommands(f *testing.F) {
	for _, s := range []string{
		`FETCH 1:* (FLAGS BODY[1.2.HEADER.FIELDS (a b)]<1.2> BODYSTRUCTURE ENVELOPE)`,
		`UID STORE 1:*,3 -FLAGS.SILENT (\Seen kw)`, `SEARCH RETURN (SAVE MIN) OR NOT TEXT "x" $ 2:*`,
		`LIST (SUBSCRIBED RECURSIVEMATCH) "a" ("%" *) RETURN (STATUS (MESSAGES))`,
		"APPEND INBOX (\\Seen) {3+}\r\nabc", `UID MOVE *:1 Trash`, `RENAME INBOX "a/&APw-"`, `IDLE`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		store := newStore()
		deliver(t, store, "From: a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--")
		deliver(t, store, "Content-Type: message/rfc822\n\nSubject: x\n\nbody")
		cfg := testConfig(store, newScene())
		var log watchLog
		cfg.Logger = slog.New(&log)
		server, conn := net.Pipe()
		done := make(chan struct{})
		New(cfg).Serve(&closeWatch{Conn: server, done: done})
		conn.SetDeadline(time.Now().Add(hang))
		go func() {
			io.WriteString(conn, "a LOGIN user pass\r\nb SELECT INBOX\r\nc ")
			conn.Write(input)
			io.WriteString(conn, "\r\nDONE\r\nd LOGOUT\r\n")
		}()
		conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond)) // it may wait for a literal
		out, _ := io.ReadAll(conn)
		conn.Close()
		<-done
		if bytes.Contains(out, []byte("SERVERBUG")) && !bytes.Contains(input, []byte("SERVERBUG")) {
			t.Errorf("%q is answered %q", input, out)
		}
		if log.worst != "" {
			t.Errorf("%q: %s", input, log.worst)
		}
		if box, err := store.Mailbox(t.Context(), "user", "INBOX"); err != nil {
			t.Error(err)
		} else if _, err := store.Snapshot(t.Context(), box.ID); err != nil {
			t.Error(err)
		}
	})
}

// watchLog keeps the worst log entry of the only session.
type watchLog struct{ worst string }

func (l *watchLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *watchLog) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *watchLog) WithGroup(string) slog.Handler            { return l }
func (l *watchLog) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		l.worst = r.Message
	}
	return nil
}
