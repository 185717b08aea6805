package imapd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"

	"github.com/emersion/go-imap/v2"
)

// wire is the engine's connection and its logger. If the engine can't parse a command at a deeper level (a bad number
// set, date, base64 or UTF-7), it answers NO [SERVERBUG], which blames the wrong side. It offers no hook, but it logs
// the reason just before the reply. wire keeps the reason and writes the right reply instead. All errors of the session
// itself are *imap.Error and never come this way.
type wire struct {
	net.Conn
	log  *slog.Logger
	last atomic.Pointer[failure]
	// items belong into the next FETCH response, before the engine's own. Only the goroutine that runs the command uses
	// them: nothing else writes while a FETCH is answered.
	items []byte
	utf8  bool // names are UTF-8, so that "&" is no shift
}

type failure struct {
	command string
	err     error
}

// Printf implements imapserver.Logger.
func (w *wire) Printf(format string, args ...any) {
	if format == "handling %v command: %v" && len(args) == 2 {
		command, _ := args[0].(string)
		if err, ok := args[1].(error); ok {
			w.last.Store(&failure{command, err})
		}
		w.log.Debug("imap command failed", "command", command, "err", args[1])
		return
	}
	level := slog.LevelDebug
	if strings.HasPrefix(format, "panic") {
		level = slog.LevelError
	}
	w.log.Log(context.Background(), level, "imap engine: "+fmt.Sprintf(format, args...))
}

const badCharset = " NO [BADCHARSET] Only US-ASCII and UTF-8 are supported SEARCH charsets\r\n"

const serverBug = "NO [SERVERBUG] Internal server error\r\n"

// Write replaces a SERVERBUG reply. The engine writes each reply line in one call.
func (w *wire) Write(b []byte) (int, error) {
	if f := w.last.Load(); f != nil && bytes.HasSuffix(b, []byte(" "+serverBug)) {
		w.last.Store(nil)
		tag, _, _ := strings.Cut(string(b), " ")
		if tag+" "+serverBug == string(b) {
			if _, err := w.Conn.Write([]byte(tag + " " + f.reply() + "\r\n")); err != nil {
				return 0, err
			}
			return len(b), nil
		}
	}
	switch {
	case w.items != nil:
		return w.withItems(b)
	case bytes.HasSuffix(b, []byte(badCharset)): // RFC 9051 section 7.1: the list of what is supported
		if _, err := w.Conn.Write(bytes.Replace(b, []byte("[BADCHARSET]"), []byte("[BADCHARSET (US-ASCII UTF-8)]"), 1)); err != nil {
			return 0, err
		}
		return len(b), nil
	case bytes.HasPrefix(b, []byte("* ENABLED ")):
		w.utf8 = w.utf8 || bytes.Contains(b, []byte("UTF8=ACCEPT"))
	case w.utf8 && namesMailbox(b) && bytes.Contains(b, []byte("&-")):
		if _, err := w.Conn.Write(bytes.ReplaceAll(b, []byte("&-"), []byte("&"))); err != nil { // RFC 6855 section 3
			return 0, err
		}
		return len(b), nil
	}
	return w.Conn.Write(b)
}

// namesMailbox reports whether a response names a mailbox.
func namesMailbox(b []byte) bool {
	return bytes.HasPrefix(b, []byte("* LIST ")) || bytes.HasPrefix(b, []byte("* LSUB ")) || bytes.HasPrefix(b, []byte("* STATUS "))
}

// inFetch puts items into the FETCH response that the engine will write next. The engine's buffer is empty before, so
// that its next write begins with the response's first bytes.
func (w *wire) inFetch(items []byte) { w.items = items }

// withItems writes the beginning of a FETCH response with the items in it.
func (w *wire) withItems(b []byte) (int, error) {
	open := bytes.IndexByte(b, '(')
	if open < 0 || !bytes.HasPrefix(b, []byte("* ")) || !bytes.HasSuffix(b[:open], []byte(" FETCH ")) {
		return w.Conn.Write(b)
	}
	out := append(make([]byte, 0, len(b)+len(w.items)+1), b[:open+1]...)
	out = append(out, w.items...)
	if open+1 < len(b) && b[open+1] != ')' {
		out = append(out, ' ')
	}
	w.items = nil
	if _, err := w.Conn.Write(append(out, b[open+1:]...)); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (f *failure) reply() string {
	text := f.err.Error()
	for err := f.err; err != nil; err = errors.Unwrap(err) {
		text = err.Error() // the innermost error says it without the engine's file names
	}
	if strings.Contains(text, "UTF-7") || strings.Contains(text, "UTF-8") {
		switch f.command {
		case "LIST", "LSUB": // a pattern that no name can match
			return "OK " + f.command + " completed"
		}
		return "NO [CANNOT] The mailbox name is not valid modified UTF-7 (RFC 3501 section 5.1.3)"
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
	for _, prefix := range []string{"imapwire: ", "imap: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return "BAD [CLIENTBUG] Syntax error: " + text
}

// line writes an untagged response for which the engine has no call at this moment. Call it only while a session method
// runs: the engine's own buffer is empty then.
func (w *wire) line(s string) error {
	_, err := w.Conn.Write([]byte("* " + s + "\r\n"))
	return err
}

// bye ends the connection from inside a session method.
func (w *wire) bye(e *imap.Error) error {
	text := e.Text
	if e.Code != "" {
		text = "[" + string(e.Code) + "] " + text
	}
	err := w.line("BYE " + text)
	w.Conn.Close()
	return errors.Join(net.ErrClosed, err)
}
