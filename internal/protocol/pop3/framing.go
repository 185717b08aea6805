package pop3

import "github.com/mailrig/mailrig/internal/protocol"

func newFraming(protocol.Port) protocol.Framing { return nil }
