package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/proctree"
	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// cell is one program with one case's settings, and what came of it.
type cell struct {
	program *program
	wrongly *wrongly
	grade   grade
	about   string // id of the finding that is wrong
	found   []server.Finding
	output  string // of the program
	log     string // dialogues
}

func (c *cell) String() string {
	text := c.program.name + ": " + c.wrongly.String()
	if c.wrongly.first != nil {
		text += ", after it has fetched mail"
	}
	return text
}

// bench is where programs run: a folder with what was built for them.
type bench struct {
	folder   string
	programs string // folder with the scripts
}

const limit = 20 * time.Second // for one program; most give up after the 5 s that their settings say

const letter = `From: alice@example.test
To: bob@example.test
Subject: hello
Date: Mon, 05 Jan 2026 10:00:00 +0000
Message-ID: <hello@example.test>

hello
`

func newBench(ctx context.Context, root string) (*bench, error) {
	folder, err := os.MkdirTemp("", "mailrig-settings-")
	if err != nil {
		return nil, err
	}
	b := &bench{folder: folder}
	if b.programs, err = filepath.Abs(filepath.Join(root, "programs")); err == nil {
		err = os.WriteFile(b.message(), []byte(letter), 0o600)
	}
	if err == nil {
		err = b.build(ctx, root)
	}
	if err != nil {
		b.remove()
		return nil, err
	}
	return b, nil
}

// javaMail is where Debian's libmail-java puts JavaMail.
const javaMail = "/usr/share/java/javax.mail.jar"

// build compiles the programs that aren't scripts, if they are among those installed.
func (b *bench) build(ctx context.Context, root string) error {
	commands := [][]string{{"go", "build", "-o", b.goclient(), "./goclient"}}
	if java := (&program{needs: []string{"javac", javaMail}}); java.missing() == nil {
		commands = append(commands, []string{"javac", "-cp", javaMail, "-d", b.folder, "programs/Mail.java"})
	}
	for _, words := range commands {
		cmd := exec.CommandContext(ctx, words[0], words[1:]...)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(words, " "), err, out)
		}
	}
	return nil
}

func (b *bench) remove()          { os.RemoveAll(b.folder) }
func (b *bench) message() string  { return filepath.Join(b.folder, "message") }
func (b *bench) goclient() string { return filepath.Join(b.folder, "goclient") }

// try runs a cell at a rig of its own, and grades it.
func (b *bench) try(ctx context.Context, c *cell) error {
	w := c.wrongly
	cfg := server.Config{PortOffset: "random", Users: w.server.users}
	if w.server.address != "" {
		cfg.Hosts = []string{w.server.address}
	}
	if w.server.scenario != "" {
		s, err := scenarios.Find(w.server.scenario)
		if err != nil {
			return err
		}
		cfg.Scenarios = []*scenarios.Scenario{s}
	}
	srv, err := server.New(cfg)
	if err != nil {
		return err
	}
	if err := srv.Start(ctx); err != nil {
		return err
	}
	defer func() {
		deadline, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		_ = srv.Shutdown(deadline)
	}()
	accounts := []*account{&w.account}
	if w.first != nil {
		accounts = []*account{w.first, &w.account}
	}
	for _, a := range accounts {
		if err := b.run(ctx, srv, c, a); err != nil {
			return err
		}
	}
	quiet, cancel := context.WithTimeout(ctx, limit)
	srv.Quiesce(quiet)
	cancel()
	c.found = srv.Conclude()
	for _, s := range srv.Sessions() {
		c.log += s.Dialogue()
	}
	c.judge(ctx, srv)
	return nil
}

// run runs the program once. Where the account is of a protocol that it doesn't speak, Python runs in its place.
func (b *bench) run(ctx context.Context, srv *server.Server, c *cell, a *account) error {
	home, err := os.MkdirTemp(b.folder, "home-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	line := c.program.run
	if !c.program.can(a) {
		line = `python3 "$PROGRAMS/libraries.py" standard`
	}
	port, err := portOf(srv, a.door)
	if err != nil {
		return err
	}
	ca := filepath.Join(home, "ca.pem")
	if err := os.WriteFile(ca, srv.CAPEM(), 0o600); err != nil {
		return err
	}
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = home
	cmd.Env = []string{
		"HOME=" + home, "LANG=C.UTF-8", "TERM=xterm", "PATH=" + os.Getenv("PATH"), "PROGRAMS=" + b.programs, "GOCLIENT=" + b.goclient(), "CLASSES=" + b.folder, "MESSAGE=" + b.message(),
		"HOST=" + a.host, "PORT=" + port, "PROTOCOL=" + a.protocol, "MODE=" + a.mode, "TRUST=" + a.trust, "CA=" + ca,
		"ACCOUNT=" + a.user, "PASSWORD=" + a.password, "SENDER=" + rightUser, "LOGIN=" + a.login, "TLS=" + a.tls,
	}
	for _, name := range []string{"PYENV_ROOT", "PYENV_VERSION"} {
		if v, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, 2*time.Second
	tree, err := proctree.Start(cmd, proctree.Options{})
	if err != nil {
		return err
	}
	over := time.NewTimer(limit)
	defer over.Stop()
	killed := ""
	select {
	case <-tree.Done():
	case <-over.C:
		killed = "\n(killed)"
		tree.Kill()
		<-tree.Done()
	case <-ctx.Done():
		tree.Kill()
		<-tree.Done()
		return ctx.Err()
	}
	tree.End(100*time.Millisecond, time.Second)
	c.output += strings.TrimSpace(out.String()) + killed + "\n"
	return nil
}

// portOf returns the real port of a door.
func portOf(srv *server.Server, number int) (string, error) {
	for _, d := range srv.Doors() {
		if d.Port == number {
			_, port, err := net.SplitHostPort(d.Address)
			return port, err
		}
	}
	return "", errors.New("no door " + strconv.Itoa(number))
}

// judge grades the cell.
func (c *cell) judge(ctx context.Context, srv *server.Server) {
	w := c.wrongly
	switch done := c.done(ctx, srv); {
	case w.kind == nothingWrong && !done:
		c.grade = broken
	case w.kind == nothingWrong:
		c.grade, c.about = judgeSane(c.found, c.program.also)
	case len(srv.Sessions()) == 0 && w.server.scenario == "":
		c.grade = not
	case done && !w.visible():
		c.grade = unharmed
	default:
		c.grade, c.about = w.want.judge(c.program, c.found)
	}
}

// visible reports whether the mistake leaves something to say where the job was done: passwords in clear, certificates that
// nobody may trust.
func (w *wrongly) visible() bool {
	return w.account.mode == "clear" || w.account.trust == "any"
}

// done reports whether the program did its job: the message is there, or it has logged in to read.
func (c *cell) done(ctx context.Context, srv *server.Server) bool {
	if c.wrongly.account.protocol == "smtp" {
		mail, err := srv.Mail(ctx)
		return err == nil && len(mail) > 0
	}
	for _, s := range srv.Sessions() {
		for _, l := range s.Logins {
			if l.OK {
				return true
			}
		}
	}
	return false
}
