package main

import "github.com/mailrig/mailrig/server"

// keep turns --data and --keep-mail into a server's configuration.
func (f *rigFlags) keep(a *app, cfg *server.Config) error {
	if err := server.CheckData(f.data); err != nil {
		return usage("%s: %w", a.source("data"), err)
	}
	for _, limit := range f.keepMail {
		messages, age, err := server.ParseKeep(limit)
		if err != nil {
			return usage("%s: %w", a.source("keep-mail"), err)
		}
		if f.data == "" {
			return usage("%s applies to mail that is kept; give --data too", a.source("keep-mail"))
		}
		if messages > 0 {
			cfg.KeepMessages = messages
		} else {
			cfg.KeepFor = age
		}
	}
	return nil
}
