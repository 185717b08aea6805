package server_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/mailrig/mailrig/server"
)

// TestMaskTellsNoLength checks that what is kept of a login doesn't depend on how long the password is, nor on the
// pieces in which it came.
func TestMaskTellsNoLength(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{})
	for name, way := range map[string]struct {
		port  int
		greet string
		lines func(password string) [][2]string
	}{
		"literals": {143, "* OK", func(p string) [][2]string {
			return [][2]string{{"a LOGIN {5}", "+"}, {fmt.Sprintf("alice {%d}", len(p)), "+"}, {p, "a OK"}, {"b LOGOUT", "b OK"}}
		}},
		"literals at once": {143, "* OK", func(p string) [][2]string {
			return [][2]string{{fmt.Sprintf("a LOGIN {5+}\r\nalice {%d+}\r\n%s", len(p), p), "a OK"}, {"b LOGOUT", "b OK"}}
		}},
		"refused literals": {143, "* OK", func(p string) [][2]string {
			return [][2]string{{fmt.Sprintf("a LOGON {5+}\r\nalice {%d+}\r\n%s", len(p), p), "a BAD"}, {"b LOGOUT", "b OK"}}
		}},
		"PASS": {110, "+OK", func(p string) [][2]string {
			return [][2]string{{"USER alice", "+OK"}, {"PASS " + p, "+OK"}, {"QUIT", "+OK"}}
		}},
		"USER":       {110, "+OK", func(p string) [][2]string { return [][2]string{{"USER alice " + p, "-ERR"}, {"QUIT", "+OK"}} }},
		"a bad line": {25, "220", func(p string) [][2]string { return [][2]string{{p + " x", "5"}, {"QUIT", "221"}} }},
		"AUTH": {25, "220", func(p string) [][2]string {
			return [][2]string{{"EHLO x", "250 "}, {"AUTH LOGIN", "334"}, {p, "501"}, {"QUIT", "221"}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var first any
			for _, password := range []string{"short", "a-much-longer-password-than-the-other"} {
				for _, inPieces := range []bool{false, true} {
					c := dial(t, s, way.port)
					local := c.LocalAddr().String()
					if err := c.say("", way.greet); err != nil {
						t.Fatal(err)
					}
					for _, step := range way.lines(password) {
						line := step[0]
						for inPieces && len(line) > 1 {
							if _, err := c.Write([]byte(line[:1])); err != nil {
								t.Fatal(err)
							}
							line = line[1:]
						}
						if err := c.say(line, step[1]); err != nil {
							t.Fatal(err)
						}
					}
					c.Close()
					kept := keptOf(t, s, way.port, local)
					if first == nil {
						first = kept
					} else if !reflect.DeepEqual(kept, first) {
						t.Errorf("%d bytes, in pieces: %v:\n%+v\nand before\n%+v", len(password), inPieces, kept, first)
					}
				}
			}
		})
	}
}

// keptOf returns what the ended session of a client at a door shows, without times. Clients of two doors may have the same
// port.
func keptOf(t *testing.T, s *server.Server, door int, client string) any {
	t.Helper()
	for deadline := time.Now().Add(hang); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		list := s.Sessions()
		i := slices.IndexFunc(list, func(x *server.Session) bool { return x.Door == door && x.Client == client && !x.End.IsZero() })
		if i < 0 {
			continue
		}
		units := slices.Clone(list[i].Units)
		for n := range units {
			units[n].At = 0
		}
		return []any{units, list[i].Counts.BytesIn, list[i].Counts.Commands}
	}
	t.Fatal("the session doesn't end")
	return nil
}
