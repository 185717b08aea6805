package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/mailrig/mailrig/internal/testkit/mailclient"
)

// mailer [careless] [send] [fetch] is a mail client for trials. It sends a message through door 587 and fetches one
// through door 993, using the rig's variables. With careless it doesn't verify certificates.
func mailer() {
	var errs []error
	careless := slices.Contains(os.Args[1:], "careless")
	for _, what := range os.Args[1:] {
		switch what {
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

func mailerSends(careless bool) error {
	account, dial := mailclient.FromEnviron(mailclient.STARTTLS, careless)
	conn, err := dial("587")
	if err != nil {
		return err
	}
	defer conn.Close()
	const text = "From: <alice@example.test>\r\nTo: <bob@example.test>\r\nSubject: trial\r\nMessage-ID: <trial@example.test>\r\n\r\nHello\r\n"
	return account.Send(conn, account.User, "bob@example.test", []byte(text))
}

func mailerFetches(careless bool) error {
	account, dial := mailclient.FromEnviron(mailclient.TLS, careless)
	conn, err := dial("993")
	if err != nil {
		return err
	}
	defer conn.Close()
	message, of, err := account.Fetch(conn)
	switch {
	case err != nil:
		return err
	case of != 3:
		return fmt.Errorf("%d messages in the INBOX, want 3", of)
	case !bytes.Contains(message, []byte("before your client")):
		return fmt.Errorf("the message isn't what it should be: %q", message)
	}
	return nil
}
