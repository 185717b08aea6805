// Command goclient sends with net/smtp, or looks with go-imap, as the settings in its environment say. See programs.txt.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"github.com/mailrig/mailrig/internal/testkit/mailclient"
)

// patience is how long the client takes at most.
const patience = 5 * time.Second

func main() {
	if err := run(os.Getenv); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ok")
}

func run(setting func(string) string) error {
	config, err := tlsConfig(setting)
	if err != nil {
		return err
	}
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(setting("HOST"), setting("PORT")), patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	account := mailclient.Account{User: setting("ACCOUNT"), Password: setting("PASSWORD"), Security: setting("MODE"), TLS: config, Hello: "client.example.test"}
	switch {
	case setting("PROTOCOL") == "smtp":
		return send(account, conn, setting)
	case setting("LOGIN") != "":
		return lookByToken(account, conn)
	}
	return account.Visit(conn)
}

func send(account mailclient.Account, conn net.Conn, setting func(string) string) error {
	c, err := account.SMTP(conn)
	if err != nil {
		return err
	}
	defer c.Close()
	switch setting("LOGIN") {
	case "":
		err = c.Auth(smtp.PlainAuth("", account.User, account.Password, account.TLS.ServerName))
	case "CRAM-MD5":
		err = c.Auth(smtp.CRAMMD5Auth(account.User, account.Password))
	}
	if err != nil {
		return err
	}
	message, err := os.ReadFile(setting("MESSAGE"))
	if err != nil {
		return err
	}
	if err := errors.Join(c.Mail(setting("SENDER")), c.Rcpt("bob@example.test")); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(bytes.ReplaceAll(message, []byte("\n"), []byte("\r\n"))); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

// lookByToken logs in by IMAP with an OAuth token.
func lookByToken(account mailclient.Account, conn net.Conn) error {
	options := &imapclient.Options{TLSConfig: account.TLS}
	c, err := connect(account, conn, options)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.WaitGreeting(); err != nil {
		return err
	}
	return c.Authenticate(sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: account.User, Token: account.Password}))
}

func connect(account mailclient.Account, conn net.Conn, options *imapclient.Options) (*imapclient.Client, error) {
	switch account.Security {
	case mailclient.STARTTLS:
		return imapclient.NewStartTLS(conn, options)
	case mailclient.TLS:
		return imapclient.New(tls.Client(conn, account.TLS), options), nil
	}
	return imapclient.New(conn, options), nil
}

func tlsConfig(setting func(string) string) (*tls.Config, error) {
	config := &tls.Config{ServerName: setting("HOST"), InsecureSkipVerify: setting("TRUST") == "any"}
	if setting("TRUST") == "ca" {
		pem, err := os.ReadFile(setting("CA"))
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(pem)
	}
	switch setting("TLS") {
	case "old":
		config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	case "cipher":
		config.MaxVersion, config.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}
	}
	return config, nil
}
