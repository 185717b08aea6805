// Command goclient sends a message with net/smtp and fetches one with go-imap. Usage:
// goclient careful|any-certificate. It finds the server by the variables of mailrig run,
// and the message in MSG.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

const patience = 5 * time.Second

func main() {
	how := "careful"
	if len(os.Args) > 1 {
		how = os.Args[1]
	}
	cfg := &tls.Config{ServerName: "localhost", InsecureSkipVerify: how == "any-certificate"}
	if pem, err := os.ReadFile(os.Getenv("MAILRIG_CA_FILE")); err == nil {
		cfg.RootCAs = x509.NewCertPool()
		cfg.RootCAs.AppendCertsFromPEM(pem)
	}
	status := 0
	for name, step := range map[string]func(*tls.Config) error{"send": send, "fetch": fetch} {
		if err := step(cfg); err != nil {
			fmt.Println(name, err)
			status = 1
		}
	}
	os.Exit(status)
}

func dial(door string) (net.Conn, error) {
	c, err := net.DialTimeout("tcp", "localhost:"+os.Getenv("MAILRIG_PORT_"+door), patience)
	if err != nil {
		return nil, err
	}
	return c, c.SetDeadline(time.Now().Add(patience))
}

func send(cfg *tls.Config) error {
	conn, err := dial("587")
	if err != nil {
		return err
	}
	defer conn.Close()
	c, err := smtp.NewClient(conn, "localhost")
	if err != nil {
		return err
	}
	if err := c.Hello("client.example.test"); err != nil {
		return err
	}
	if err := c.StartTLS(cfg); err != nil {
		return err
	}
	if err := c.Auth(smtp.PlainAuth("", os.Getenv("MAILRIG_USER"), os.Getenv("MAILRIG_PASSWORD"), "localhost")); err != nil {
		return err
	}
	if err := c.Mail("alice@example.test"); err != nil {
		return err
	}
	if err := c.Rcpt("bob@example.test"); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	message, err := os.ReadFile(os.Getenv("MSG"))
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

func fetch(cfg *tls.Config) error {
	conn, err := dial("143")
	if err != nil {
		return err
	}
	defer conn.Close()
	c, err := imapclient.NewStartTLS(conn, &imapclient.Options{TLSConfig: cfg})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Login(os.Getenv("MAILRIG_USER"), os.Getenv("MAILRIG_PASSWORD")).Wait(); err != nil {
		return err
	}
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		return err
	}
	messages, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{}}}).Collect()
	if err != nil {
		return err
	}
	if len(messages) == 0 {
		return errors.New("nothing fetched")
	}
	return c.Logout().Wait()
}
