// Package setup knows what to type into each mail client so that it talks to one mailrig: the fields of its screens, or
// a file of its own syntax, with that rig's real host, ports, encryption, user and CA.
//
// Package web shows the guides. e2e/setup_test.go takes each snippet from the served page, and runs it with the program for
// which it is; [Client.Untried] says why that isn't done. To add a client, write a row in clients.go and its templates in
// clients/NAME/. What is put into a template is data that people chose: each syntax has its own quoting (quote.go).
package setup

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
	"text/template"
)

// Target is a mailrig as a client reaches it.
type Target struct {
	Host           string // a name or an address; the certificate is for it
	User, Password string
	CA             string           // the path of the CA's certificate, as PEM, on the client's machine
	Doors          map[string]*Door // by the name of the protocol; only those that are open
}

// Door is where a client reaches one protocol.
type Door struct {
	Port     string
	STARTTLS bool // the connection begins in clear; otherwise it begins with TLS
	Login    bool // mail is taken only after a login
}

// Client is a mail program or library.
type Client struct {
	ID, Name string
	Kind     string // the heading under which it is listed
	Note     string // what to know before; "" for nothing
	Untried  string // why no test runs what the guide says; "" if one does

	snippets []snippet
}

// snippet is a template of a file.
type snippet struct {
	file  string   // its name; "" for the fields of an app's screens
	title string   // what it does
	run   string   // a template of the command that uses it; "" if the file itself is commands for a shell
	uses  []string // the protocols that it speaks
}

// Guide is what one client needs for one mailrig.
type Guide struct {
	*Client
	Snippets []Snippet
	Groups   []Group
}

// Snippet is a text to copy.
type Snippet struct {
	File, Title, Text, Run string
	Uses                   []string // the protocols that it speaks
}

// Group is a part of a settings screen: rows of name and value, or steps.
type Group struct {
	Title string
	Rows  [][2]string
	Steps []string
}

// Clients lists all clients, in the order in which menus show them.
func Clients() []*Client {
	list := make([]*Client, len(clients))
	for i := range clients {
		list[i] = &clients[i]
	}
	return list
}

// Find returns the client with this ID, or nil.
func Find(id string) *Client {
	for i := range clients {
		if clients[i].ID == id {
			return &clients[i]
		}
	}
	return nil
}

// Uses lists the protocols that the client's guide speaks, in the order of their first use.
func (c *Client) Uses() (names []string) {
	had := map[string]bool{}
	for _, s := range c.snippets {
		for _, name := range s.uses {
			if !had[name] {
				had[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

// For returns the client's guide for a mailrig. A snippet that speaks a protocol without an open door is left out.
func (c *Client) For(t *Target) (*Guide, error) {
	g := &Guide{Client: c}
	for _, s := range c.snippets {
		if !t.opens(s.uses) {
			continue
		}
		text, err := render(c.ID+"/"+s.template(), t)
		if err != nil {
			return nil, err
		}
		if s.file == "" {
			g.Groups = append(g.Groups, groups(text)...)
			continue
		}
		done := Snippet{File: s.file, Title: s.title, Text: text, Uses: s.uses}
		if s.run != "" {
			if done.Run, err = execute(s.run, t); err != nil {
				return nil, err
			}
		}
		g.Snippets = append(g.Snippets, done)
	}
	return g, nil
}

func (t *Target) opens(protocols []string) bool {
	for _, name := range protocols {
		if t.Doors[name] == nil {
			return false
		}
	}
	return true
}

// URLHost is the host as URLs name it: an IPv6 address stands in brackets.
func (t *Target) URLHost() string {
	if strings.Contains(t.Host, ":") {
		return "[" + t.Host + "]"
	}
	return t.Host
}

// SMTP is the door for sending.
func (t *Target) SMTP() *Door { return t.Doors["smtp"] }

// IMAP is the door for reading mail by IMAP.
func (t *Target) IMAP() *Door { return t.Doors["imap"] }

// POP3 is the door for fetching mail by POP3.
func (t *Target) POP3() *Door { return t.Doors["pop3"] }

// template is the name of a snippet's template: that of its file, or "screens".
func (s *snippet) template() string {
	if s.file == "" {
		return "screens"
	}
	return strings.TrimPrefix(path.Base(s.file), ".")
}

// groups reads the fields of an app's screens: "# TITLE" begins a group, "NAME: VALUE" is a field, and "- TEXT" a step.
func groups(text string) (list []Group) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		title, begins := strings.CutPrefix(line, "# ")
		if begins {
			list = append(list, Group{Title: title})
			continue
		}
		if len(list) == 0 {
			continue
		}
		g := &list[len(list)-1]
		if step, ok := strings.CutPrefix(line, "- "); ok {
			g.Steps = append(g.Steps, step)
		} else if name, value, ok := strings.Cut(line, ": "); ok {
			g.Rows = append(g.Rows, [2]string{name, value})
		}
	}
	return list
}

//go:embed clients
var files embed.FS

// templates parses the clients' templates once, when a guide is first asked for.
var templates = sync.OnceValue(func() *template.Template {
	all := template.New("").Funcs(quoting)
	err := fs.WalkDir(files, "clients", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		_, err = all.New(strings.TrimSuffix(strings.TrimPrefix(name, "clients/"), ".tmpl")).Parse(string(text))
		return err
	})
	if err != nil {
		panic(err) // the binary was built wrongly: a test would have failed
	}
	return all
})

func render(name string, t *Target) (string, error) {
	var b strings.Builder
	if err := templates().ExecuteTemplate(&b, name, t); err != nil {
		return "", fmt.Errorf("write what %s needs: %w", name, err)
	}
	return strings.TrimRight(b.String(), "\n") + "\n", nil
}

func execute(text string, t *Target) (string, error) {
	tmpl, err := template.New("").Funcs(quoting).Parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = tmpl.Execute(&b, t)
	return b.String(), err
}
