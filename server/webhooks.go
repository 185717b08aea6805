package server

import (
	"context"

	"github.com/mailrig/mailrig/internal/httpapi"
	"github.com/mailrig/mailrig/internal/webhook"
)

// mostPosted is how many messages a webhook that was away gets at most.
const mostPosted = 10_000

// startHooks begins to post to the webhooks.
func (s *Server) startHooks() (err error) {
	if len(s.cfg.Webhooks) > 0 {
		s.hooks, err = webhook.Start(webhook.Config{
			URLs: s.cfg.Webhooks, Source: posted{waited{s}}, Logger: s.cfg.Logger,
			OnTrouble: func(text string) { s.trouble("webhook", text) },
		})
	}
	return err
}

// posted is the server as package webhook sees it.
type posted struct{ waited }

// Mail implements webhook.Source.
func (p posted) Mail(ctx context.Context, n uint64) ([]Mail, uint64, error) {
	return p.mail.Newest(ctx, n, mostPosted)
}

// Encode implements webhook.Source.
func (p posted) Encode(ctx context.Context, m Mail) ([]byte, error) {
	raw, err := m.Raw(ctx)
	if err != nil {
		return nil, err
	}
	return httpapi.EncodeMail(m, raw)
}

// CheckWebhook reports what is wrong with a URL for Config.Webhooks.
func CheckWebhook(url string) error { return webhook.Check(url) }
