package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/transcript"
)

// findings returns what mailrig found in all sessions, after every session has ended.
func (r *rig) findings(t *testing.T) []diagnose.Finding {
	t.Helper()
	list := r.ended(t)
	c := diagnose.NewCase(transcript.Records(list), time.Now())
	c.Over = true
	return c.Findings(false)
}

// finds reports whether mailrig finds this in all sessions, good things too. They must have ended.
func (r *rig) finds(t *testing.T, id string) bool {
	t.Helper()
	c := diagnose.NewCase(transcript.Records(r.records(t)), time.Now())
	c.Over = true
	return slices.ContainsFunc(c.Findings(true), func(f diagnose.Finding) bool { return f.ID == id })
}

func (r *rig) ended(t *testing.T) (list []*transcript.Session) {
	t.Helper()
	eventually(t, "the client's sessions have ended", func() bool {
		list = r.records(t)
		return len(list) > 0 && !slices.ContainsFunc(list, func(s *transcript.Session) bool { return s.End.IsZero() })
	})
	for _, s := range list {
		t.Log(s.Dialogue())
	}
	return list
}

// records returns the complete sessions, rendered from their records.
func (r *rig) records(t *testing.T) []*transcript.Session {
	t.Helper()
	var list struct{ Sessions []struct{ ID string } }
	body := r.get(t, "/api/v1/sessions")
	if err := json.Unmarshal(body, &list); err != nil {
		t.Fatalf("%v\n%s", err, clip(string(body)))
	}
	var all []*transcript.Session
	for _, s := range list.Sessions {
		record, err := event.Decode(r.get(t, "/api/v1/sessions/"+s.ID+"/events"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, transcript.Of(record))
	}
	return all
}

// get returns what the HTTP door answers.
func (r *rig) get(t *testing.T, path string) []byte {
	t.Helper()
	c := http.Client{Timeout: patience}
	resp, err := c.Get(r.HTTP + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s\n%s", path, resp.Status, clip(string(body)))
	}
	return body
}

// bad returns the findings that report a fault.
func bad(found []diagnose.Finding, from diagnose.Severity) (all []diagnose.Finding) {
	for _, f := range found {
		if f.Severity == diagnose.Error || f.Severity == from {
			all = append(all, f)
		}
	}
	return all
}

func show(found []diagnose.Finding) string {
	var b strings.Builder
	for _, f := range found {
		b.WriteString("  " + f.ID + " " + f.Line() + "\n    " + f.Explanation + "\n")
	}
	if b.Len() == 0 {
		return "  none\n"
	}
	return b.String()
}

// habit is what a client does besides its settings.
type habit struct {
	why      string
	ids      []string // of the findings that it leads to
	warnings []string // that it may lead to
}

var hasty = habit{why: "s_client gets all its commands at once, and sends them as it reads them", warnings: []string{"sent-commands-behind-hello"}}

// known is what clients do besides their settings, as seen on the wire.
var known = map[string]habit{
	"587-clear/go": {why: "net/smtp takes localhost for safe, and sends AUTH PLAIN with the password to a server that offers no AUTH",
		ids: []string{"password-sent-in-clear"}},
	"143-starttls/go":       {why: "emersion's client sends LOGIN first inside TLS, and asks for the capabilities after it", warnings: []string{"capabilities-not-asked-again"}},
	"110-starttls/python":   {why: "poplib asks CAPA before STLS and not after it", warnings: []string{"capabilities-not-asked-again"}},
	"25-starttls/openssl":   hasty,
	"2525-starttls/openssl": hasty,
	"587-starttls/openssl":  hasty,
	"465-tls/openssl":       hasty,
}

// advised is what a setting at a door must lead to: any one of these findings, and the words of its advice. Without an
// id, nothing may be wrong.
type advised struct {
	ids      []string
	words    []string
	warnings []string // that the client is known to cause
}

var (
	secureDoor   = map[string]string{"smtp": "465", "imap": "993", "pop3": "995"}
	starttlsDoor = map[string]string{"smtp": "587", "imap": "143", "pop3": "110"}
)

func advice(d doorInfo, mode string) advised {
	secure, open := "port "+secureDoor[d.Protocol], "port "+starttlsDoor[d.Protocol]
	switch {
	case d.Security == "tls" && mode != "tls":
		return advised{ids: []string{"silent-on-tls-port", "clear-text-on-tls-port"}, words: []string{"Port " + strconv.Itoa(d.Port) + " needs TLS from the first byte", "Set encryption to SSL/TLS", open, "STARTTLS"}}
	case d.Security != "tls" && mode == "tls":
		return advised{ids: []string{"tls-on-clear-port"}, words: []string{"Port " + strconv.Itoa(d.Port) + " starts unencrypted", "Set encryption to STARTTLS", "SSL/TLS", secure}}
	case d.Security == "starttls-required" && mode == "clear":
		return advised{ids: []string{"tls-needed", "left-before-starttls"}, words: []string{"Set encryption to STARTTLS", "SSL/TLS", secure}}
	case mode == "clear":
		return advised{ids: []string{"password-sent-in-clear"}, words: []string{"Set encryption to STARTTLS", open, "SSL/TLS", secure}}
	}
	return advised{}
}

// TestMisconfigured sets up real clients with every door and every encryption, right and wrong, and checks what mailrig
// advises.
func TestMisconfigured(t *testing.T) {
	t.Parallel()
	table := start(t).Doors
	for _, d := range table {
		for _, mode := range []string{"clear", "starttls", "tls"} {
			s := setting{way{d.Port, mode}, d.Protocol, "ca"}
			want := advice(d, mode)
			clients := 0
			for _, p := range programs {
				if !p.can(s) {
					continue
				}
				clients++
				if !p.chosen() {
					continue
				}
				t.Run(s.way.String()+"/"+p.name, func(t *testing.T) {
					t.Parallel()
					need(t, p.needs...)
					if p.name == "openssl" && d.Security != "tls" && mode == "clear" {
						t.Skip("s_client speaks TLS only")
					}
					r := start(t)
					p.run(t, r, s)
					want := want
					if name := s.way.String() + "/" + p.name; known[name].why != "" {
						want.ids, want.warnings = known[name].ids, known[name].warnings
					}
					want.check(t, r.findings(t))
					if want.ids == nil && want.warnings == nil && (p.name != "curl" || mode == "tls") {
						keep(t, s.way.String()+"-"+p.name, r.records(t))
					}
				})
			}
			if clients < 3 {
				t.Errorf("only %d clients try door %d with %s", clients, d.Port, mode)
			}
		}
	}
}

// TestLoginNeedsTLS tries the same clients, without encryption, at servers that accept a login only inside TLS.
func TestLoginNeedsTLS(t *testing.T) {
	t.Parallel()
	for _, w := range []way{{143, "clear"}, {110, "clear"}, {587, "clear"}} {
		for _, p := range programs {
			s := setting{w, map[int]string{143: "imap", 110: "pop3", 587: "smtp"}[w.door], "ca"}
			if !p.can(s) {
				continue
			}
			t.Run(w.String()+"/"+p.name, func(t *testing.T) {
				t.Parallel()
				need(t, p.needs...)
				r := start(t, "--scenario", "login-needs-tls")
				p.run(t, r, s)
				found := r.findings(t)
				ids := []string{"tls-needed", "left-before-starttls", "password-sent-in-clear"}
				for _, f := range bad(found, diagnose.Error) {
					if f.ID == "login-despite-logindisabled" { // also true
						ids = append(ids, f.ID)
					}
				}
				secure := secureDoor[s.protocol]
				advised{ids: ids, words: []string{"Set encryption to STARTTLS", "SSL/TLS with port " + secure}}.check(t, found)
			})
		}
	}
}

func (want advised) check(t *testing.T, found []diagnose.Finding) {
	t.Helper()
	if want.ids == nil {
		wrong := slices.DeleteFunc(bad(found, diagnose.Warning), func(f diagnose.Finding) bool { return slices.Contains(want.warnings, f.ID) })
		if len(wrong) > 0 {
			t.Errorf("all is well, and mailrig says\n%s", show(wrong))
		}
		return
	}
	var main *diagnose.Finding
	for i, f := range found {
		switch {
		case slices.Contains(want.ids, f.ID):
			if main == nil {
				main = &found[i]
			}
		case f.Severity == diagnose.Error:
			t.Errorf("another error, want only %v:\n%s", want.ids, show(found))
		}
	}
	if main == nil {
		t.Fatalf("want %v, got\n%s", want.ids, show(found))
	}
	for _, w := range want.words {
		if !strings.Contains(main.Advice, w) {
			t.Errorf("the advice %q doesn't say %q", main.Advice, w)
		}
	}
	t.Logf("%s: %s", main.ID, main.Line())
}

// TestMixedUp points clients at the port of another protocol, or at a port of none.
func TestMixedUp(t *testing.T) {
	t.Parallel()
	// Most clients wait for a greeting of their own protocol, or leave when they see another one. A client that leaves
	// at once can't be distinguished from others that do. For those the advice mentions this too.
	for _, m := range []struct {
		s     setting
		words []string // of the advice
	}{
		{setting{way{143, "clear"}, "smtp", "ca"}, []string{"Port 143 is for IMAP", "465"}},
		{setting{way{25, "clear"}, "imap", "ca"}, []string{"Port 25 is for SMTP", "993"}},
		{setting{way{25, "clear"}, "pop3", "ca"}, []string{"Port 25 is for SMTP", "995"}},
		{setting{way{587, "clear"}, "imap", "ca"}, []string{"Port 587 is for SMTP", "993"}},
		{setting{way{110, "clear"}, "imap", "ca"}, []string{"Port 110 is for POP3", "993"}},
		{setting{way{110, "clear"}, "smtp", "ca"}, []string{"Port 110 is for POP3", "465"}},
		{setting{way{143, "clear"}, "pop3", "ca"}, []string{"Port 143 is for IMAP", "995"}},
		{setting{way{995, "tls"}, "imap", "ca"}, []string{"Port 995 is for POP3"}},
		{setting{way{993, "tls"}, "pop3", "ca"}, []string{"Port 993 is for IMAP"}},
		{setting{way{993, "tls"}, "smtp", "ca"}, []string{"Port 993 is for IMAP"}},
	} {
		for _, p := range programs {
			if !p.can(m.s) || p.name == "openssl" || !p.chosen() {
				continue // s_client leaves the talking to its user
			}
			t.Run(m.s.String()+"/"+p.name, func(t *testing.T) {
				t.Parallel()
				need(t, p.needs...)
				r := start(t)
				p.run(t, r, m.s)
				mixedUp(t, r.findings(t), m.words)
			})
		}
	}
}

// mixedUp checks that there is one piece of advice, and that it is about the protocol.
func mixedUp(t *testing.T, found []diagnose.Finding, words []string) {
	t.Helper()
	if len(found) != 1 || !slices.Contains([]string{"wrong-protocol", "expected-another-protocol", "connected-and-left", "certificate-not-trusted"}, found[0].ID) {
		t.Fatalf("want one finding about the protocol:\n%s", show(found))
	}
	f := found[0]
	if f.ID == "certificate-not-trusted" && !f.Guess {
		t.Errorf("the certificate is said to be at fault:\n%s", show(found))
	}
	for _, w := range words {
		if !strings.Contains(strings.ToLower(f.Advice), strings.ToLower(w)) {
			t.Errorf("the advice %q doesn't say %q", f.Advice, w)
		}
	}
	t.Logf("%s: %s", f.ID, f.Line())
}

// TestNoMailClient tries a browser, and a program that connects and says nothing.
func TestNoMailClient(t *testing.T) {
	t.Parallel()
	for _, d := range start(t).Doors {
		number := strconv.Itoa(d.Port)
		t.Run("http at "+number, func(t *testing.T) {
			t.Parallel()
			need(t, "curl")
			r := start(t)
			r.bounded(t, t.TempDir(), nil, "curl", "--silent", "--show-error", "--http0.9", "--max-time", "4", "http://"+r.local(d.Port)+"/")
			advised{ids: []string{"http-on-mail-port"}, words: []string{"Port " + number + " speaks " + strings.ToUpper(d.Protocol), "web address"}}.check(t, r.findings(t))
		})
		t.Run("https at "+number, func(t *testing.T) {
			t.Parallel()
			need(t, "curl")
			r := start(t)
			r.bounded(t, t.TempDir(), nil, "curl", "--silent", "--show-error", "--http0.9", "--max-time", "4", "--cacert", r.CAFile, "https://"+r.local(d.Port)+"/")
			id := "http-on-mail-port"
			if d.Security != "tls" {
				id = "tls-on-clear-port"
			}
			advised{ids: []string{id}}.check(t, r.findings(t))
		})
		t.Run("silence at "+number, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			k := r.dial(t, d.Port)
			if d.Security != "tls" {
				k.Close()
				advised{}.check(t, r.findings(t))
				return
			}
			// It is reported while it lasts.
			var found []diagnose.Finding
			eventually(t, "silence is remarked on", func() bool {
				found = diagnose.NewCase(transcript.Records(r.records(t)), time.Now()).Findings(false)
				return len(found) > 0
			})
			advised{ids: []string{"silent-on-tls-port"}, words: []string{"SSL/TLS", "port " + starttlsDoor[d.Protocol]}}.check(t, found)
			if s := r.records(t); len(s) != 1 || !s[0].End.IsZero() {
				t.Errorf("the connection has ended: %+v", s)
			}
		})
	}
}
