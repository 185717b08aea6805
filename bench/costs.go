package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"time"
)

// cost is something that -against compares. Less is always better.
type cost struct {
	name, unit string
	linux      bool // only Linux can measure it
	// measure runs a binary and measures it once. Each time it starts a new process: one process may be slower than
	// another for its whole life, so rounds in the same process would not be independent, which the interval requires.
	measure func(binary string) (float64, error)
}

const (
	idleEach     = 200  // connections to each door
	heldMessages = 2000 // messages of 4 KiB
)

// costs lists everything that is compared. length is the length of a round. elsewhere is the file of a scenario whose
// rules are for doors that aren't measured.
func costs(length time.Duration, elsewhere string) (all []cost) {
	timed := func(l load, args ...string) func(string) (float64, error) {
		return func(binary string) (float64, error) { return timeEach(binary, l, length, args...) }
	}
	for _, l := range loads {
		all = append(all, cost{name: l.name, unit: "µs each", measure: timed(l)})
	}
	each := loads[1]
	return append(all,
		cost{name: each.name + ", 20 rules elsewhere", unit: "µs each", measure: timed(each, "--scenario", elsewhere)},
		cost{name: "idle connection", unit: "bytes", linux: true, measure: func(b string) (float64, error) { return idleBytes(b, false, 25, 110, 143) }},
		cost{name: "idle connection, TLS", unit: "bytes", linux: true, measure: func(b string) (float64, error) { return idleBytes(b, true, 465, 995, 993) }},
		cost{name: fmt.Sprintf("memory after %d messages", heldMessages), unit: "bytes each", linux: true, measure: heldBytes},
		cost{name: "start-up", unit: "µs", measure: startTime},
		cost{name: "switch to greylisting and back", unit: "µs", measure: switchTime},
	)
}

// timeEach returns the time that one operation takes, once the process is warm.
func timeEach(binary string, l load, length time.Duration, args ...string) (float64, error) {
	p, err := startProcess(binary, false, args...)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	if _, err := l.rate(p.side, length/4); err != nil {
		return 0, err
	}
	rate, err := l.rate(p.side, length)
	return 1e6 / rate, err
}

// idleBytes returns what a connection costs that was greeted, or logged in by IMAP, and says nothing. A few connections
// come first, so that one-time costs of the doors don't count.
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
					c = tls.Client(raw, &tls.Config{InsecureSkipVerify: true}) // the client isn't what is measured
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

// heldBytes returns what a message costs while it is in a mailbox.
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
