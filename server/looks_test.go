package server

import (
	"testing"

	"github.com/mailrig/mailrig/internal/event"
)

// TestOnlyLooked tells what a health check leaves behind from what a client does that fails.
func TestOnlyLooked(t *testing.T) {
	t.Parallel()
	s := &Server{protocols: protocolsOf(product())}
	command := func(verb string) event.Event { return event.Event{What: &event.Command{Verb: verb}} }
	for name, c := range map[string]struct {
		r    event.Record
		want bool
	}{
		"says nothing":             {event.Record{}, true},
		"HAProxy's smtpchk":        {event.Record{Events: []event.Event{command("HELO"), command("QUIT")}}, true},
		"doesn't shake hands":      {event.Record{TLS: &event.TLS{Handshake: event.Handshake{Outcome: event.LeftByClient}}}, true},
		"shakes hands":             {event.Record{TLS: &event.TLS{Handshake: event.Handshake{Outcome: event.Established}}}, true},
		"refuses the certificate":  {event.Record{TLS: &event.TLS{Hello: true, Handshake: event.Handshake{Outcome: event.RefusedByClient}}}, false},
		"is refused without login": {event.Record{Events: []event.Event{command("EHLO"), command("MAIL")}}, false},
		"logs in":                  {event.Record{Logins: []event.Login{{}}}, false},
		"meets a scenario":         {event.Record{Injected: []string{"greylisting"}}, false},
		"speaks something else":    {event.Record{Events: []event.Event{command("GET")}}, false},
		"is cut off":               {event.Record{EndedBy: event.EndedByTimeout}, false},
	} {
		c.r.Protocol = "smtp"
		if c.r.EndedBy == "" {
			c.r.EndedBy = event.EndedByClient
		}
		if got := s.onlyLooked(&c.r); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
