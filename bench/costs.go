package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// cost is something that -against compares. Less is better, always.
type cost struct {
	name, unit string
	linux      bool // needs what only Linux tells
	// fresh measures a binary in a process of its own each time.
	fresh func(binary string) (float64, error)
	// load, where it has a name, is timed at one process of each side that serves all rounds.
	load  load
	scene bool // with twenty rules on other doors
}

const (
	idleEach     = 200  // connections to each door
	heldMessages = 2000 // of 4 KiB
)

// costs lists all that is compared.
func costs() (all []cost) {
	for _, l := range loads {
		all = append(all, cost{name: l.name, unit: "µs each", load: l})
	}
	each := loads[1]
	return append(all,
		cost{name: each.name + ", 20 rules elsewhere", unit: "µs each", load: each, scene: true},
		cost{name: "idle connection", unit: "bytes", linux: true, fresh: func(b string) (float64, error) { return idleBytes(b, false, 25, 110, 143) }},
		cost{name: "idle connection, TLS", unit: "bytes", linux: true, fresh: func(b string) (float64, error) { return idleBytes(b, true, 465, 995, 993) }},
		cost{name: fmt.Sprintf("memory after %d messages", heldMessages), unit: "bytes each", linux: true, fresh: heldBytes},
		cost{name: "start-up", unit: "µs", fresh: startTime},
		cost{name: "switch to greylisting and back", unit: "µs", fresh: switchTime},
	)
}

// idleBytes is what a connection costs that was greeted, or logged in by IMAP, and says
// nothing. A few come first, so that what the doors have once isn't counted.
func idleBytes(binary string, secure bool, ports ...int) (float64, error) {
	p, err := startProcess(binary, true)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	var held []net.Conn
	defer func() {
		for _, c := range held {
			c.Close()
		}
	}()
	open := func(n int) error {
		for _, port := range ports {
			for range n {
				raw, err := net.Dial("tcp", p.addr[port])
				if err != nil {
					return err
				}
				held = append(held, raw)
				c := raw
				if secure {
					c = tls.Client(raw, &tls.Config{InsecureSkipVerify: true}) // it's not the client that is measured
				}
				login := ""
				if port == 143 || port == 993 {
					login = "a LOGIN alice secret"
				}
				if err := greet(c, login); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := open(20); err != nil {
		return 0, err
	}
	before, err := p.memory()
	if err != nil {
		return 0, err
	}
	if err := open(idleEach); err != nil {
		return 0, err
	}
	after, err := p.memory()
	return (after - before) / float64(idleEach*len(ports)), err
}

// heldBytes is what a message costs while it lies in a mailbox.
func heldBytes(binary string) (float64, error) {
	p, err := startProcess(binary, true)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	text := message + message + message + message
	if err := deliver(p.addr[25], "b@example.test", 50, text); err != nil {
		return 0, err
	}
	before, err := p.memory()
	if err != nil {
		return 0, err
	}
	if err := deliver(p.addr[25], "b@example.test", heldMessages, text); err != nil {
		return 0, err
	}
	after, err := p.memory()
	return (after - before) / heldMessages, err
}

func startTime(binary string) (float64, error) {
	p, err := startProcess(binary, false)
	if err != nil {
		return 0, err
	}
	p.stop()
	return micros(p.took), nil
}

func switchTime(binary string) (float64, error) {
	p, err := startProcess(binary, false)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	const n = 50
	began := time.Now()
	for range n {
		if err := p.call("PUT", "/api/v1/scenario", `{"scenarios":["greylisting"]}`); err != nil {
			return 0, err
		}
		if err := p.call("DELETE", "/api/v1/scenario", ""); err != nil {
			return 0, err
		}
	}
	return micros(time.Since(began)) / n, nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// sampler returns a function that measures a binary once, and one that ends it.
func (c cost) sampler(binary, dir string, length time.Duration) (sample func() (float64, error), end func(), err error) {
	if c.fresh != nil {
		return func() (float64, error) { return c.fresh(binary) }, func() {}, nil
	}
	var args []string
	if c.scene {
		file := filepath.Join(dir, "elsewhere.yaml")
		if err := os.WriteFile(file, []byte(elsewhereYAML()), 0o600); err != nil {
			return nil, nil, err
		}
		args = []string{"--scenario", file}
	}
	p, err := startProcess(binary, false, args...)
	if err != nil {
		return nil, nil, err
	}
	return func() (float64, error) {
		rate, err := c.load.rate(p.side, length)
		return 1e6 / rate, err
	}, p.stop, nil
}
