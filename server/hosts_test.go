package server_test

import (
	"crypto/tls"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/server"
)

// TestCertificateHasItsAddresses checks that a client which connects to the address of --host is content, also where
// that is one of the addresses that a wildcard stands for.
func TestCertificateHasItsAddresses(t *testing.T) {
	t.Parallel()
	check := func(s *server.Server, ip string) {
		t.Helper()
		_, port, err := net.SplitHostPort(addr(t, s, 993))
		if err != nil {
			t.Fatal(err)
		}
		cfg := s.ClientTLS()
		cfg.ServerName = ip
		c, err := tls.Dial("tcp", net.JoinHostPort(ip, port), cfg)
		if err != nil {
			t.Errorf("%s: %v", ip, err)
			return
		}
		c.Close()
	}
	if runtime.GOOS == "linux" { // which has all of 127.0.0.0/8
		check(start(t, server.Config{Hosts: []string{"127.0.0.2"}}), "127.0.0.2")
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		t.Skip(err)
	}
	s := start(t, server.Config{Hosts: []string{"0.0.0.0"}})
	if all := s.Doors()[0].Addresses; len(all) != 1 || !strings.HasPrefix(all[0], "0.0.0.0:") {
		t.Errorf("the door is at %v", all)
	}
	for _, a := range own {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil {
			check(s, ip.IP.String())
		}
	}
}

// TestKeptCALacksAnAddress checks that the start ends with words where a kept CA can't sign for an address of --host.
func TestKeptCALacksAnAddress(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ca")
	if _, err := server.New(server.Config{CADir: dir}); err != nil {
		t.Fatal(err)
	}
	_, err := server.New(server.Config{CADir: dir, Hosts: []string{"127.0.0.1", "192.0.2.77"}})
	if err == nil {
		t.Fatal("it starts")
	}
	for _, want := range []string{"may not sign for 192.0.2.77, since it was made without it", "delete " + filepath.Join(dir, "ca.pem")} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %q", want, err)
		}
	}
}
