package web

import (
	"net/http"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/httpapi"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
)

// This file is the view of what to type into a mail client.

type setupView struct {
	Server         string // the name of this machine, as the browser reached it
	User, Password string
	LoginRule      string
	CAFile         string
	Groups         []settingsGroup
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

func (p *Page) setup(w http.ResponseWriter, r *http.Request) {
	v := setupView{Server: httpapi.ServerName(r.Host), LoginRule: p.Rig.LoginRule(), CAFile: p.Rig.CAFile()}
	v.User, v.Password = p.Rig.Credentials()
	if httpapi.OnlyReads(r) {
		v.Password = ""
	}
	for _, spoken := range protocol.Ranked(all.Protocols()) {
		g := settingsGroup{Title: spoken.Purpose()}
		for _, d := range p.doors() {
			if string(d.Protocol) == spoken.Name {
				g.Rows = append(g.Rows, settingsOf(d, spoken))
			}
		}
		if len(g.Rows) > 0 {
			v.Groups = append(v.Groups, g)
		}
	}
	p.show(w, r, &shell{View: "setup", Title: "Set-up"}, "setup", v)
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
