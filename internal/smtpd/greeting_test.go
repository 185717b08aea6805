package smtpd

import (
	"bufio"
	"net"
	"testing"

	proto "github.com/mailrig/mailrig/internal/protocol/smtp"
)

// limitless is a session for an engine that is only greeted by.
type limitless struct{ Session }

func (limitless) Limits() (int64, int) { return 0, 0 }

// TestGreetingIsTheEngines: the gate says the engine's greeting before there is an engine.
func TestGreetingIsTheEngines(t *testing.T) {
	t.Parallel()
	client, server := net.Pipe()
	defer client.Close()
	const name = "mail.example.test"
	Serve(server, Config{Session: limitless{}, Domain: name})
	got, err := bufio.NewReader(client).ReadString('\n')
	if want := string(proto.Protocol.Greeting(name)); err != nil || got != want {
		t.Errorf("the engine says %q, %v; the gate %q", got, err, want)
	}
}
