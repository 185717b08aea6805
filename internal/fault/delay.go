package fault

import (
	"fmt"
	"time"
)

// maxDelay is the longest wait of a scenario. RFC 5321 section 4.5.3.2 lets a client wait for at most ten minutes, and
// an hour outlasts every client.
const maxDelay = time.Hour

// parseDelay parses a duration, for kinds whose whole value is one.
func parseDelay(b []byte) (time.Duration, error) {
	d, err := time.ParseDuration(string(b))
	if err != nil || d <= 0 || d > maxDelay {
		return 0, fmt.Errorf("%q isn't a duration between 1ns and %v, like 500ms, 20s or 5m", b, maxDelay)
	}
	return d, nil
}
