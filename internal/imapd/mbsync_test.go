package imapd

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMbsync runs mbsync, a strict client that warns about anything it doesn't expect. It pulls a mailbox, pushes a new
// message and a flag, and must have no complaint about the server.
func TestMbsync(t *testing.T) {
	t.Parallel()
	mbsync, err := exec.LookPath("mbsync")
	if err != nil {
		t.Skip("mbsync (isync) is not installed: it was not tried")
	}
	store := newStore()
	for i := range 30 {
		deliver(t, store, fmt.Sprintf("From: a@b.test\r\nMessage-ID: <%d@b.test>\r\nSubject: %d\r\n\r\nbody\r\n", i, i))
	}
	deliver(t, store, "Subject: bare\n\nLF\n")
	addr := start(t, store, newScene())
	setup := newEngine(t, addr)
	setup.do("LOGIN user pass")
	setup.do("SELECT INBOX")
	setup.do(`STORE 1:3 +FLAGS.SILENT (\Seen $Forwarded)`)
	setup.do(`CREATE "Work/Entw&APw-rfe"`)

	dir := t.TempDir()
	host, port, _ := net.SplitHostPort(addr)
	config := filepath.Join(dir, "mbsyncrc")
	text := fmt.Sprintf(`IMAPAccount rig
Host %s
Port %s
User user
Pass pass
%%s
AuthMechs PLAIN

IMAPStore far
Account rig

MaildirStore near
Path %s/mail/
Inbox %s/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
Sync All
SyncState *
`, host, port, dir, dir)
	if err := os.Mkdir(filepath.Join(dir, "mail"), 0o700); err != nil {
		t.Fatal(err)
	}
	run := func() string {
		t.Helper()
		var out []byte
		// The name of this setting depends on mbsync's version.
		for _, tls := range []string{"TLSType None", "SSLType None"} {
			if err := os.WriteFile(config, fmt.Appendf(nil, text, tls), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(mbsync, "-c", config, "-V", "all")
			cmd.Env = append(os.Environ(), "HOME="+dir)
			if out, err = cmd.CombinedOutput(); err == nil {
				break
			}
		}
		if err != nil {
			t.Fatalf("mbsync: %v\n%s", err, out)
		}
		for line := range strings.Lines(string(out)) {
			low := strings.ToLower(line)
			if strings.Contains(low, "warning") && !strings.Contains(low, "tls") && !strings.Contains(low, "ssl") ||
				strings.Contains(low, "error") || strings.Contains(low, "unknown system flag") {
				t.Errorf("mbsync says: %s", line)
			}
		}
		return string(out)
	}
	out := run()
	inbox := filepath.Join(dir, "mail", "INBOX")
	files, _ := filepath.Glob(filepath.Join(inbox, "*", "*"))
	if len(files) != 31 {
		t.Fatalf("%d messages came\n%s", len(files), out)
	}
	flagged := 0
	for _, f := range files {
		if strings.HasSuffix(f, ":2,PS") {
			flagged++
		}
	}
	if flagged != 3 {
		t.Errorf("%d messages have their flags", flagged)
	}

	push := filepath.Join(inbox, "new", "1.x.y")
	if err := os.WriteFile(push, []byte("Subject: pushed\n\nx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	setup.do(`STORE 4 +FLAGS.SILENT (\Deleted)`)
	setup.do("EXPUNGE")
	out = run()
	setup.do("NOOP")
	if got, _ := setup.do("SEARCH SUBJECT pushed"); len(got) != 1 || got[0] != "* SEARCH 31" {
		t.Errorf("after the push: %q\n%s", got, out)
	}
	files, _ = filepath.Glob(filepath.Join(inbox, "*", "*"))
	if len(files) != 31 {
		t.Errorf("%d messages after the expunge\n%s", len(files), out)
	}
}
