package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/testkit/await"
	"github.com/mailrig/mailrig/internal/testkit/pages"
)

// TestDocs runs every command that README.md and docs show, each page's in their order, in a directory with the files that the
// reader has by then, and beside a rig to which they lead. What can't run here is in the list notHere, with the reason.
// A command that is new on a page and neither runs nor stands in the list fails.
func TestDocs(t *testing.T) {
	t.Parallel()
	if raceDetector {
		t.Skip("make e2e runs it without the race detector: once is enough")
	}
	need(t, "sh", "curl", "swaks", "python3")
	all, err := pages.All("..")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, page := range all {
		for _, c := range page.Commands {
			used[c.Text] = true
			used[reasonNotHere(c)] = true
		}
		if len(page.Commands) > 0 {
			t.Run(page.Path, func(t *testing.T) {
				t.Parallel()
				runPage(t, page, all)
			})
		}
	}
	for text := range status {
		if !used[text] {
			t.Errorf("no page shows %q: remove it from the list status", text)
		}
	}
	for text, reason := range notHere {
		if !used[reason] {
			t.Errorf("no page shows %q: remove it from the list notHere", text)
		}
	}
}

// reasonNotHere returns why a command can't run here, or "".
func reasonNotHere(c pages.Command) string {
	for text, reason := range notHere {
		if begin, glob := strings.CutSuffix(text, "*"); c.Text == text || glob && strings.HasPrefix(c.Text, begin) {
			return reason
		}
	}
	if words := strings.Fields(c.Text); c.Prose && len(words) == 2 && words[0] == "mailrig" && !strings.HasPrefix(words[1], "-") {
		return "it is the name of a sub-command"
	}
	return ""
}

// runPage runs the commands of a page.
func runPage(t *testing.T, page pages.Page, all []pages.Page) {
	var d *desk
	for _, c := range page.Commands {
		if reasonNotHere(c) != "" {
			continue
		}
		calls, err := pages.Calls(c.Text)
		if err != nil || len(calls) == 0 {
			t.Errorf("%s, line %d: %s: calls nothing, %v", c.Page, c.Line, c.Text, err)
			continue
		}
		if !slices.Contains([]string{"mailrig", "curl", "swaks", "printf"}, calls[0][0]) {
			t.Errorf("%s, line %d: %s: this test can't run %s. If it can't be run at all, add it to the list notHere with the reason", c.Page, c.Line, c.Text, calls[0][0])
			continue
		}
		if d == nil {
			d = newDesk(t, all)
		}
		var out string
		switch {
		case serves(calls[0]):
			out, err = d.serve(c.Text)
		case follows[c.Text]:
			out, err = d.follow(c.Text)
		default:
			out, err = d.run(c.Text, calls[0])
		}
		if err == nil {
			err = sameOutput(c.Output, out)
		}
		if err != nil {
			t.Errorf("%s, line %d: %s: %v\n%s", c.Page, c.Line, c.Text, err, clip(out))
		}
	}
}

// serves reports whether a command is a server that runs until it is stopped.
func serves(call []string) bool {
	return call[0] == "mailrig" && (len(call) == 1 || call[1] == "serve" || strings.HasPrefix(call[1], "-")) &&
		!slices.Contains(call, "--help") && !slices.Contains(call, "--version")
}

// desk is where a page's commands run: a directory, and a rig.
type desk struct {
	t   *testing.T
	dir string
	rig *rig

	goEnv []string // a command may call go
}

// newDesk starts a rig in which something has happened already, and writes the files that the pages speak of.
func newDesk(t *testing.T, all []pages.Page) *desk {
	t.Helper()
	d := &desk{t: t, dir: t.TempDir(), rig: start(t), goEnv: goEnv(t)}
	client := ""
	for _, p := range all {
		if p.Path == "docs/trial.md" && len(p.Scripts) == 1 {
			client = p.Scripts[0]
		}
	}
	if client == "" {
		t.Fatal("docs/trial.md doesn't show a client")
	}
	for _, name := range []string{"send-and-fetch.sh", "client.sh"} {
		if err := os.Chmod(write(t, d.dir, name, []byte(client)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	signIn, err := os.ReadFile(filepath.Join("testdata", "docs", "sign-in-and-fetch.sh"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(write(t, d.dir, "sign-in-and-fetch.sh", signIn), 0o700); err != nil {
		t.Fatal(err)
	}
	scenario, err := os.ReadFile("../scenarios/catalogue/smtp/greylisting.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, d.dir, "greylisting.yaml", scenario)
	write(t, d.dir, "my.yaml", bytes.Replace(scenario, []byte("name: greylisting"), []byte("name: my"), 1))
	if err := os.Chmod(write(t, d.dir, "test.sh", []byte("#!/bin/sh\nmailrig wait --ready\n")), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, d.dir, "known.json", []byte("# nothing is known to fail\n"))
	for _, name := range []string{"sign_up.py", "sign_up.mjs"} {
		source, err := os.ReadFile(filepath.Join("testdata", "web", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, d.dir, name, source)
	}
	write(t, d.dir, "client.log", []byte("error: wrong version number\n"))
	write(t, d.dir, "go.mod", []byte("module example.test/app\n"))
	write(t, d.dir, "app_test.go", []byte("package app\n\nimport \"testing\"\n\nfunc TestNothing(*testing.T) {}\n"))
	write(t, d.dir, ".curlrc", fmt.Appendf(nil, "connect-to = localhost:8025:%[1]s\nconnect-to = 127.0.0.1:8025:%[1]s\n", strings.TrimPrefix(d.rig.HTTP, "http://")))
	write(t, d.dir, "welcome.eml", []byte("From: shop@example.test\r\nTo: alice@example.test\r\nSubject: Welcome\r\n\r\nHello\r\n"))
	for range 12 { // the pages look at session 12
		d.rig.run("curl", "-sS", "imap://"+d.rig.door(143).Address+"/INBOX", "--user", "bob@example.test:secret").want(0)
	}
	d.rig.run("curl", "-sS", "--cacert", d.rig.CAFile, "imaps://"+d.rig.door(993).Address+"/INBOX", "--user", "alice@example.test:secret").want(0)
	d.welcome()
	return d
}

// welcome sends alice a message.
func (d *desk) welcome() {
	d.rig.run("curl", "-sS", "smtp://"+d.rig.door(25).Address, "--mail-from", "shop@example.test", "--mail-rcpt", "alice@example.test",
		"-T", filepath.Join(d.dir, "welcome.eml")).want(0)
}

// elsewhere is what a test can't have: hosts of others, and fixed ports, which something else may use.
var elsewhere = strings.NewReplacer(
	"mail.example.org", "localhost",
	"--port-offset 3000", "--port-offset random",
	"--http 127.0.0.1:5000", "--http 127.0.0.1:0",
)

// command returns a command of a page, for a shell.
func (d *desk) command(ctx context.Context, text string, env ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-c", text)
	cmd.Dir = d.dir
	cmd.Env = slices.Concat(cleanEnv(d.dir), d.goEnv, env)
	cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(binary)+string(os.PathListSeparator)+os.Getenv("PATH"))
	cmd.WaitDelay = 2 * time.Second
	return cmd
}

// run runs a command to its end, and checks its status.
func (d *desk) run(text string, call []string) (string, error) {
	ctx, cancel := context.WithTimeout(d.t.Context(), 4*patience)
	defer cancel()
	cmd := d.command(ctx, d.place(text), d.variables(call)...)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return string(out), fmt.Errorf("it doesn't end: %w", ctx.Err())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return string(out), err
	}
	if got, want := cmd.ProcessState.ExitCode(), status[text]; got != want {
		return string(out), fmt.Errorf("it ended with status %d, want %d", got, want)
	}
	return string(out), nil
}

// place puts the rig's addresses where a command names fixed ones.
func (d *desk) place(text string) string {
	text = elsewhere.Replace(text)
	if strings.HasPrefix(text, "swaks") || strings.HasPrefix(text, "curl imap") || strings.HasPrefix(text, "printf") {
		for _, door := range d.rig.Doors {
			if door.Port == 587 { // the page wants a server that refuses
				text = strings.Replace(text, "--server localhost ", "--server "+door.Address+" ", 1)
			}
			text = strings.Replace(text, fmt.Sprintf("localhost:%d ", door.Port), door.Address+" ", 1)
		}
	}
	return text
}

// variables tell a command where the rig is, or make it short.
func (d *desk) variables(call []string) []string {
	if call[0] != "mailrig" {
		return nil
	}
	switch call[1] {
	case "run":
		return nil
	case "trial": // the whole catalogue would take half a minute each time
		return []string{"CI_NODE_INDEX=1", "CI_NODE_TOTAL=1", "MAILRIG_SCENARIO=auth-wrong-password,starttls-stripped,imap-uidnext-missing"}
	case "check":
		env := []string{"MAILRIG_HOST=localhost", "MAILRIG_CA_FILE=" + d.rig.CAFile, "MAILRIG_PASSWORD=secret"}
		for _, door := range d.rig.Doors {
			_, port, err := net.SplitHostPort(door.Address)
			if err != nil {
				d.t.Fatal(err)
			}
			env = append(env, fmt.Sprintf("MAILRIG_PORT_%d=%s", door.Port, port))
		}
		return env
	}
	return []string{"MAILRIG_HTTP=" + d.rig.HTTP}
}

// started starts a command that doesn't end by itself. stop interrupts it and waits for its end.
func (d *desk) started(text string, env ...string) (out *buffer, stop func() error, err error) {
	ctx, cancel := context.WithCancel(d.t.Context())
	cmd := d.command(ctx, "exec "+d.place(text), env...)
	out = &buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		cancel()
		return out, nil, err
	}
	return out, func() error {
		defer cancel()
		kill := time.AfterFunc(patience, cancel)
		defer kill.Stop()
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			return err
		}
		return cmd.Wait()
	}, nil
}

// serve starts a server, waits until it is ready and stops it.
func (d *desk) serve(text string) (string, error) {
	out, stop, err := d.started(text, "MAILRIG_PORT_OFFSET=random", "MAILRIG_HTTP=127.0.0.1:0", "MP_SMTP_BIND_ADDR=127.0.0.1:0")
	if err != nil {
		return "", err
	}
	ready := await.Until(patience, func() bool { return strings.Contains(out.String(), "Ctrl-C stops\n") })
	shown := out.String()
	if err := stop(); err != nil {
		return shown, fmt.Errorf("after Ctrl-C: %w", err)
	}
	if !ready {
		return shown, errors.New("it isn't ready")
	}
	return shown, nil
}

// follow starts a command that prints what happens, makes something happen until it prints, and stops it.
func (d *desk) follow(text string) (string, error) {
	out, stop, err := d.started(text)
	if err != nil {
		return "", err
	}
	printed := await.Until(patience, func() bool {
		d.welcome()
		return strings.Contains(out.String(), "Welcome")
	})
	_ = stop() // curl dies of the signal
	if !printed {
		return out.String(), errors.New("it prints nothing of a message that arrives")
	}
	return out.String(), nil
}

var (
	digits  = regexp.MustCompile(`[0-9]+`)
	ipv6    = regexp.MustCompile(`\[::1\]:0| and #0`) // not every machine has IPv6
	columns = regexp.MustCompile(`[ ─-]+`)
)

// common returns a line without what differs from run to run: numbers, and the widths of columns.
func common(line string) string {
	line = ipv6.ReplaceAllString(digits.ReplaceAllString(line, "0"), "")
	return strings.TrimSpace(columns.ReplaceAllString(line, " "))
}

// sameOutput checks that a command has printed the lines that the page shows below it, in this order.
func sameOutput(shown, printed string) error {
	lines := strings.Split(printed, "\n")
	for want := range strings.Lines(shown) {
		want = common(want)
		i := slices.IndexFunc(lines, func(line string) bool { return common(line) == want })
		if i < 0 {
			return fmt.Errorf("it doesn't print the page's line %q", want)
		}
		lines = lines[i+1:]
	}
	return nil
}
