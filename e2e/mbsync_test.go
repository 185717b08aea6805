package e2e

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"
)

// mbsyncrc syncs every folder both ways. isync 1.4 and 1.5 both know these words. SSLType became TLSType in 1.5, where
// the old name causes a warning, so the test chooses.
func (r *rig) mbsyncrc(w way, user, dir string, tlsWord string) string {
	kind := map[string]string{"clear": "None", "starttls": "STARTTLS", "tls": "IMAPS"}[w.mode]
	return fmt.Sprintf(`IMAPAccount rig
Host localhost
Port %s
User %s
Pass secret
%s %s
CertificateFile %s
AuthMechs PLAIN LOGIN
Timeout 20

IMAPStore far
Account rig

MaildirStore near
SubFolders Verbatim
Path %s/
Inbox %s/INBOX

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
Remove Both
SyncState *
CopyArrivalDate yes
`, r.port(w.door), user, tlsWord, kind, r.CAFile, dir, dir)
}

var tuid = regexp.MustCompile(`(?m)^X-TUID: \S+\n`)

func TestMbsync(t *testing.T) {
	t.Parallel()
	need(t, "mbsync")
	r := start(t)
	r.blameless(t)
	for _, w := range imapWays {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			r := r.in(t)
			user := "mbsync-" + w.String() + "@example.test"
			maildir, mbsync := r.mbsync(w, user)
			sync := func() result {
				t.Helper()
				return mbsync().silent()
			}

			// Down: what is on the server, including a nasty message.
			var sent [][]byte
			for i := range 3 {
				sent = append(sent, simple("bob@example.test", user, fmt.Sprint("down ", i)))
			}
			sent = append(sent, nasty("nasty", 5000))
			for _, m := range sent {
				goSends(t, r, way{465, "tls"}, user, m)
			}
			sync()
			if got := maildirFiles(t, maildir, "INBOX"); len(got) != len(sent) {
				t.Fatalf("mbsync brought %d messages, want %d: %v", len(got), len(sent), got)
			}
			// isync keeps the bytes, except that a Maildir has Unix line ends and that isync adds a header field.
			for _, f := range maildirFiles(t, maildir, "INBOX") {
				b, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(b), "Subject: nasty\n") {
					b = tuid.ReplaceAll(b, nil)
					same(t, []byte(strings.ReplaceAll(string(b), "\n", "\r\n")), sent[3])
				}
			}
			for _, folder := range []string{"Drafts", "Sent", "Junk", "Trash", "Archive"} {
				if _, err := os.Stat(filepath.Join(maildir, folder)); err != nil {
					t.Errorf("folder %s didn't come down: %v", folder, err)
				}
			}

			// Nothing is new, so nothing may change on either side.
			before := listing(t, maildir)
			sync()
			if after := listing(t, maildir); after != before {
				t.Errorf("the second sync changed something\nbefore:\n%s\nafter:\n%s", before, after)
			}
			if n := len(r.messages(user)); n != len(sent) {
				t.Errorf("the second sync left %d messages on the server, want %d", n, len(sent))
			}

			// Up: a new message, a new folder, a flag, a deletion.
			up := "From: me@example.test\nSubject: up\n\nfrom the Maildir\n"
			write(t, maildir, "Sent/cur/1700000000.1.host:2,S", []byte(up))
			for _, d := range []string{"cur", "new", "tmp"} {
				if err := os.MkdirAll(filepath.Join(maildir, "Projects", d), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			write(t, maildir, "Projects/cur/1700000001.1.host:2,F", []byte(up))
			files := maildirFiles(t, maildir, "INBOX")
			setFlags(t, files[0], "FS")
			setFlags(t, files[1], "ST")
			sync()
			before = listing(t, maildir)
			sync()
			if after := listing(t, maildir); after != before {
				t.Errorf("the sync after the way up isn't the last word\nbefore:\n%s\nafter:\n%s", before, after)
			}
			if n := len(r.messages(user)); n != len(sent)-1 {
				t.Errorf("a deleted message is still there: %d in INBOX", n)
			}
			for _, folder := range []string{"Sent", "Projects"} {
				all := r.messages(user, folder)
				if len(all) != 1 || !strings.Contains(string(all[0]), "from the Maildir\r\n") {
					t.Errorf("%s holds %q", folder, all)
				}
			}
			r.curlIMAP(way{993, "tls"}, user, "/Projects?FLAGGED").want(0).says("* SEARCH 1")
			r.curlIMAP(way{993, "tls"}, user, "/Sent?SEEN").want(0).says("* SEARCH 1")
			r.curlIMAP(way{993, "tls"}, user, "/INBOX?FLAGGED%20SEEN").want(0).says("* SEARCH ")
		})
	}
}

// mbsync makes an empty Maildir, and returns it with a function that syncs it.
func (r *rig) mbsync(w way, user string) (maildir string, sync func() result) {
	r.t.Helper()
	home := r.t.TempDir()
	maildir = filepath.Join(home, "Mail")
	if err := os.Mkdir(maildir, 0o700); err != nil {
		r.t.Fatal(err)
	}
	tlsWord := "SSLType"
	if v := r.run("mbsync", "--version").want(0).out; !strings.HasPrefix(v, "isync 1.4") && !strings.HasPrefix(v, "isync 1.3") {
		tlsWord = "TLSType"
	}
	write(r.t, home, ".mbsyncrc", []byte(r.mbsyncrc(w, user, maildir, tlsWord)))
	return maildir, func() result {
		r.t.Helper()
		return r.runIn(invocation{program: "mbsync", home: home, args: []string{"--all"}}).want(0)
	}
}

// TestMbsyncMovedUIDs shows what UIDs that move under the same UIDVALIDITY do to a client that trusts them: mbsync
// drops the first message, and has the last one twice. The server has lost nothing.
func TestMbsyncMovedUIDs(t *testing.T) {
	t.Parallel()
	need(t, "mbsync")
	r := start(t, "--scenario", "imap-uids-moved")
	user := "moved@example.test"
	for i := range 3 {
		goSends(t, r, way{465, "tls"}, user, simple("bob@example.test", user, fmt.Sprint("letter ", i)))
	}
	maildir, sync := r.mbsync(way{993, "tls"}, user)
	for _, want := range []string{"letter 0, letter 1, letter 2", "letter 1, letter 2, letter 2"} {
		sync()
		var got []string
		for _, f := range maildirFiles(t, maildir, "INBOX") {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, subject.FindStringSubmatch(string(b))[1])
		}
		sort.Strings(got)
		if got := strings.Join(got, ", "); got != want {
			t.Errorf("the Maildir has %s; want %s", got, want)
		}
	}
	if n := len(r.messages(user)); n != 3 {
		t.Errorf("the server has %d messages; want 3", n)
	}
}

var subject = regexp.MustCompile(`(?m)^Subject: (.*)$`)

func maildirFiles(t *testing.T, dir, folder string) []string {
	t.Helper()
	var all []string
	for _, sub := range []string{"cur", "new"} {
		got, err := filepath.Glob(filepath.Join(dir, folder, sub, "*"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, got...)
	}
	sort.Strings(all)
	return all
}

// setFlags moves a Maildir message to cur with these flags.
func setFlags(t *testing.T, path, flags string) {
	t.Helper()
	name, _, _ := strings.Cut(filepath.Base(path), ":")
	to := filepath.Join(filepath.Dir(filepath.Dir(path)), "cur", name+":2,"+flags)
	if err := os.Rename(path, to); err != nil {
		t.Fatal(err)
	}
}

// listing returns every message file with its content, and mbsync's own notes.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if strings.Contains(path, ".mbsyncstate") {
			fmt.Fprintf(&b, "%s\n%s\n", strings.TrimPrefix(path, dir), content)
		} else {
			fmt.Fprintf(&b, "%s %x\n", strings.TrimPrefix(path, dir), sha256.Sum256(content))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
