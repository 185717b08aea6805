// Command goclient sends a message with net/smtp and fetches one with go-imap. Usage: goclient careful|any-certificate.
// It finds the server through the variables of mailrig run, and the message in MSG.
package main

import (
	"fmt"
	"os"

	"github.com/mailrig/mailrig/internal/testkit/mailclient"
)

func main() {
	anyCertificate := len(os.Args) > 1 && os.Args[1] == "any-certificate"
	status := 0
	for name, step := range map[string]func(anyCertificate bool) error{"send": send, "fetch": fetch} {
		if err := step(anyCertificate); err != nil {
			fmt.Println(name, err)
			status = 1
		}
	}
	os.Exit(status)
}

func send(anyCertificate bool) error {
	message, err := os.ReadFile(os.Getenv("MSG"))
	if err != nil {
		return err
	}
	account, dial := mailclient.FromEnviron(mailclient.STARTTLS, anyCertificate)
	account.Hello = "client.example.test"
	conn, err := dial("587")
	if err != nil {
		return err
	}
	defer conn.Close()
	return account.Send(conn, "alice@example.test", "bob@example.test", message)
}

func fetch(anyCertificate bool) error {
	account, dial := mailclient.FromEnviron(mailclient.STARTTLS, anyCertificate)
	conn, err := dial("143")
	if err != nil {
		return err
	}
	defer conn.Close()
	_, _, err = account.Fetch(conn)
	return err
}
