package web

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/httpapi"
	"github.com/mailrig/mailrig/internal/lazyregexp"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
	"github.com/mailrig/mailrig/internal/setup"
)

// This file is the view of what to type into a mail client.

type setupView struct {
	Server         string // the name of this machine, as the browser reached it or as it was asked for
	User, Password string
	LoginRule      string
	CAFile         string // on this machine; "" if the browser is on another one
	Groups         []settingsGroup

	Menu    []menuGroup
	Guide   *setup.Guide // for the client that was chosen; nil for the table of all doors
	Choices []doorChoice
	CA      string     // the certificate's path, as the guide names it
	Fetch   string     // the command that fetches it; "" if it is there
	Others  url.Values // what a link to another client has to keep
}

// menuGroup is a part of the menu of clients.
type menuGroup struct {
	Kind    string
	Clients []*setup.Client
}

// doorChoice is a choice among the doors of a protocol.
type doorChoice struct {
	Protocol, Title string
	Doors           []door.Door
	Chosen          int
}

// settingsGroup holds the settings for one purpose, as mail clients divide them.
type settingsGroup struct {
	Title string
	Rows  []settings
}

type settings struct {
	Door       int
	Service    string
	Port       string // the port on which it really listens
	Encryption string // in the words of a client's settings screen
	Login      string
}

// atHost are the names and addresses that somebody may put into a guide. They become a part of commands that people copy.
var atHost = lazyregexp.New(`^([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45})$`)

// setup shows what to type into any client, or, for /setup/CLIENT, into one: ?at=HOST&smtp=DOOR&imap=DOOR&pop3=DOOR.
func (p *Page) setup(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	v := &setupView{Server: httpapi.ServerName(r.Host), LoginRule: p.Rig.LoginRule(), Menu: menu(), Others: url.Values{}}
	s := &shell{View: "setup", Title: "Set-up"}
	if at := q.Get("at"); at != "" {
		if atHost.MatchString(at) {
			v.Server = at
			v.Others.Set("at", at)
		} else {
			s.Trouble = fmt.Sprintf("%q is neither the name of a host nor its address", at)
		}
	}
	v.User, v.Password = p.Rig.Credentials()
	if httpapi.OnlyReads(r) {
		v.Password = ""
	}
	if onThisMachine(r) {
		v.CAFile = p.Rig.CAFile()
	}
	target := &setup.Target{Host: v.Server, User: v.User, Password: cmp.Or(v.Password, "PASSWORD"), Doors: map[string]*setup.Door{}}
	for _, spoken := range protocol.Ranked(all.Protocols()) {
		g := settingsGroup{Title: spoken.Purpose()}
		c := doorChoice{Protocol: spoken.Name, Title: spoken.Purpose()}
		for _, d := range p.doors() {
			if string(d.Protocol) == spoken.Name {
				g.Rows = append(g.Rows, settingsOf(d, spoken))
				c.Doors = append(c.Doors, d)
			}
		}
		if len(g.Rows) == 0 {
			continue
		}
		v.Groups = append(v.Groups, g)
		d := usual(c.Doors)
		if i := slices.IndexFunc(c.Doors, func(d door.Door) bool { return strconv.Itoa(d.Port) == q.Get(spoken.Name) }); i >= 0 {
			d = c.Doors[i]
			v.Others.Set(spoken.Name, strconv.Itoa(d.Port))
		}
		c.Chosen = d.Port
		v.Choices = append(v.Choices, c)
		target.Doors[spoken.Name] = &setup.Door{Port: realPort(d), STARTTLS: d.Security != door.TLS, Login: d.Login || !spoken.Receives}
	}
	if err := p.guide(r, s, v, target); err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, s, "setup", v)
}

// guide adds what one client needs, if the request names a client.
func (p *Page) guide(r *http.Request, s *shell, v *setupView, target *setup.Target) (err error) {
	id := r.PathValue("client")
	if id == "" {
		return nil
	}
	client := setup.Find(id)
	if client == nil {
		return errMissing(fmt.Sprintf("mailrig has no guide for %q. Choose another client, or take the table of all doors at /setup.", id))
	}
	s.Title = "Set up " + client.Name
	if v.CA = v.CAFile; v.CA == "" {
		v.CA = "mailrig-ca.pem"
		v.Fetch = fmt.Sprintf("curl -o %s %s://%s/ca.pem", v.CA, scheme(r), r.Host)
	}
	target.CA = v.CA
	uses := client.Uses()
	v.Choices = slices.DeleteFunc(v.Choices, func(c doorChoice) bool { return !slices.Contains(uses, c.Protocol) })
	v.Guide, err = client.For(target)
	return err
}

// usual is the door among those of a protocol that a client should take: one for clients that log in, or one that begins
// with TLS.
func usual(doors []door.Door) door.Door {
	for _, fits := range []func(door.Door) bool{
		func(d door.Door) bool { return d.Login },
		func(d door.Door) bool { return d.Security == door.TLS },
	} {
		if i := slices.IndexFunc(doors, fits); i >= 0 {
			return doors[i]
		}
	}
	return doors[0]
}

// onThisMachine reports whether the browser is where mailrig runs.
func onThisMachine(r *http.Request) bool {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// menu lists the clients by their kind.
func menu() (groups []menuGroup) {
	for _, c := range setup.Clients() {
		if n := len(groups); n == 0 || groups[n-1].Kind != c.Kind {
			groups = append(groups, menuGroup{Kind: c.Kind})
		}
		g := &groups[len(groups)-1]
		g.Clients = append(g.Clients, c)
	}
	return groups
}

// Link is the address of another client's guide, with the same choices.
func (v *setupView) Link(id string) string {
	path := "/setup"
	if id != "" {
		path += "/" + id
	}
	if len(v.Others) > 0 {
		path += "?" + v.Others.Encode()
	}
	return path
}

// settingsOf returns a door's settings.
func settingsOf(d door.Door, spoken *protocol.Protocol) settings {
	s := settings{Door: d.Port, Service: d.Service, Port: realPort(d), Login: "required"}
	switch d.Security {
	case door.TLS:
		s.Encryption = "SSL/TLS"
	case door.STARTTLSRequired:
		s.Encryption = "STARTTLS"
	case door.STARTTLS:
		s.Encryption = "STARTTLS (or none)"
		if !spoken.Receives {
			s.Login = "not needed"
		}
	default:
		s.Encryption = string(d.Security)
	}
	return s
}
