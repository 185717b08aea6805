package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"os"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// mailer [careless] [send] [fetch] is a mail client for trials. It sends a message by
// door 587 and fetches one by door 993, with the rig's variables; careless doesn't look
// at certificates.
func mailer() {
	var errs []error
	careless := false
	for _, what := range os.Args[1:] {
		switch what {
		case "careless":
			careless = true
		case "send":
			errs = append(errs, mailerSends(careless))
		case "fetch":
			errs = append(errs, mailerFetches(careless))
		}
	}
	if err := errors.Join(errs...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const mailerTime = 5 * time.Second

func mailerDials(door string) (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(os.Getenv("MAILRIG_HOST"), os.Getenv("MAILRIG_PORT_"+door)), mailerTime)
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Now().Add(mailerTime))
}

func mailerTLS(careless bool) *tls.Config {
	return &tls.Config{ServerName: os.Getenv("MAILRIG_HOST"), InsecureSkipVerify: careless}
}

func mailerSends(careless bool) error {
	conn, err := mailerDials("587")
	if err != nil {
		return err
	}
	defer conn.Close()
	c, err := smtp.NewClient(conn, os.Getenv("MAILRIG_HOST"))
	if err != nil {
		return err
	}
	if err := c.StartTLS(mailerTLS(careless)); err != nil {
		return err
	}
	if err := c.Auth(smtp.PlainAuth("", os.Getenv("MAILRIG_USER"), os.Getenv("MAILRIG_PASSWORD"), os.Getenv("MAILRIG_HOST"))); err != nil {
		return err
	}
	if err := c.Mail(os.Getenv("MAILRIG_USER")); err != nil {
		return err
	}
	if err := c.Rcpt("bob@example.test"); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	text := "From: <alice@example.test>\r\nTo: <bob@example.test>\r\nSubject: trial\r\nMessage-ID: <trial@example.test>\r\n\r\nHello\r\n"
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

func mailerFetches(careless bool) error {
	conn, err := mailerDials("993")
	if err != nil {
		return err
	}
	defer conn.Close()
	c := imapclient.New(tls.Client(conn, mailerTLS(careless)), nil)
	defer c.Close()
	if err := c.Login(os.Getenv("MAILRIG_USER"), os.Getenv("MAILRIG_PASSWORD")).Wait(); err != nil {
		return err
	}
	box, err := c.Select("INBOX", nil).Wait()
	if err != nil {
		return err
	}
	if box.NumMessages != 3 {
		return fmt.Errorf("%d messages in the INBOX, want 3", box.NumMessages)
	}
	body := &imap.FetchItemBodySection{}
	got, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{body}}).Collect()
	if err != nil {
		return err
	}
	if len(got) != 1 || !bytes.Contains(got[0].FindBodySection(body), []byte("before your client")) {
		return errors.New("the message isn't what it should be: " + strings.TrimSpace(fmt.Sprint(got)))
	}
	return c.Logout().Wait()
}
