//go:build !linux

package door

import (
	"context"
)

// Other systems have no unprivileged way to leave a SYN unanswered, or to stop listening while a port stays bound. So
// Drop is unsupported, and Refuse closes the socket: clients in its accept queue are reset, and another program may
// take the port before the door opens again. SetMode then returns an error.

func probeDrop() error { return ErrDropUnsupported }

func (s *socket) ignore() error { return ErrDropUnsupported }

func (s *socket) hear() error { return nil }

func (s *socket) stopListening() error { return s.ln.Close() }

func (s *socket) listenAgain() error {
	again, err := openSocket(context.Background(), s.network, s.addr)
	if err != nil {
		return err
	}
	s.ln = again.ln
	return nil
}

func (s *socket) waiting() int { return 0 }
