// Package recorded writes what was seen of a server as a scenario, so that a client can be tried against it offline:
// greeting, capabilities, mechanisms, the texts of replies, folders, the limit on messages, doors that are closed.
//
// Package check records a server (Exchange) while it looks at it. Nothing that a client said goes into the file, and no
// message. Addresses in what the server said are replaced (private.go).
//
// What a protocol's replies mean, and how mailrig can be made to answer so, the protocol itself knows
// (protocol.Imitator).
package recorded

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
	"github.com/mailrig/mailrig/scenarios"
)

// Server is what was seen of a server.
type Server struct {
	Title, Story string   // of the scenario
	Private      []string // what must not go into the file, wherever the server repeats it: names, passwords
	Doors        []Door
}

// Door is what was seen at one door.
type Door struct {
	Port      int    // standard port number
	Protocol  string // its name
	Closed    string // how the door answers a connection, in the words of the fault connect; "": it speaks
	Exchanges []Exchange
}

// Exchange is a command and what the server answered.
type Exchange struct {
	Verb     string   // upper case; "" for the greeting
	Secure   bool     // inside TLS
	LoggedIn bool     // after a login
	Lines    []string // of the server, in order, without line ends
}

// Scenario writes the scenario file with this name.
func (s *Server) Scenario(name string) ([]byte, error) {
	w := &writer{server: s}
	for i := range s.Doors {
		w.door(&s.Doors[i])
	}
	w.accounts()
	if len(w.rules) == 0 {
		return nil, errors.New("nothing was seen of the server that a scenario could show; is it the right host?")
	}
	file := struct {
		Name, Title, Story string
		Rules              []rule
	}{name, w.clean(s.Title), w.clean(s.Story), w.rules}
	var out bytes.Buffer
	out.WriteString("# A server as it was seen. mailrig answers what isn't written here in its own words.\n")
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(file); err != nil {
		return nil, err
	}
	if _, err := scenarios.Parse(name+".yaml", out.Bytes()); err != nil {
		return nil, fmt.Errorf("what the server said can't be written as a scenario: %w", err)
	}
	return out.Bytes(), nil
}

// rule is a rule as it is written.
type rule struct {
	Match        match               `yaml:"match,flow"`
	Connect      string              `yaml:"connect,omitempty"`
	Greeting     map[string]string   `yaml:"greeting,omitempty"`
	Hide         []string            `yaml:"hide,omitempty,flow"`
	Capabilities map[string][]string `yaml:"capabilities,omitempty"`
	EditReply    *edit               `yaml:"edit-reply,omitempty"`
	StartTLS     map[string]string   `yaml:"starttls,omitempty"`
	Folders      []string            `yaml:"folders,omitempty"`
	Hierarchy    *hierarchy          `yaml:"hierarchy,omitempty,flow"`
	SizeLimit    int64               `yaml:"size-limit,omitempty"`
	OAuth        string              `yaml:"oauth,omitempty"`
}

type match struct {
	Door     int     `yaml:"door,omitempty"`
	Protocol string  `yaml:"protocol,omitempty"`
	TLS      *bool   `yaml:"tls,omitempty"`
	Command  string  `yaml:"command,omitempty"`
	User     *string `yaml:"user"`
}

// MarshalYAML leaves out a user that doesn't matter; an empty one does.
func (m match) MarshalYAML() (any, error) {
	n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	add := func(key string, value any) {
		k, v := new(yaml.Node), new(yaml.Node)
		k.SetString(key)
		_ = v.Encode(value) // numbers, booleans and texts can always be encoded
		n.Content = append(n.Content, k, v)
	}
	if m.Door != 0 {
		add("door", m.Door)
	}
	if m.Protocol != "" {
		add("protocol", m.Protocol)
	}
	if m.TLS != nil {
		add("tls", *m.TLS)
	}
	if m.Command != "" {
		add("command", m.Command)
	}
	if m.User != nil {
		add("user", *m.User)
	}
	return n, nil
}

type edit struct{ Find, Put string }

type hierarchy struct {
	Delimiter string
	Prefix    string `yaml:",omitempty"`
}

// writer collects rules.
type writer struct {
	server *Server
	rules  []rule
}

// door writes the rules of one door.
func (w *writer) door(d *Door) {
	p := protocol.Find(all.Protocols(), d.Protocol)
	im, ok := p.Replies.(protocol.Imitator)
	if d.Closed != "" {
		w.rules = append(w.rules, rule{Match: match{Door: d.Port}, Connect: d.Closed})
		return
	}
	if !ok {
		return
	}
	var listed []match // where a list is known
	var edits []rule
	loggedIn := w.loggedIn(p, im)
	for i := range d.Exchanges {
		x := &d.Exchanges[i]
		if len(x.Lines) == 0 {
			continue
		}
		if x.Verb == "" && i > 0 {
			continue // of the login's connection
		}
		if word, _ := p.Words.Find(x.Verb); x.LoggedIn || word.Login {
			continue // see accounts
		}
		if x.Verb == "" {
			w.rules = append(w.rules, rule{Match: match{Door: d.Port}, Greeting: map[string]string{p.Name: w.clean(im.Text(x.Lines))}})
			continue
		}
		where := match{Door: d.Port, TLS: &x.Secure}
		if loggedIn {
			where.User = new(string) // nobody
		}
		if lists(p, im, x) && !slices.ContainsFunc(listed, func(m match) bool { return *m.TLS == x.Secure }) {
			listed = append(listed, where)
			names, _ := im.Listed(x.Verb, x.Lines)
			w.list(p, im, where, names)
		}
		if text := im.Text(x.Lines); x.Verb == p.StartTLS && p.Replies.Positive(text) { // no engine says it, so that nothing edits it
			raw := string(p.Replies.Write("{tag}", w.clean(text)))
			w.rules = append(w.rules, rule{Match: match{Door: d.Port}, StartTLS: map[string]string{"raw": raw}})
			continue
		}
		edits = w.reword(edits, p, im, match{Door: d.Port, Command: x.Verb}, x)
	}
	w.rules = append(w.rules, edits...)
}

// loggedIn reports whether a list after a login is known at any door of a protocol. An account is the same at all of
// them.
func (w *writer) loggedIn(p *protocol.Protocol, im protocol.Imitator) bool {
	return slices.ContainsFunc(w.server.Doors, func(d Door) bool {
		return d.Protocol == p.Name && slices.ContainsFunc(d.Exchanges, func(x Exchange) bool { return x.LoggedIn && lists(p, im, &x) })
	})
}

// lists reports whether an exchange asked for the list of capabilities and got it.
func lists(p *protocol.Protocol, im protocol.Imitator, x *Exchange) bool {
	word, _ := p.Words.Find(x.Verb)
	if !word.Asks || len(x.Lines) == 0 {
		return false
	}
	_, ok := im.Listed(x.Verb, x.Lines)
	return ok
}

// list writes the rules for a list of capabilities. What clients must find in the list before they use it, and don't, is
// refused too.
func (w *writer) list(p *protocol.Protocol, im protocol.Imitator, where match, names []string) {
	clean := make([]string, len(names))
	var tokens []string
	for i, name := range names {
		clean[i] = w.clean(name)
		for _, t := range []string{"XOAUTH2", "OAUTHBEARER"} {
			if strings.Contains(strings.ToUpper(name), t) && !slices.Contains(tokens, t) {
				tokens = append(tokens, t)
			}
		}
	}
	if where.Door != 0 {
		if lacking := lacks(p, names); len(lacking) > 0 {
			w.rules = append(w.rules, rule{Match: match{Door: where.Door, TLS: where.TLS}, Hide: lacking})
		}
		if len(tokens) > 0 {
			w.rules = append(w.rules, rule{Match: match{Door: where.Door, TLS: where.TLS}, OAuth: "accept"})
		}
	}
	w.rules = append(w.rules, rule{Match: where, Capabilities: map[string][]string{p.Name: clean}})
	if limit := im.Limit(names); limit > 0 && limit <= 1<<31-1 {
		limited := rule{Match: match{Door: where.Door, Protocol: where.Protocol}, SizeLimit: limit}
		if !slices.ContainsFunc(w.rules, func(r rule) bool { return r.SizeLimit > 0 && r.Match == limited.Match }) {
			w.rules = append(w.rules, limited)
		}
	}
}

// lacks returns which of the capabilities that TLS and logins need a list doesn't have.
func lacks(p *protocol.Protocol, names []string) (lacking []string) {
	for _, word := range p.Words {
		if word.Verb != p.StartTLS && !word.Login || word.Needs == "" || slices.Contains(lacking, word.Needs) {
			continue
		}
		if !slices.ContainsFunc(names, func(name string) bool {
			name, _, _ = strings.Cut(strings.ToUpper(name), " ")
			name, _, _ = strings.Cut(name, "=")
			return name == word.Needs
		}) {
			lacking = append(lacking, word.Needs)
		}
	}
	return lacking
}

// reword adds the rules for the words of a reply. The first reply to a command counts.
func (w *writer) reword(list []rule, p *protocol.Protocol, im protocol.Imitator, where match, x *Exchange) []rule {
	word, known := p.Words.Find(x.Verb)
	if !known {
		return list
	}
	for _, line := range x.Lines {
		find, put, ok := im.Reworded(word, w.clean(line)) // before anything is escaped in it
		if ok && !slices.ContainsFunc(list, func(o rule) bool { return o.Match.Command == where.Command && o.EditReply.Find == find }) {
			list = append(list, rule{Match: where, EditReply: &edit{find, put}})
		}
	}
	return list
}

// accounts writes what was seen after a login, by protocol: an account is the same at all doors.
func (w *writer) accounts() {
	for _, p := range all.Protocols() {
		im, ok := p.Replies.(protocol.Imitator)
		if !ok {
			continue
		}
		var edits []rule
		var folders []protocol.Folder
		listed := false
		for _, d := range w.server.Doors {
			for i := range d.Exchanges {
				x := &d.Exchanges[i]
				if d.Protocol != p.Name || len(x.Lines) == 0 {
					continue
				}
				if word, _ := p.Words.Find(x.Verb); word.Login {
					for _, way := range p.Words { // a server answers every way to log in alike
						if way.Login {
							edits = w.reword(edits, p, im, match{Protocol: p.Name, Command: way.Verb}, x)
						}
					}
				}
				if !x.LoggedIn {
					continue
				}
				if lists(p, im, x) && !listed {
					listed = true
					names, _ := im.Listed(x.Verb, x.Lines)
					somebody := "?*"
					w.list(p, im, match{Protocol: p.Name, User: &somebody}, names)
				}
				if found := im.Folders(x.Lines); folders == nil {
					folders = found
				}
				somebody := "?*"
				edits = w.reword(edits, p, im, match{Protocol: p.Name, Command: x.Verb, User: &somebody}, x)
			}
		}
		w.rules = append(w.rules, edits...)
		if folders != nil {
			w.folders(p, folders)
		}
	}
}

// folders writes the names with / between their parts and without a prefix, as the fault folders wants them.
func (w *writer) folders(p *protocol.Protocol, list []protocol.Folder) {
	delimiter, prefix := list[0].Delimiter, ""
	if delimiter != "" && !slices.ContainsFunc(list, func(f protocol.Folder) bool {
		return !strings.EqualFold(f.Name, "INBOX") && !strings.HasPrefix(f.Name, "INBOX"+delimiter)
	}) && len(list) > 1 {
		prefix = "INBOX" + delimiter
	}
	if delimiter != "/" && (delimiter == "" || slices.Contains(fault.Delimiters, delimiter)) {
		w.rules = append(w.rules, rule{Match: match{Protocol: p.Name}, Hierarchy: &hierarchy{cmp.Or(delimiter, "NIL"), prefix}})
	}
	var names []string
	for _, f := range list {
		name := strings.TrimPrefix(f.Name, prefix)
		if delimiter != "" && delimiter != "/" {
			name = strings.ReplaceAll(name, delimiter, "/")
		}
		if name = w.clean(name); strings.ContainsAny(name, "*%\r\n") || slices.Contains(names, name) {
			continue
		}
		if f.Use != "" {
			name += " = " + f.Use
		}
		names = append(names, name)
	}
	if len(names) > 0 {
		w.rules = append(w.rules, rule{Match: match{Protocol: p.Name}, Folders: names})
	}
}
