package server

import "github.com/mailrig/mailrig/internal/store"

// UseStore makes the server keep its mail in another store.
func (c *Config) UseStore(st store.Store) { c.store = st }
