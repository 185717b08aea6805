package main

import (
	"strings"
	"testing"

	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

func TestTable(t *testing.T) {
	t.Parallel()
	loaded := 2923
	s := startup{
		Seeded: &loaded,
		Doors: []server.Door{
			{Port: 25, Service: "smtp", Security: "starttls", Address: "127.0.0.1:3025", Addresses: []string{"127.0.0.1:3025", "[::1]:3025"}},
			{Port: 587, Service: "submission", Security: "starttls-required", Address: "127.0.0.1:3587", Addresses: []string{"0.0.0.0:3587"}},
			{Port: 993, Service: "imaps", Security: "tls", Address: "127.0.0.1:3993", Addresses: []string{"127.0.0.1:3993"}},
		},
		HTTP: "http://127.0.0.1:8025", CAFile: "/tmp/ca.pem", User: "alice@example.test", Password: "secret",
		Bounds: server.Bounds{Memory: 1536 << 20, WhenFull: server.Evict},
	}
	active := []*scenarios.Scenario{{Name: "one", Title: "The first"}, {Name: "two", Title: "The second"}}
	var b strings.Builder
	if err := writeTable(&b, s, "port 25: permission denied", "127.0.0.1:8025", "only alice@example.test", active, []string{"port-25-blocked: door 25 stays silent"}); err != nil {
		t.Fatal(err)
	}
	want := "mailrig " + version() + ` is ready
All ports are 3000 higher than usual: port 25: permission denied

DOOR   SERVICE      SECURITY            ADDRESS
25     smtp         STARTTLS offered    127.0.0.1:3025 [::1]:3025
587    submission   STARTTLS required   0.0.0.0:3587
993    imaps        SSL/TLS             127.0.0.1:3993

Login       only alice@example.test
            for example alice@example.test with secret
CA file     /tmp/ca.pem
Web page    http://127.0.0.1:8025
            127.0.0.1:8025 is taken, perhaps by another mailrig; use, sessions and other commands need --http 127.0.0.1:8025
Memory      1.5 GiB at most; when full: the oldest mail of the largest account goes
Mail        2923 messages loaded
Scenarios   one: The first
            two: The second
Note        port-25-blocked: door 25 stays silent

Ctrl-C stops
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	s.HTTP = ""
	b.Reset()
	if err := writeTable(&b, s, "", "", "x", nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Web page    off\n", "Scenarios   none: every door behaves correctly\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "higher") {
		t.Error("no port is higher")
	}
}
