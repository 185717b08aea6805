// Package mailclient is a mail client for tests.
//
// It combines net/smtp and go-imap as a Go programmer would. It fails when the server fails, and retries nothing. The
// end-to-end tests, cmd/mailrig's tests and goclient use it. For clients with good and bad habits, see package robot:
// add a habit there rather than an option here.
package mailclient

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// How a connection is encrypted.
const (
	Clear    = "clear"
	STARTTLS = "starttls"
	TLS      = "tls" // from the first byte
)

// Account is what a person types into the client.
type Account struct {
	User, Password string      // no User means no login
	Security       string      // Clear, STARTTLS or TLS
	TLS            *tls.Config // including the server's name
	Hello          string      // the name for EHLO; "" means net/smtp's own
}

// patience is how long a connection from FromEnviron may last.
const patience = 5 * time.Second

// FromEnviron returns an account for the rig that the variables of "mailrig run" name, and a function that connects to
// one of its doors.
func FromEnviron(security string, anyCertificate bool) (a Account, dial func(door string) (net.Conn, error)) {
	host := cmp.Or(os.Getenv("MAILRIG_HOST"), "localhost")
	config := &tls.Config{ServerName: host, InsecureSkipVerify: anyCertificate}
	if pem, err := os.ReadFile(os.Getenv("MAILRIG_CA_FILE")); err == nil {
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(pem)
	}
	dial = func(door string) (net.Conn, error) {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(host, os.Getenv("MAILRIG_PORT_"+door)), patience)
		if err != nil {
			return nil, err
		}
		return conn, conn.SetDeadline(time.Now().Add(patience))
	}
	a = Account{User: os.Getenv("MAILRIG_USER"), Password: os.Getenv("MAILRIG_PASSWORD"), Security: security, TLS: config}
	return a, dial
}

// SMTP begins a session and TLS, without a login.
func (a Account) SMTP(conn net.Conn) (*smtp.Client, error) {
	if a.Security == TLS {
		conn = tls.Client(conn, a.TLS)
	}
	c, err := smtp.NewClient(conn, a.TLS.ServerName)
	if err == nil && a.Hello != "" {
		err = c.Hello(a.Hello)
	}
	if err == nil && a.Security == STARTTLS {
		err = c.StartTLS(a.TLS)
	}
	return c, err
}

// Send logs in if there is a user, sends a message, and quits.
func (a Account) Send(conn net.Conn, from, to string, message []byte) error {
	c, err := a.SMTP(conn)
	if err != nil {
		return err
	}
	defer c.Close()
	if a.User != "" {
		if err := c.Auth(smtp.PlainAuth("", a.User, a.Password, a.TLS.ServerName)); err != nil {
			return err
		}
	}
	if err := c.Mail(from); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(message); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

// IMAP begins a session and logs in. options may be nil. If the login fails, IMAP closes the connection.
func (a Account) IMAP(conn net.Conn, options *imapclient.Options) (*imapclient.Client, error) {
	if options == nil {
		options = &imapclient.Options{}
	}
	options.TLSConfig = a.TLS
	var c *imapclient.Client
	var err error
	switch a.Security {
	case STARTTLS:
		if c, err = imapclient.NewStartTLS(conn, options); err != nil {
			conn.Close()
			return nil, err
		}
	case TLS:
		c = imapclient.New(tls.Client(conn, a.TLS), options)
	default:
		c = imapclient.New(conn, options)
	}
	if err = c.WaitGreeting(); err == nil {
		err = c.Login(a.User, a.Password).Wait()
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Visit logs in by IMAP, opens INBOX and leaves.
func (a Account) Visit(conn net.Conn) error {
	c, err := a.IMAP(conn, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		return err
	}
	return c.Logout().Wait()
}

// Fetch returns the first message in INBOX, and how many messages there are.
func (a Account) Fetch(conn net.Conn) (message []byte, of uint32, err error) {
	c, err := a.IMAP(conn, nil)
	if err != nil {
		return nil, 0, err
	}
	defer c.Close()
	box, err := c.Select("INBOX", nil).Wait()
	if err != nil {
		return nil, 0, err
	}
	section := &imap.FetchItemBodySection{Peek: true}
	got, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	if err != nil {
		return nil, 0, err
	}
	if len(got) != 1 {
		return nil, 0, fmt.Errorf("FETCH 1 brought %d messages", len(got))
	}
	return got[0].FindBodySection(section), box.NumMessages, c.Logout().Wait()
}
