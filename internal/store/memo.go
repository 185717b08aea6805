package store

import "sync"

// Memo returns what make returns for a message, keeping it with the message if the store
// offers to (a method Memo(key string, make func() any) any): so that what is costly is
// computed once. An error of make is returned and never kept.
func Memo[T any](m Message, key string, make func() (T, error)) (T, error) {
	keeper, ok := m.(interface {
		Memo(key string, make func() any) any
	})
	if !ok {
		return make()
	}
	type outcome struct {
		value T
		err   error
	}
	o := keeper.Memo(key, func() any {
		v, err := make()
		return outcome{v, err}
	}).(outcome)
	if o.err != nil {
		return make() // a failure is somebody's bad moment, not the message's
	}
	return o.value, nil
}

// Memory remembers values by key, for messages that offer Memo. The zero value is empty.
type Memory struct {
	mu     sync.Mutex
	values map[string]func() any
}

// Get returns what make returned the first time Get was called with this key. Others
// wait for the first make, which may ask for another key, not for its own. If make
// panics, so does every call with this key.
func (m *Memory) Get(key string, make func() any) any { return m.once(key, make)() }

// once calls nothing itself, so the lock is never held while somebody computes.
func (m *Memory) once(key string, f func() any) func() any {
	m.mu.Lock()
	defer m.mu.Unlock()
	once, ok := m.values[key]
	if !ok {
		if m.values == nil {
			m.values = make(map[string]func() any)
		}
		once = sync.OnceValue(f)
		m.values[key] = once
	}
	return once
}
