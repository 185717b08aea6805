package store

import "sync"

// Memo returns what make returns for a message. If the message offers a method Memo(key string, make func() any) any,
// the value is kept with it, so that costly values are computed once. An error is returned and never kept.
func Memo[T any](m Message, key string, make func() (T, error)) (T, error) {
	keeper, ok := m.(interface {
		Memo(key string, make func() any) any
	})
	if !ok {
		return make()
	}
	o := keeper.Memo(key, func() any {
		v, err := make()
		return outcome[T]{v, err}
	}).(outcome[T])
	if o.err != nil {
		return make() // a failure is temporary: don't keep it with the message
	}
	return o.value, nil
}

// outcome is what Memo keeps.
type outcome[T any] struct {
	value T
	err   error
}

// MemoSized is Memo for values that take size bytes of memory: the message may have no room for it, and then nothing is
// kept.
func MemoSized[T any](m Message, key string, size int64, make func() (T, error)) (T, error) {
	if v, ok := Kept[T](m, key); ok {
		return v, nil
	}
	return Memo(sized{m, size}, key, make)
}

// Kept returns the value that Memo or MemoSized has kept for a message, if there is one. Searches ask for a value of every message.
func Kept[T any](m Message, key string) (value T, ok bool) {
	keeper, ok := m.(interface{ Kept(key string) (any, bool) })
	if !ok {
		return value, false
	}
	v, ok := keeper.Kept(key)
	if !ok {
		return value, false
	}
	o := v.(outcome[T])
	return o.value, o.err == nil
}

// sized is a message whose Memo takes the size into account.
type sized struct {
	Message
	size int64
}

// Memo implements the method that Memo looks for.
func (s sized) Memo(key string, make func() any) any {
	keeper, ok := s.Message.(interface {
		MemoSized(key string, size int64, make func() any) any
	})
	if !ok {
		return make()
	}
	return keeper.MemoSized(key, s.size, make)
}

// Memory remembers values by key, for messages that offer Memo. The zero value is empty.
type Memory struct {
	mu     sync.Mutex
	values map[string]func() any
}

// Get returns what make returned when Get was first called with this key. Other callers wait for that first call. make
// may ask for another key, but not for its own. If make panics, so does every call with this key.
func (m *Memory) Get(key string, make func() any) any {
	return m.once(key, make, func() bool { return true })()
}

// Kept returns the value with this key, if Get was called with it before.
func (m *Memory) Kept(key string) (value any, ok bool) {
	m.mu.Lock()
	once, ok := m.values[key]
	m.mu.Unlock()
	if !ok {
		return nil, false
	}
	return once(), true
}

// GetIf is Get, but it keeps a new value only if keep returns true.
func (m *Memory) GetIf(key string, make func() any, keep func() bool) any {
	return m.once(key, make, keep)()
}

// once doesn't call f itself, so the lock is never held during a computation.
func (m *Memory) once(key string, f func() any, keep func() bool) func() any {
	m.mu.Lock()
	defer m.mu.Unlock()
	once, ok := m.values[key]
	if !ok {
		if !keep() {
			return f
		}
		if m.values == nil {
			m.values = make(map[string]func() any)
		}
		once = sync.OnceValue(f)
		m.values[key] = once
	}
	return once
}
