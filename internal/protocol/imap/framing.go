package imap

import "github.com/mailrig/mailrig/internal/protocol"

func newFraming(protocol.Port) protocol.Framing { return nil }
