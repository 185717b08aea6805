package session

import (
	"context"
	"sync"
)

// life is the context of a connection. It is made when it is first needed, because most connections are idle and need
// none.
type life struct {
	server context.Context // the connection's context ends with it

	mu     sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc
	over   bool
}

func (l *life) context() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil {
		l.ctx, l.cancel = context.WithCancel(l.server)
		if l.over {
			l.cancel()
		}
	}
	return l.ctx
}

func (l *life) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	if l.cancel != nil {
		l.cancel()
	}
}
