package server

import "github.com/mailrig/mailrig/internal/store"

// UseStore lets the server keep its mail elsewhere.
func (c *Config) UseStore(st store.Store) { c.store = st }
