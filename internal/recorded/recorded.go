// Package recorded writes what was seen of a server as a scenario, so that a client can be tried against it offline:
// greeting, capabilities, mechanisms, the texts of replies, folders, the limit on messages, doors that are closed.
//
// Package check records a server (Exchange) while it looks at it; Sessions reads what clients' sessions show of one. Nothing
// that a client said goes into the file, and no message. Addresses in what the server said are replaced (private.go).
//
// What a protocol's replies mean, and how mailrig can be made to answer so, the protocol itself knows
// (protocol.Imitator).
package recorded

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
	"github.com/mailrig/mailrig/scenarios"
)

// Server is what was seen of a server.
type Server struct {
	Title, Story string   // of the scenario
	Private      []string // what must not go into the file, wherever the server repeats it: names, passwords
	Names        []string // the same for names of users and clients, as whole words
	Doors        []Door
}

// Door is what was seen at one door.
type Door struct {
	Port        int    // standard port number
	Protocol    string // its name
	Closed      string // how the door answers a connection, in the words of the fault connect; "": it speaks
	Certificate string // the certificate's profile, if it has a defect
	Exchanges   []Exchange
}

// Exchange is a command and what the server answered.
type Exchange struct {
	Verb     string   // upper case; "" for the greeting
	Secure   bool     // inside TLS
	LoggedIn bool     // after a login
	Lines    []string // of the server, in order, without line ends
	Decided  Decision // what the server would answer so whatever the client says; "": its answer depends on the client
	Then     string   // how a decided answer ended the connection: close or reset; "" if it didn't
}

// Decision says what a server has decided by itself.
type Decision string

// What a server can decide.
const (
	DecidedReply Decision = "reply" // to this command
	DecidedLogin Decision = "login" // to refuse it
)

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
	Certificate  string              `yaml:"certificate,omitempty"`
	Auth         []string            `yaml:"auth,omitempty,flow"`
	Folders      []string            `yaml:"folders,omitempty"`
	Hierarchy    *hierarchy          `yaml:"hierarchy,omitempty,flow"`
	SizeLimit    int64               `yaml:"size-limit,omitempty"`
	OAuth        string              `yaml:"oauth,omitempty"`
	Skip         int                 `yaml:"skip,omitempty"`
	Times        int                 `yaml:"times,omitempty"`
	Per          string              `yaml:"per,omitempty"`
	Login        map[string]string   `yaml:"login,omitempty"`
	Reply        map[string]string   `yaml:"reply,omitempty"`
	ReplaceReply map[string]string   `yaml:"replace-reply,omitempty"`
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
	if d.Certificate != "" {
		w.rules = append(w.rules, rule{Match: match{Door: d.Port}, Certificate: d.Certificate})
	}
	w.decided(d, p, im)
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
			w.rules = append(w.rules, rule{Match: match{Door: d.Port}, Greeting: w.greeting(p, im, x.Lines)})
			continue
		}
		where := match{Door: d.Port, TLS: &x.Secure}
		if loggedIn {
			where.User = new(string) // nobody
		}
		if lists(p, im, x) && !slices.ContainsFunc(listed, func(m match) bool { return *m.TLS == x.Secure }) {
			listed = append(listed, where)
			names, _ := im.Listed(x.Verb, x.Lines)
			w.list(p, im, d, where, names)
		}
		if text := im.Text(x.Lines); x.Verb == p.StartTLS && p.Replies.Positive(text) { // no engine says it, so that nothing edits it
			raw := string(p.Replies.Write("{tag}", w.clean(text)))
			w.rules = append(w.rules, rule{Match: match{Door: d.Port}, StartTLS: map[string]string{"raw": raw}})
			continue
		}
		edits = w.reword(edits, p, im, match{Door: d.Port, Command: x.Verb}, x)
	}
	w.rules = append(w.rules, edits...)
	w.told(d, p, im, listed, loggedIn)
}

// greeting writes a greeting, as it is if it is none of this protocol.
func (w *writer) greeting(p *protocol.Protocol, im protocol.Imitator, lines []string) map[string]string {
	if text := w.clean(im.Text(lines)); p.Replies.Check(text, true) == nil && string(p.Replies.Greeting(text)) == w.clean(strings.Join(lines, "\r\n"))+"\r\n" {
		return map[string]string{p.Name: text}
	}
	return map[string]string{"raw": w.clean(strings.Join(lines, "\r\n")) + "\r\n"}
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
