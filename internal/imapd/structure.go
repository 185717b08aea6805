package imapd

import (
	"context"
	"time"

	"github.com/mailrig/mailrig/internal/message"
	"github.com/mailrig/mailrig/internal/store"
)

// What is computed from a message is kept with it, because a message never changes.

func structure(ctx context.Context, m store.Message) (*message.Part, error) {
	return store.Memo(m, "message.Part", func() (*message.Part, error) {
		raw, err := store.ReadAll(ctx, m)
		if err != nil {
			return nil, err
		}
		return message.Parse(raw), nil
	})
}

func envelope(ctx context.Context, m store.Message) (rendered, error) {
	return store.Memo(m, "envelope", func() (rendered, error) {
		part, raw, err := parsed(ctx, m)
		if err != nil {
			return nil, err
		}
		return rendered(nil).envelope(part.Envelope(raw)), nil
	})
}

// sentDate returns the date of the Date field, or the zero time if it has none that can be read.
func sentDate(ctx context.Context, m store.Message) (time.Time, error) {
	return store.Memo(m, "sent", func() (time.Time, error) {
		part, raw, err := parsed(ctx, m)
		if err != nil {
			return time.Time{}, err
		}
		return message.ParseDate(message.Value(raw[part.Start:part.BodyStart], "Date")), nil
	})
}

func bodyStructure(ctx context.Context, m store.Message, extended bool) (rendered, error) {
	key := "body"
	if extended {
		key = "bodystructure"
	}
	return store.Memo(m, key, func() (rendered, error) {
		part, raw, err := parsed(ctx, m)
		if err != nil {
			return nil, err
		}
		return rendered(nil).structure(part, raw, extended), nil
	})
}

// parsed returns a message's bytes and their structure.
func parsed(ctx context.Context, m store.Message) (*message.Part, []byte, error) {
	raw, err := store.ReadAll(ctx, m)
	if err != nil {
		return nil, nil, err
	}
	part, err := structure(ctx, m)
	return part, raw, err
}
