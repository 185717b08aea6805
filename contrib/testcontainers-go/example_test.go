package mailrig_test

import (
	"net/smtp"
	"testing"

	"github.com/testcontainers/testcontainers-go"

	mailrig "github.com/mailrig/mailrig/contrib/testcontainers-go"
)

func exampleOfTheDocs(t *testing.T) {
	ctx := t.Context()
	rig, err := mailrig.Run(ctx, "mailrig", mailrig.WithScenario("greylisting"), mailrig.WithUser("alice", "secret"))
	testcontainers.CleanupContainer(t, rig)
	if err != nil {
		t.Fatal(err)
	}
	address, err := rig.Addr(ctx, 587)
	if err != nil {
		t.Fatal(err)
	}
	client, err := smtp.Dial(address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	config, err := rig.TLS(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.StartTLS(config); err != nil {
		t.Fatal(err)
	}
}
