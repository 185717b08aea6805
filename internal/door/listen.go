package door

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
)

// Config says where the doors listen.
type Config struct {
	Doors  []Door   // none means All
	Hosts  []string // addresses or names; none means 127.0.0.1 and ::1
	Offset Offset   // zero means the automatic rule
	// Also has one more address for some doors, by their standard numbers, like 127.0.0.1:1025 for 25.
	Also   map[int]string
	Logger *slog.Logger // nil is silent
	// OnTrouble is called once, when a door can't accept a connection for lack of resources. The doors go on trying.
	OnTrouble func(d Door, err error)
}

// Set holds all doors, listening.
type Set struct {
	listeners []*Listener
	moved     string
	noIPv6    error
}

// Listen opens every door or none. ctx applies only to the opening. An error about ports is a [*BindError], which lists
// every door that could not be opened.
func Listen(ctx context.Context, cfg Config) (*Set, error) {
	addrs, err := resolveHosts(ctx, cfg.Hosts)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err // binding itself doesn't check ctx
	}
	doors := cfg.Doors
	if doors == nil {
		doors = All()
	}
	o := opener{ctx: ctx, doors: doors, addrs: addrs}
	moved := ""
	switch cfg.Offset.kind {
	case offsetRandom:
		err = o.openRandom()
	case offsetExact:
		err = o.openAt(cfg.Offset.n)
	default:
		err = o.openAt(0)
		var failed *BindError
		if errors.As(err, &failed) && failed.movable() {
			moved = failed.brief()
			err = o.openAt(DefaultOffset)
			if errors.As(err, &failed) {
				failed.Moved = moved
			}
		}
	}
	if err == nil {
		err = o.openAlso(cfg.Also)
	}
	if err != nil {
		return nil, err
	}
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	set := &Set{moved: moved, noIPv6: o.noIPv6}
	canDrop := sync.OnceValue(probeDrop)
	var once sync.Once
	trouble := func(d Door, err error) {
		if cfg.OnTrouble != nil {
			once.Do(func() { cfg.OnTrouble(d, err) })
		}
	}
	for i, d := range doors {
		set.listeners = append(set.listeners, newListener(d, o.sockets[i], canDrop, trouble, log))
	}
	return set, nil
}

// Listeners returns the doors in the order of [All].
func (s *Set) Listeners() []*Listener { return append([]*Listener(nil), s.listeners...) }

// Listener finds a door by its standard number.
func (s *Set) Listener(port int) (*Listener, bool) {
	for _, l := range s.listeners {
		if l.door.Port == port {
			return l, true
		}
	}
	return nil, false
}

// Doors returns the open doors with their addresses, in the order of [All].
func (s *Set) Doors() []Door {
	doors := make([]Door, 0, len(s.listeners))
	for _, l := range s.listeners {
		d := l.Door()
		d.Address = l.Addr()
		for _, a := range l.Addrs() {
			d.Addresses = append(d.Addresses, a.String())
		}
		doors = append(doors, d)
	}
	return doors
}

// Moved says why the automatic rule moved all doors up, for the start-up table, as in "port 25: permission denied". It
// is empty if the doors have their standard numbers, or if the user chose other ones.
func (s *Set) Moved() string { return s.moved }

// Close closes every door and waits for their goroutines.
func (s *Set) Close() {
	for _, l := range s.listeners {
		l.Close()
	}
}

// opener binds all doors. It remembers what it has bound, so that it can release it.
type opener struct {
	ctx     context.Context
	doors   []Door
	addrs   []bindAddr
	sockets [][]*socket // per door
	noIPv6  error
}

// openAt binds every door at its standard number plus offset.
func (o *opener) openAt(offset int) error {
	var failures []Failure
	for _, d := range o.doors {
		sockets, failed := o.openDoor(d, uint16(d.Port+offset))
		o.sockets = append(o.sockets, sockets)
		failures = append(failures, failed...)
	}
	if len(failures) > 0 {
		o.letGo()
		return &BindError{Failures: failures}
	}
	return nil
}

// openDoor binds one port number on every address, or on none.
func (o *opener) openDoor(d Door, port uint16) ([]*socket, []Failure) {
	var sockets []*socket
	var failures []Failure
	for _, a := range o.addrs {
		if a.optional && o.noIPv6 != nil {
			continue
		}
		addr := netip.AddrPortFrom(a.ip, port)
		s, err := openSocket(o.ctx, a.network, addr)
		switch {
		case err == nil:
			sockets = append(sockets, s)
		case a.optional && isNoSuchAddress(err):
			o.noIPv6 = fmt.Errorf("this machine has no IPv6 loopback: %w", cause(err))
		default:
			failures = append(failures, Failure{Door: d, Addr: addr, Err: cause(err)})
		}
	}
	if len(failures) > 0 {
		closeAll(sockets)
		return nil, failures
	}
	return sockets, nil
}

// openRandom gives every door a port number that is free on all addresses.
func (o *opener) openRandom() error {
	for _, d := range o.doors {
		sockets, err := o.openFree(d)
		if err != nil {
			o.letGo()
			return err
		}
		o.sockets = append(o.sockets, sockets)
	}
	return nil
}

func (o *opener) openFree(d Door) ([]*socket, error) {
	// The system names a port that is free on one address. It is then bound by its number (see openSocket). In between,
	// another program may take it, and it may be taken on another address. So this is tried several times.
	const tries = 50
	var failures []Failure
	for range tries {
		first := o.addrs[0]
		probe, err := openSocket(o.ctx, first.network, netip.AddrPortFrom(first.ip, 0))
		if err != nil {
			return nil, &BindError{Failures: []Failure{{Door: d, Addr: netip.AddrPortFrom(first.ip, 0), Err: cause(err)}}}
		}
		port := probe.ln.Addr().(interface{ AddrPort() netip.AddrPort }).AddrPort().Port()
		probe.ln.Close()
		var sockets []*socket
		if sockets, failures = o.openDoor(d, port); len(failures) == 0 {
			return sockets, nil
		}
		if !isInUse(failures[0].Err) {
			break
		}
	}
	return nil, &BindError{Failures: failures}
}

func (o *opener) letGo() {
	for _, sockets := range o.sockets {
		closeAll(sockets)
	}
	o.sockets = nil
}

func closeAll(sockets []*socket) {
	for _, s := range sockets {
		s.ln.Close()
	}
}
