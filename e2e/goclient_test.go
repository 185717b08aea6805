package e2e

import (
	"errors"
	"net/smtp"
	"net/textproto"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// TestGoIdle sees mail from each SMTP door arrive while a client is in IDLE.
func TestGoIdle(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.blameless(t)
	for _, in := range imapWays {
		t.Run(in.String(), func(t *testing.T) {
			t.Parallel()
			r := r.in(t)
			user := "idle-" + in.String() + "@example.test"
			arrived := make(chan uint32, 100)
			c := r.imapClient(t, in, user, &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
				Mailbox: func(d *imapclient.UnilateralDataMailbox) {
					if d.NumMessages != nil {
						arrived <- *d.NumMessages
					}
				},
			}})
			if _, err := c.Select("INBOX", nil).Wait(); err != nil {
				t.Fatal(err)
			}
			idle, err := c.Idle()
			if err != nil {
				t.Fatal(err)
			}
			for i, w := range sendWays {
				goSends(t, r, w, user, simple("bob@example.test", user, w.String()))
				select {
				case n := <-arrived:
					if n != uint32(i+1) {
						t.Errorf("EXISTS %d, want %d", n, i+1)
					}
				case <-time.After(patience):
					t.Fatalf("nothing arrived in IDLE from %v", w)
				}
			}
			if err := idle.Close(); err != nil {
				t.Fatal(err)
			}
			if err := idle.Wait(); err != nil {
				t.Fatal(err)
			}
			if err := c.Logout().Wait(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestClosedUserList checks that --user closes the list of users, with each protocol's code.
func TestClosedUserList(t *testing.T) {
	t.Parallel()
	r := start(t, "--user", "carol@example.test:secret")
	if r.User != "carol@example.test" || r.Password != "secret" {
		t.Errorf("the start-up line advises %s / %s", r.User, r.Password)
	}
	for _, w := range imapWays {
		r.imapClient(t, w, "carol@example.test", nil)
		_, err := r.tryIMAP(w, "mallory@example.test", nil)
		var ie *imap.Error
		if !errors.As(err, &ie) || ie.Type != imap.StatusResponseTypeNo || ie.Code != imap.ResponseCodeAuthenticationFailed {
			t.Errorf("%v: stranger's login: %v, want NO [AUTHENTICATIONFAILED]", w, err)
		}
	}
	for _, w := range popWays {
		k := r.popTalk(t, w)
		k.say("USER mallory@example.test", "+OK")
		k.say("PASS secret", "-ERR [AUTH]")
		k.say("USER carol", "+OK")
		k.say("PASS secret", "+OK")
		k.say("QUIT", "+OK")
		k.ended()
	}
	for _, w := range []way{{587, "starttls"}, {465, "tls"}} {
		c := r.smtpClient(t, w)
		err := c.Auth(loginAs("mallory@example.test", "secret"))
		var te *textproto.Error
		if !errors.As(err, &te) || te.Code != 535 {
			t.Errorf("%v: stranger's login: %v, want 535", w, err)
		}
	}
}

// loginAs returns SASL PLAIN without net/smtp's own conditions.
func loginAs(user, password string) smtp.Auth { return plain{user, password} }

type plain struct{ user, password string }

func (a plain) Start(*smtp.ServerInfo) (string, []byte, error) {
	return "PLAIN", []byte("\x00" + a.user + "\x00" + a.password), nil
}

func (plain) Next([]byte, bool) ([]byte, error) { return nil, nil }
