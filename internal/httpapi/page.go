package httpapi

import (
	"bytes"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/transcript"
	"github.com/mailrig/mailrig/internal/web"
)

func (a *api) style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(web.Style())
}

func (a *api) page(w http.ResponseWriter, r *http.Request) {
	user, password := a.Rig.Credentials()
	d := web.Data{
		Version: a.Version, Ready: a.Rig.Ready(), ServerName: serverName(r.Host),
		User: user, Password: password, LoginRule: a.Rig.LoginRule(), CAFile: a.Rig.CAFile(),
		Doors: a.Rig.Doors(), Sessions: a.latest(), Findings: a.bad(r.Context()),
	}
	titles := map[string]string{}
	for _, s := range a.Rig.Catalogue() {
		titles[s.Name] = s.Title
	}
	for _, name := range a.Rig.Active() {
		d.Active = append(d.Active, web.Scenario{Name: name, Title: titles[name]})
	}
	for user, names := range a.Rig.ActiveByUser() {
		for _, name := range names {
			d.Active = append(d.Active, web.Scenario{Name: name, Title: titles[name], User: user})
		}
	}
	slices.SortStableFunc(d.Active, func(x, y web.Scenario) int { return strings.Compare(x.User, y.User) })
	var body bytes.Buffer
	if err := web.Render(&body, d); err != nil {
		a.Logger.Error("render the page", "err", err)
		a.fail(w, r, http.StatusInternalServerError, "mailrig could not render this page; its log says why")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = body.WriteTo(w)
}

// latest returns the sessions that the page shows, oldest first: the others aren't rendered.
func (a *api) latest() []*transcript.Session {
	var records []*event.Record
	for r := range a.Rig.Walk(0, true) {
		if records = append(records, r); len(records) > 2*web.MaxSessions {
			records = slices.Delete(records, 0, web.MaxSessions)
		}
	}
	return transcript.All(records[max(0, len(records)-web.MaxSessions):])
}

// serverName returns the name by which the reader of the page reaches this machine, in the form that the certificate
// has: localhost rather than a loopback address.
func serverName(hostport string) string {
	host := hostname(hostport)
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.Unmap().IsLoopback() {
		return "localhost"
	}
	return host
}
