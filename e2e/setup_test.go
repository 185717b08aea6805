package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/setup"
	"github.com/mailrig/mailrig/internal/transcript"
)

// guided is how a snippet of the page is tried: with the programs that it needs, and with what stands around it in a person's
// project.
type guided struct {
	needs   []string                        // programs
	modules []string                        // of Node
	debian  string                          // a file that a Debian package brings; may have a *
	project func(t *testing.T, dir string)  // prepares the folder
	run     func(r *rig, run string) string // what is run instead of the snippet's own command
}

// guides are the clients whose snippets are tried. setup.Client.Untried says why one isn't here.
var guides = map[string]guided{
	"curl":      {needs: []string{"curl"}},
	"swaks":     {needs: []string{"swaks"}},
	"msmtp":     {needs: []string{"msmtp"}},
	"mutt":      {needs: []string{"mutt", "script"}, run: onTerminal},
	"neomutt":   {needs: []string{"neomutt", "script"}, run: onTerminal},
	"mbsync":    {needs: []string{"mbsync"}, project: oldWord},
	"fetchmail": {needs: []string{"fetchmail"}},
	"nodemailer": {
		needs: []string{"node"}, modules: []string{"nodemailer"}, project: nodeModules,
	},
	"imapflow": {
		needs: []string{"node"}, modules: []string{"imapflow"}, project: nodeModules,
	},
	"python": {needs: []string{"python3"}},
	"django": {
		needs: []string{"python3"}, debian: "/usr/lib/python3/dist-packages/django/__init__.py", project: djangoProject,
		run: func(_ *rig, run string) string { return strings.Replace(run, "python3", "/usr/bin/python3", 1) },
	},
	"go":        {needs: []string{"go"}},
	"phpmailer": {needs: []string{"php"}, debian: "/usr/share/php/libphp-phpmailer/autoload.php", project: vendor},
	"symfony":   {needs: []string{"php"}, debian: "/usr/share/php/Symfony/Component/Mailer/autoload.php", project: vendor},
	"ruby":      {needs: []string{"ruby"}},
	"rails":     {needs: []string{"ruby"}, debian: "/usr/share/rubygems-integration/all/gems/actionmailer-*", project: railsProject},
	"jakarta-mail": {
		needs: []string{"java", "javac", "keytool"}, debian: "/usr/share/java/jakarta-mail.jar", project: jars,
	},
}

// onTerminal sends with Mutt, and then opens the account on a terminal, where Mutt reads.
func onTerminal(r *rig, run string) string {
	return fmt.Sprintf("echo hello | %s -n -s Hello -- %s && script -qec \"stty cols 80 rows 24; %s -n -e 'set quit=yes wait_key=no; push q'\" typescript </dev/null", run, r.User, run)
}

// oldWord writes the older word of mbsync's, which the snippet names, if the one that is installed is older.
func oldWord(t *testing.T, dir string) {
	res := execute(t, invocation{program: "mbsync", args: []string{"--version"}})
	if !strings.Contains(res.out, "isync 1.4") {
		return
	}
	file := filepath.Join(dir, "mbsyncrc")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "mbsyncrc", []byte(strings.Replace(string(text), "\nTLSType", "\nSSLType", 1)))
}

func nodeModules(t *testing.T, dir string) {
	modules, err := filepath.Abs(filepath.Join("node", "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	link(t, modules, filepath.Join(dir, "node_modules"))
}

func djangoProject(t *testing.T, dir string) {
	write(t, dir, "manage.py", []byte("import os, sys\nfrom django.core.management import execute_from_command_line\nos.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\nexecute_from_command_line(sys.argv)\n"))
}

// vendor stands for the folder that Composer makes.
func vendor(t *testing.T, dir string) {
	write(t, dir, "vendor/autoload.php", []byte(`<?php
foreach (['libphp-phpmailer/autoload.php', 'Symfony/Component/Mailer/autoload.php'] as $f) {
    if (is_file("/usr/share/php/$f")) require_once "/usr/share/php/$f";
}
`))
}

// railsProject stands for Rails: it runs a line of Ruby after the configuration, with Rails' own Action Mailer.
func railsProject(t *testing.T, dir string) {
	file := write(t, dir, "bin/rails", []byte(`#!/usr/bin/env ruby
require "action_mailer"
module Rails
  def self.application = self
  def self.config = Struct.new(:action_mailer).new(ActionMailer::Base)
  def self.configure(&block) = instance_eval(&block)
end
load "./config/environments/development.rb"
ARGV.shift == "runner" or abort "only runner"
eval ARGV.shift
`))
	if err := os.Chmod(file, 0o700); err != nil {
		t.Fatal(err)
	}
}

func jars(t *testing.T, dir string) {
	for _, name := range []string{"jakarta-mail.jar", "jakarta-activation.jar"} {
		if err := os.MkdirAll(filepath.Join(dir, "lib"), 0o700); err != nil {
			t.Fatal(err)
		}
		link(t, filepath.Join("/usr/share/java", name), filepath.Join(dir, "lib", name))
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

// TestSetupSnippets runs each snippet of the page's set-up with the program for which it is, as it stands there: at the usual
// doors, and at the others with a password that every syntax has to quote.
func TestSetupSnippets(t *testing.T) {
	t.Parallel()
	for _, c := range setup.Clients() {
		g, tried := guides[c.ID]
		if tried == (c.Untried != "") {
			t.Errorf("%s: either guides has it, or Untried says why not", c.ID)
		}
		if !tried {
			continue
		}
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			need(t, g.needs...)
			needNode(t, g.modules...)
			if found, err := filepath.Glob(g.debian); err != nil || g.debian != "" && len(found) == 0 {
				missing(t, g.debian+" isn't installed")
			}
			tryGuide(t, start(t), c, g, "")
			if !testing.Short() {
				r := start(t, "--user", "carol@example.test:"+awkward)
				tryGuide(t, r, c, g, "?smtp=465&imap=143&pop3=110")
			}
		})
	}
}

// awkward is a password with what one syntax or another gives a meaning.
const awkward = `it's $HOME "5" \o/ #!`

// tryGuide runs the snippets of a client's guide, each in a folder of its own. It must log in, inside TLS, and do nothing that
// mailrig has to say something about.
func tryGuide(t *testing.T, r *rig, c *setup.Client, g guided, query string) {
	t.Helper()
	r.deliver(t, "A first message") // so that there is something to read
	snippets := snippetsOf(t, r.HTTP+"/setup/"+c.ID+query)
	if len(snippets) == 0 {
		t.Fatal("no snippet")
	}
	for _, s := range snippets {
		dir := t.TempDir()
		write(t, dir, s.File, []byte(s.Text))
		if g.project != nil {
			g.project(t, dir)
		}
		run := s.Run
		if run == "" {
			run = s.Text
		}
		if g.run != nil {
			run = g.run(r, run)
		}
		res := r.runIn(invocation{program: "sh", args: []string{"-ec", "cd \"$0\"\n" + run, dir}, home: dir, env: goEnv(t), limit: 4 * patience})
		if res.code != 0 {
			t.Fatalf("%s: status %d\n%s\n%s\n%s\n%s", s.File, res.code, s.Text, s.Run, res.out, res.err)
		}
	}
	sessions := r.ended(t)
	for _, protocol := range c.Uses() {
		if !slices.ContainsFunc(sessions, func(s *transcript.Session) bool {
			return s.Protocol == protocol && len(s.Logins) > 0 && s.Logins[0].OK && s.Logins[0].Secure && (protocol != "smtp" || s.Counts.MessagesIn == 1)
		}) {
			t.Errorf("nobody has logged in by %s, inside TLS, and sent a message if that is for sending", protocol)
		}
	}
	if found := bad(r.findings(t), diagnose.Warning); len(found) > 0 {
		t.Errorf("mailrig complains about what its own page says:\n%s", show(found))
	}
}

// deliver puts a message into the inbox of the rig's user.
func (r *rig) deliver(t *testing.T, subject string) {
	t.Helper()
	body := fmt.Sprintf(`{"from": "shop@example.test", "to": [%q], "subject": %q, "text": "Hello."}`, r.User, subject)
	resp, err := http.Post(r.HTTP+"/api/v1/mail", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		t.Fatalf("deliver: %s", resp.Status)
	}
}

// goEnv lets go run use what is built already.
func goEnv(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE", "GOPATH").Output()
	if err != nil {
		t.Fatal(err)
	}
	cache, path, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return []string{"GOCACHE=" + cache, "GOPATH=" + path}
}

// snippetsOf reads the snippets of a guide from the page.
func snippetsOf(t *testing.T, url string) (list []setup.Snippet) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", url, resp.Status, err)
	}
	doc, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			switch a.Key {
			case "data-file":
				list = append(list, setup.Snippet{File: a.Val, Text: n.FirstChild.Data})
			case "data-run":
				list[len(list)-1].Run = n.FirstChild.Data
			}
		}
	}
	return list
}
