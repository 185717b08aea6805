package main

import (
	"context"
	"net/url"
	"os"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/recorded"
)

// recordServer writes what sessions show of the server as a scenario.
func (a *app) recordServer(ctx context.Context, c *client, file string, ids []string) error {
	name := "session-" + ids[0]
	if file != "-" {
		var err error
		if name, err = scenarioName("--scenario", file); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var records []*event.Record
	for _, id := range ids {
		var encoded []byte
		if err := c.do(ctx, "GET", "/api/v1/sessions/"+url.PathEscape(id)+"/events", nil, &encoded); err != nil {
			return talkError(err)
		}
		r, err := event.Decode(encoded)
		if err != nil {
			return notStarted("can't read session %s: %w; use a mailrig of the same version as the running one", id, err)
		}
		records = append(records, r)
	}
	text, err := recorded.Scenario(name, records...)
	if err == nil && file == "-" {
		_, err = a.stdout.Write(text)
		return err
	}
	if err != nil {
		return notStarted("can't write %s: %w", file, err)
	}
	if err := os.WriteFile(file, text, 0o666); err != nil {
		return notStarted("can't write %s: %w; give the name of a file in a directory that is there", file, reason(err))
	}
	return nil
}
