package fault

import (
	"errors"
	"fmt"
	"time"
)

// Drip sends the server's bytes in small pieces, which may split a line anywhere, even inside a character. With large
// pieces it imitates a slow network.
type Drip struct {
	Bytes int           `yaml:"bytes" doc:"how many at a time, 1 to 65536"`
	Every time.Duration `yaml:"every" doc:"the pause between two pieces, like 50ms; at most a minute"`
}

// Kind implements Fault.
func (*Drip) Kind() Kind {
	return Kind{
		Name:    "drip",
		Doc:     "The server sends its bytes in small pieces, with pauses between them.",
		Example: "{bytes: 1, every: 50ms}",
		New:     func() Fault { return new(Drip) },
	}
}

// Validate checks the limits.
func (f *Drip) Validate() error {
	if f.Bytes < 1 || f.Bytes > 1<<16 {
		return errors.New("bytes: give 1 to 65536")
	}
	if f.Every <= 0 || f.Every > time.Minute {
		return errors.New("every: give a pause of at most a minute, like 50ms")
	}
	return nil
}

// Pace implements PaceStage.
func (f *Drip) Pace(p *Pace) { p.Bytes, p.Every = f.Bytes, f.Every }

// CheckRule refuses conditions that nobody can know yet.
func (f *Drip) CheckRule(r *Rule) error {
	if r.Match.TLS != nil {
		return fmt.Errorf("drip: applies to a whole connection, in clear and in TLS; leave out tls")
	}
	return errors.Join(r.beforeHello(), r.early())
}

// Waits implements Waiter.
func (f *Drip) Waits() time.Duration { return f.Every }

// Explain says how slow the server is.
func (f *Drip) Explain() string {
	if f.Bytes == 1 {
		return fmt.Sprintf("the server sends one byte at a time, one every %v", f.Every)
	}
	return fmt.Sprintf("the server sends %d bytes at a time, one piece every %v", f.Bytes, f.Every)
}

// Pace returns how fast the server's bytes are sent.
func (c *Conn) Pace() Pace {
	p, by := first(c, func(s PaceStage) (p Pace, ok bool) {
		s.Pace(&p)
		return p, true
	})
	p.By = by
	return p
}
