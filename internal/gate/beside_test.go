package gate_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/imapd"
)

// TestBesideTakesLiterals checks that a command beside the engine gets its arguments complete, in whatever form they
// come, and that the dialogue stays in step afterwards.
func TestBesideTakesLiterals(t *testing.T) {
	t.Parallel()
	echo := imapd.Command{Name: "ECHO", Capability: "X-ECHO", In: imapd.Anywhere, Run: func(_ context.Context, c *imapd.Call) error {
		args, err := c.Arguments()
		if err != nil {
			return err
		}
		var texts []string
		for _, a := range args {
			texts = append(texts, a.Text)
		}
		return c.Untagged(fmt.Sprintf("ECHO %q", texts))
	}}
	r := newRig(t, options{protocol: "imap", port: 143, commands: append(imapd.Commands(), echo)})
	say := func(text string, want ...string) {
		t.Helper()
		fmt.Fprint(r.conn, text)
		for _, w := range want {
			got, err := r.br.ReadString('\n')
			if err != nil || !strings.HasPrefix(got, w) {
				t.Fatalf("to %q: %q, %v; want %q", text, got, err, w)
			}
		}
	}
	say("", "* OK [CAPABILITY ")
	say("a1 ECHO one \"t w o\"\r\n", `* ECHO ["one" "t w o"]`, "a1 OK")
	say("a2 ECHO {3+}\r\na\r\n {2+}\r\nxy\r\n", `* ECHO ["a\r\n" "xy"]`, "a2 OK")
	say("a3 ECHO {5}\r\n", "+ ")
	say("hello end\r\n", `* ECHO ["hello" "end"]`, "a3 OK")
	say("a4 ECHO {5000+}\r\n"+strings.Repeat("x", 5000)+"\r\n", "a4 NO [TOOBIG]")
	say("a5 ECHO {1+}\r\nx \"open\r\n", "a5 BAD")
	say("a6 NOOP\r\n", "a6 OK")
	say("a7 LOGOUT\r\n", "* BYE", "a7 OK")
}
